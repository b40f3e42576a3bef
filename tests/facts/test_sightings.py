"""Are sightings that are packed the same sightings?"""

from __future__ import annotations

import tracemalloc
from dataclasses import replace
from unittest.mock import patch
from weakref import ref

from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import sightings
from exporter.facts.digests import rows_of
from exporter.facts.proof import HEADER, LAST_BYTE, Proof, Sighting, State, gone
from exporter.facts.sightings import Sightings
from exporter.oci.digest import Digest
from exporter.oci.reference import Place, Repository

_REPOSITORIES = st.sampled_from([Repository("app"), Repository("other")])
_DIGESTS = st.builds(
    Digest.of, st.binary(max_size=1), st.sampled_from(["sha256", "sha256", "sha512"])
)
_SEEN = st.sampled_from([HEADER, LAST_BYTE]) | st.builds(
    gone, st.just(State.MISSING), st.text(max_size=1)
)
_NOTES = st.lists(st.tuples(st.tuples(_REPOSITORIES, _DIGESTS), _SEEN), max_size=60)


@given(_NOTES, _NOTES, st.integers(1, 9))
def test_they_hold_what_was_noted_last(
    first: list[tuple[Place, Sighting]], then: list[tuple[Place, Sighting]], waiting: int
) -> None:
    with patch.object(sightings, "_WAITING", waiting):
        known = Sightings(dict(first))
        changed = known.copy()
        changed.update(then)
        marked_alike(changed, {**dict(first), **dict(then)})
        same(changed, {**dict(first), **dict(then)})
        same(known, dict(first))
        same(known.amended(dict(then)), {**dict(first), **dict(then)})
        again = Sightings({**dict(first), **dict(then)}, before=known)
        same(again, {**dict(first), **dict(then)})


def marked_alike(made: Sightings, wanted: dict[Place, Sighting]) -> None:
    keys = [Digest.of(bytes([number])).packed for number in range(256)]
    marks = made.marked(Repository("app"), rows_of(b"".join(keys)), LAST_BYTE.__eq__)
    places = [(Repository("app"), Digest.of_packed(key)) for key in keys]
    assert marks.tolist() == [wanted.get(place) == LAST_BYTE for place in places]


def same(made: Sightings, wanted: dict[Place, Sighting]) -> None:
    for place, seen in wanted.items():
        assert made[place] == seen
        assert place in made
    assert (Repository("third"), Digest.of(b"")) not in made
    assert made.get((Repository("app"), Digest.of(b"never")), "nothing") == "nothing"
    assert len(made) == len(wanted)
    assert dict(made) == wanted
    assert made == wanted
    assert dict(made.having(LAST_BYTE.__eq__)) == {
        at: seen for at, seen in wanted.items() if seen == LAST_BYTE
    }
    assert sorted(made.values(), key=repr) == sorted(wanted.values(), key=repr)
    assert set(made.repositories) == {at for at, _ in wanted}
    for repository in made.repositories:
        assert made.of(repository) == {at[1]: s for at, s in wanted.items() if at[0] == repository}
    for repository in made.repositories:
        short = sorted(d.packed for at, d in wanted if at == repository and d[3:6] == "256")
        assert made.digests(repository) == b"".join(short)
    packed = {(at, Digest.of_packed(k)): s for at, found in made.packed() for k, s in found.items()}
    assert packed == wanted
    app = {at: seen for at, seen in wanted.items() if at[0] == "app"}
    assert made.within(lambda at: at == "app") == app
    again = Sightings()
    for repository, found in made.packed():
        for key, seen in found.items():
            again.add_packed(repository, [key], seen)
    assert again == made


def test_a_digest_is_found_where_many_begin_alike() -> None:
    digests = [Digest.of_packed(bytes(28) + number.to_bytes(4)) for number in range(5_000)]
    made = Sightings({(Repository("app"), each): LAST_BYTE for each in digests[::2]})

    assert [(Repository("app"), each) in made for each in digests] == [True, False] * 2_500


def test_the_sightings_of_an_audit_do_not_keep_those_of_the_one_before() -> None:
    place = (Repository("app"), Digest.of(b""))
    before = Sightings({place: HEADER})
    now = Sightings({place: LAST_BYTE}, before=before)
    kept = ref(before)
    del before

    assert now.copy()[place] == LAST_BYTE
    assert kept() is None


def test_two_audits_hold_the_digests_that_both_saw_once() -> None:
    digests = [Digest.of(str(number).encode()) for number in range(20_000)]
    before = Sightings({(Repository("app"), each): HEADER for each in digests})
    before.settle()
    tracemalloc.start()
    try:
        now = Sightings({(Repository("app"), each): LAST_BYTE for each in digests}, before=before)
        now.settle()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken / len(now) < 4


def test_what_is_healthy_takes_forty_bytes_a_place() -> None:
    digests = [Digest.of(str(number).encode()) for number in range(20_000)]
    places = {(Repository("app"), each): LAST_BYTE for each in digests}
    tracemalloc.start()
    try:
        made = Sightings(places)
        made.settle()
        taken, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert taken / len(made) < 40


@given(_NOTES)
def test_what_differs_holds_every_number_of_every_repository(
    noted: list[tuple[Place, Sighting]],
) -> None:
    known = Sightings(dict(noted))
    looks = tuple(known.different)
    for repository in known.repositories:
        keys, numbers = known.numbered(repository)
        assert {
            Digest.of_packed(key): looks[at] for key, at in zip(keys, numbers, strict=True)
        } == {place[1]: seen for place, seen in dict(noted).items() if place[0] == repository}


@given(_NOTES, _NOTES)
def test_what_changed_of_a_repository_is_known(
    first: list[tuple[Place, Sighting]], then: list[tuple[Place, Sighting]]
) -> None:
    old, new = dict(first), dict(first) | dict(then)
    fresh = {**dict(reversed(then)), **new}  # sightings are numbered in another order
    for repository in (Repository("app"), Repository("other")):
        wanted = {
            at[1].packed: seen.state is State.PRESENT and _blank(old.get(at)) == _blank(seen)
            for at, seen in new.items()
            if at[0] == repository and old.get(at) != seen
        }
        for now in (Sightings(fresh), Sightings(old).amended(new)):
            before = Sightings(old)
            before.settle()
            assert now.changes(before, repository) == wanted


def _blank(seen: Sighting | None) -> Sighting | None:
    return seen and replace(seen, proof=Proof.NOTHING, seen_at=None)


def test_a_sighting_that_has_the_number_of_another_one_before_changed() -> None:
    one, other = (Repository("app"), Digest.of(b"1")), (Repository("app"), Digest.of(b"2"))
    before = Sightings({one: HEADER, other: LAST_BYTE})
    now = Sightings({one: LAST_BYTE, other: HEADER})
    before.settle()

    assert now.changes(before, Repository("app")) == {one[1].packed: True, other[1].packed: True}
