"""What a scrub reads of what an audit saw, when it is due, and in which order."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.facts.proof import HEADER, Sighting, State, corrupt, gone, unknown
from exporter.facts.scrubbed import Proven, Scrubbed
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.resolve.scrub.selection import ReadPlace, ScrubItem, coverage, due, needed_items
from exporter.resolve.target import DAY, Terms
from tests import worlds
from tests.fakes import APP, Fake, audited, use

OTHER = Repository("other")
IMAGE = worlds.two_platforms("app")
LAYER = IMAGE.children[0].layers[0]


async def found(fake: Fake, *names: str) -> dict[str, ScrubItem]:
    report = await audited(fake, *map(use, names))
    return {each.digest: each for each in needed_items(report.snapshot)}


async def test_every_manifest_and_blob_below_a_tag_is_read_once() -> None:
    fake = Fake()
    fake.push(IMAGE, "v1")
    fake.push(IMAGE, "v2")

    wanted = await found(fake)

    blobs = {blob.digest for made in IMAGE.walk() for blob in made.blobs}
    assert wanted.keys() == blobs | {made.digest for made in IMAGE.walk()}


async def test_it_is_read_for_the_most_important_tag_that_needs_it() -> None:
    fake = Fake()
    fake.push(IMAGE, "v1")
    fake.push(IMAGE, "v1", OTHER)

    wanted = await found(fake, "other:v1")

    assert wanted[LAYER.digest].reference_class is ReferenceClass.LIVE
    above = IMAGE.children[0].digest
    assert wanted[LAYER.digest].needs == (ReadPlace(OTHER, above), ReadPlace(APP, above))
    assert wanted[IMAGE.digest].needs[0] == ReadPlace(OTHER, None)


async def test_foreign_and_inline_content_is_not_read() -> None:
    fake = Fake()
    windows, inline = worlds.windows("base"), worlds.inline("note")
    fake.push(windows, "win")
    fake.push(inline, "note")

    wanted = await found(fake)

    assert windows.layers[0].digest not in wanted
    assert inline.config.digest not in wanted
    assert windows.layers[1].digest in wanted


@pytest.mark.parametrize(
    ("seen", "is_read", "is_read_behind"),
    [
        (gone(State.MISSING, "BLOB_UNKNOWN"), False, False),
        (gone(State.BROKEN, "0 of 9 bytes"), False, False),
        (corrupt("hashes to x"), True, True),
        (unknown(Reason.SERVER_ERROR), False, True),
        (unknown(Reason.BY_DESIGN), False, False),
    ],
    ids=["missing", "short", "corrupt", "unknown", "by design"],
)
async def test_what_an_audit_knows_to_be_gone_is_not_read_and_what_is_corrupt_is(
    seen: Sighting,
    is_read: bool,  # noqa: FBT001 - a row of the table
    is_read_behind: bool,  # noqa: FBT001 - likewise
) -> None:
    fake = Fake()
    fake.push(IMAGE, "v1")
    snapshot = (await audited(fake)).snapshot
    at = (APP, LAYER.digest)
    snapshot = replace(snapshot, sightings={**snapshot.sightings, at: seen})

    over_the_api = {each.digest for each in needed_items(snapshot)}
    behind_it = {each.digest for each in needed_items(snapshot, hidden=True)}

    assert (LAYER.digest in over_the_api) is is_read
    assert (LAYER.digest in behind_it) is is_read_behind


async def test_a_pull_through_cache_is_left_alone() -> None:
    fake = Fake()
    fake.push(IMAGE, "v1")
    snapshot = (await audited(fake)).snapshot

    assert needed_items(replace(snapshot, role=Role.PROXY)) == ()


async def test_an_entry_of_an_unknown_type_is_asked_for_as_what_it_turned_out_to_be() -> None:
    fake = Fake()
    cache = worlds.build_cache("buildkit")
    fake.push(cache, "cache")
    snapshot = (await audited(fake)).snapshot
    odd, plain = cache.blobs[0].digest, cache.blobs[1].digest
    snapshot = replace(snapshot, sightings={**snapshot.sightings, (APP, odd): HEADER})

    asked = {each.digest: each.target.is_manifest for each in needed_items(snapshot)}

    assert asked[odd]
    assert not asked[plain]


NOW = 1_776_852_000.0
PERIOD = 30 * DAY


def subject(
    name: str, kind: ReferenceClass = ReferenceClass.LIVE, size: int = 10, *, corrupt: bool = False
) -> ScrubItem:
    target = Descriptor("application/octet-stream", Digest.of(name.encode()), size)
    return ScrubItem(target, kind, (ReadPlace(APP, None),), corrupt)


SUBJECTS = st.lists(
    st.builds(
        subject,
        st.text(max_size=4),
        st.sampled_from(ReferenceClass),
        st.integers(0, 10**9),
        corrupt=st.booleans(),
    ),
    unique_by=lambda each: each.digest,
    max_size=12,
)
AGES = st.one_of(st.none(), st.floats(0, 2 * PERIOD))


@st.composite
def histories(draw: st.DrawFn) -> tuple[list[ScrubItem], Scrubbed]:
    subjects = draw(SUBJECTS)
    proofs = {}
    for each in subjects:
        age = draw(AGES)
        proofs[each.digest] = Proven(NOW - 3 * PERIOD, None if age is None else NOW - age)
    return subjects, Scrubbed(proofs)


@given(histories())
def test_nothing_is_read_twice_within_a_period_but_what_is_corrupt(
    history: tuple[list[ScrubItem], Scrubbed],
) -> None:
    subjects, known = history

    planned = due(subjects, known, NOW, PERIOD)

    assert len({each.digest for each in planned}) == len(planned)
    for each in subjects:
        wanted = each.corrupt or not known.fresh(each.digest, NOW, PERIOD)
        assert (each in planned) is wanted


@given(histories())
def test_corrupt_first_then_by_class_then_the_oldest_proof(
    history: tuple[list[ScrubItem], Scrubbed],
) -> None:
    subjects, known = history

    planned = due(subjects, known, NOW, PERIOD)

    for first, second in pairwise(planned):
        assert first.corrupt or not second.corrupt
        if first.corrupt is second.corrupt:
            assert first.reference_class.rank <= second.reference_class.rank
            if first.reference_class is second.reference_class:
                ages = [known.proofs[each.digest].at or 0.0 for each in (first, second)]
                assert ages[0] <= ages[1]


@given(histories(), st.randoms())
def test_the_plan_does_not_depend_on_the_order_of_what_is_needed(
    history: tuple[list[ScrubItem], Scrubbed],
    chance: st.randoms,  # type: ignore[valid-type] # a random.Random
) -> None:
    subjects, known = history
    shuffled = list(subjects)
    chance.shuffle(shuffled)

    assert due(shuffled, known, NOW, PERIOD) == due(subjects, known, NOW, PERIOD)


def test_what_could_not_be_read_lets_others_go_first_for_some_hours() -> None:
    one, two = subject("one"), subject("two")
    tried = {one.digest: NOW}

    assert due([one, two], Scrubbed(), NOW + 60, PERIOD, tried) == [two]
    assert len(due([one, two], Scrubbed(), NOW + DAY, PERIOD, tried)) == 2
    assert len(due([one, two], Scrubbed(), NOW - DAY, PERIOD, tried)) == 2, "a clock was set"


@given(st.lists(st.integers(0, 5 * 10**9), min_size=1), st.integers(10**6, 10**12))
def test_no_stretch_of_time_brings_more_than_its_share_and_one_blob(
    sizes: list[int], budget: int
) -> None:
    terms = Terms(PERIOD, budget)
    now, debt, read = NOW, 0.0, 0

    for size in sizes:
        now = max(now, debt)  # as soon as it may be
        debt = terms.paid(debt, now, size, 10**12)
        read += size
        earned = (now - NOW) * budget / DAY
        unsure = budget / DAY * 1e-6 * len(sizes)  # seconds of our era have so many digits
        assert read - size <= earned + unsure + 1


def test_a_pause_saves_nothing_up() -> None:
    terms = Terms(PERIOD, 86_400)

    assert terms.paid(NOW - 10 * DAY, NOW, 60, 0) == NOW + 60


@given(st.integers(1, 10**15))
def test_without_a_budget_the_period_suffices_with_a_reserve(needed: int) -> None:
    terms = Terms(PERIOD)

    assert terms.budget(needed) * PERIOD / DAY >= needed
    assert terms.paid(0.0, NOW, needed, needed) - NOW <= PERIOD


def test_how_far_it_is_counts_bytes_and_the_longest_wait_among_the_live() -> None:
    right, old, never = subject("right", size=30), subject("old", size=10), subject("never")
    selected = subject("selected", ReferenceClass.SELECTED, 50)
    known = Scrubbed(
        {
            right.digest: Proven(0.0, NOW - 1),
            old.digest: Proven(0.0, NOW - PERIOD - 5),
            never.digest: Proven(NOW - 7),
            selected.digest: Proven(0.0),
        }
    )

    covered = coverage([right, old, never, selected], known, NOW, PERIOD)

    assert (covered.needed, covered.proven) == (100, 30)
    assert covered.oldest_live == NOW - PERIOD - 5
    assert covered.share == 0.3


def test_what_was_never_read_waits_since_it_was_first_needed() -> None:
    never = subject("never")

    covered = coverage([never], Scrubbed({never.digest: Proven(NOW - 7)}), NOW, PERIOD)

    assert covered.oldest_live == NOW - 7


def test_where_nothing_is_needed_nothing_is_late_and_all_is_proven() -> None:
    idle = subject("x", ReferenceClass.IDLE)
    covered = coverage([idle], Scrubbed(), NOW, PERIOD)

    assert covered.oldest_live is None
    assert coverage([], Scrubbed(), NOW, PERIOD).share == 1.0
