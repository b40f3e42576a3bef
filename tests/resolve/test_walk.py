"""Each digest is read once, each place is asked once, and every index is followed so far."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import HASHED, HEADER, State
from exporter.oci.links import OCI_INDEX
from exporter.oci.manifest import Manifest, parse
from exporter.oci.reference import Repository
from exporter.ports import Listing, Wrong
from exporter.resolve import walk as walking
from exporter.resolve.observe import observe
from exporter.resolve.target import AuditLimits
from exporter.resolve.walk import Walk
from tests import worlds
from tests.fakes import APP, NO_MANIFEST, TRUTH, Fake, Notes, target
from tests.resolve.steps import pushed, walked
from tests.worlds import Made, image, two_platforms

if TYPE_CHECKING:
    from exporter.oci.digest import Digest

OTHER = Repository("other")
INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
EVERY = {(APP, each.digest) for each in INDEX.walk()}


async def test_each_manifest_is_read_once_and_hashed() -> None:
    registry = pushed(INDEX)

    walk = await walked(registry, INDEX.digest, INDEX.digest, AMD64.digest)

    assert walk.sightings == dict.fromkeys(EVERY, HASHED)
    assert walk.manifests.keys() == {digest for _, digest in EVERY}
    assert registry.counted() == {("GET", "manifest"): 3}


async def test_a_body_that_is_kept_is_only_asked_for() -> None:
    registry, notes = pushed(INDEX), Notes()
    await walked(registry, INDEX.digest, notes=notes)
    registry.asked.clear()

    walk = await walked(registry, INDEX.digest, notes=notes)

    assert walk.sightings == dict.fromkeys(EVERY, HEADER)
    assert walk.manifests.keys() == {digest for _, digest in EVERY}
    assert registry.counted() == {("HEAD", "manifest"): 3}


async def test_what_two_repositories_share_is_read_once_and_asked_for_in_each() -> None:
    registry = pushed(INDEX)
    registry.push(INDEX, repository=OTHER)

    walk = await walked(registry, INDEX.digest, places=((OTHER, INDEX.digest),))

    assert {place[0] for place in walk.sightings} == {APP, OTHER}
    assert registry.counted() == {("GET", "manifest"): 3, ("HEAD", "manifest"): 3}


async def test_one_repository_does_not_prove_the_other() -> None:
    registry = pushed(INDEX)
    registry.push(INDEX, repository=OTHER)
    registry.sweep(ARM64.digest, repository=OTHER)

    walk = await walked(registry, INDEX.digest, places=((OTHER, INDEX.digest),))

    assert walk.sightings[APP, ARM64.digest].state is State.PRESENT
    assert walk.sightings[OTHER, ARM64.digest].state is State.MISSING


@pytest.mark.parametrize("kept", [True, False])
async def test_a_child_that_is_twice_denied_is_missing(*, kept: bool) -> None:
    registry, notes = pushed(INDEX), Notes()
    if kept:
        await walked(registry, INDEX.digest, notes=notes)
    registry.sweep(ARM64.digest)

    walk = await walked(registry, INDEX.digest, notes=notes)

    seen = walk.sightings[APP, ARM64.digest]
    assert (seen.state, seen.detail) == (State.MISSING, "MANIFEST_UNKNOWN")
    assert registry.asked_about(ARM64.digest, "HEAD" if kept else "GET") == 2
    assert walk.sightings[APP, AMD64.digest].state is State.PRESENT


async def test_a_child_that_is_denied_once_is_present() -> None:
    registry = pushed(INDEX)
    registry.spoil(ARM64.digest, NO_MANIFEST, TRUTH)

    walk = await walked(registry, INDEX.digest)

    assert walk.sightings[APP, ARM64.digest] == HASHED


async def test_a_child_of_wrong_bytes_is_broken_when_they_are_wrong_twice() -> None:
    registry = pushed(INDEX)
    registry.spoil(ARM64.digest, Wrong("hashes to sha256:1"))
    registry.spoil(AMD64.digest, Wrong("hashes to sha256:1"), TRUTH)

    walk = await walked(registry, INDEX.digest)

    assert walk.sightings[APP, ARM64.digest].state is State.BROKEN
    assert walk.sightings[APP, AMD64.digest] == HASHED
    assert ARM64.digest not in walk.manifests


async def test_a_denied_child_under_an_index_that_went_is_unconfirmed() -> None:
    registry = pushed(INDEX)
    registry.sweep(ARM64.digest)
    registry.spoil(INDEX.digest, TRUTH, NO_MANIFEST)

    walk = await walked(registry, INDEX.digest)

    assert walk.sightings[APP, ARM64.digest].reason is Reason.UNCONFIRMED


@pytest.mark.parametrize("reason", Reason)
async def test_what_cannot_be_seen_is_unknown_for_that_reason(reason: Reason) -> None:
    registry = pushed(INDEX)
    registry.spoil(INDEX.digest, reason)

    walk = await walked(registry, INDEX.digest)

    (seen,) = walk.sightings.values()
    assert (seen.state, seen.reason, seen.detail) == (State.UNKNOWN, reason, "as scripted")
    assert registry.counted() == {("GET", "manifest"): 1}


async def test_a_body_that_no_specification_describes_is_unknown_and_not_kept() -> None:
    registry, notes = Fake(), Notes()
    strange = worlds.Made("x", worlds.encoded({"schemaVersion": 2, "mediaType": "x/y"}))
    registry.push(strange)

    walk = await walked(registry, strange.digest, notes=notes)

    assert walk.sightings[APP, strange.digest].reason is Reason.MALFORMED
    assert not walk.manifests
    assert not notes.bodies


async def test_a_kept_body_that_cannot_be_read_any_more_is_unknown() -> None:
    registry = pushed(INDEX)

    walk = await walked(registry, INDEX.digest, notes=Notes({INDEX.digest: b"{}"}))

    assert walk.sightings[APP, INDEX.digest].reason is Reason.MALFORMED


async def test_indexes_are_followed_to_a_depth() -> None:
    made = [worlds.image("app")]
    for _ in range(4):
        made.append(worlds.index(made[-1]))
    registry = pushed(made[-1])

    walk = await walked(registry, made[-1].digest, depth=3)

    seen = [walk.sightings[APP, each.digest] for each in reversed(made)]
    assert seen[:4] == [HASHED] * 4
    assert seen[4].reason is Reason.TOO_LARGE
    deep = await walked(registry, made[-1].digest, depth=4)
    assert deep.sightings[APP, made[0].digest] == HASHED


async def test_a_manifest_of_too_many_entries_is_unknown_as_a_whole() -> None:
    images = [worlds.image(f"app {n}") for n in range(4)]
    long, short = worlds.index(*images), worlds.index(*images[:2])

    walk = await walked(pushed(long, short), long.digest, short.digest, entries_each=3)

    assert walk.sightings[APP, long.digest].reason is Reason.TOO_LARGE
    assert walk.sightings[APP, short.digest] == HASHED
    assert (APP, images[3].digest) not in walk.sightings
    assert long.digest not in walk.manifests


async def test_past_the_entries_that_may_be_held_nothing_is_read_any_more() -> None:
    images = [worlds.image(f"app {n}", layers=()) for n in range(20)]
    registry = pushed(*images)

    walk = await walked(registry, *(each.digest for each in images), entries=5)

    held = [each for each in images if walk.sightings[APP, each.digest] == HASHED]
    rest = [each for each in images if each not in held]
    assert len(held) == 5
    assert {walk.sightings[APP, each.digest].reason for each in rest} == {Reason.TOO_LARGE}
    assert sum(len(each.links) for each in walk.manifests.values()) == 5
    assert len(registry.asked) < 10


async def test_long_texts_count_as_entries() -> None:
    documents = [
        {"schemaVersion": 2, "manifests": [], "annotations": {"note": f"{n}" + "x" * 2_560}}
        for n in range(20)
    ]
    fat = [worlds.Made(OCI_INDEX, worlds.encoded(each)) for each in documents]
    registry = pushed(*fat)

    walk = await walked(registry, *(each.digest for each in fat), entries=50)

    assert len(walk.manifests) == 5
    assert sum(each == HASHED for each in walk.sightings.values()) == 5


async def test_large_bodies_are_parsed_one_at_a_time(monkeypatch: pytest.MonkeyPatch) -> None:
    at_once: list[int] = []
    under_way = 0

    def slow(body: bytes, digest: Digest) -> Manifest:
        nonlocal under_way
        under_way += 1
        at_once.append(under_way)
        time.sleep(0.02)
        under_way -= 1
        return parse(body, digest)

    monkeypatch.setattr(walking, "parse", slow)
    monkeypatch.setattr(walking, "LARGE", 1)
    images = [worlds.image(f"app {n}", layers=()) for n in range(8)]

    await walked(pushed(*images), *(each.digest for each in images))

    assert at_once == [1] * 8


async def test_what_no_index_places_is_marked_for_its_configuration_to_say() -> None:
    chart = worlds.chart("c")
    top = worlds.index(AMD64, chart)
    walk = await walked(pushed(top), top.digest)

    assert walk.bare == {(APP, top.digest), (APP, chart.digest)}


async def test_entries_that_are_no_manifests_and_subjects_are_not_followed() -> None:
    cache, referrer = worlds.build_cache("app"), worlds.referrer(AMD64)
    registry = pushed(cache, referrer)

    walk = await walked(registry, cache.digest, referrer.digest)

    assert walk.sightings.keys() == {(APP, cache.digest), (APP, referrer.digest)}


async def test_bodies_are_handed_over_in_batches_of_so_many_bytes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(walking, "_BATCH", 100_000)
    images = [worlds.image(f"app {n}", layers=()) for n in range(1100)]
    notes = Notes()

    await walked(pushed(*images), *(each.digest for each in images), notes=notes)

    size = len(images[0].body)
    assert len(notes.bodies) == 1100
    assert max(notes.handed) * size < 100_000 + 5 * size
    assert len(notes.handed) == 1 + 1100 * size // 100_000


class SlowLedger(Notes):
    """Lets the walk go on, as far as it may, before it keeps anything; counts what waits then."""

    def __init__(self, registry: Fake) -> None:
        super().__init__()
        self.registry, self.loop = registry, asyncio.get_running_loop()
        self.waiting: list[int] = []

    async def turns(self) -> None:
        for _ in range(200):
            await asyncio.sleep(0)

    def keep_manifests(self, bodies: dict[Digest, bytes]) -> None:
        asyncio.run_coroutine_threadsafe(self.turns(), self.loop).result()
        self.waiting.append(self.registry.counted()["GET", "manifest"] - len(self.bodies))
        super().keep_manifests(bodies)


async def test_no_more_is_read_than_two_batches_while_the_ledger_is_slow(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    images = [worlds.image(f"app {n}", layers=()) for n in range(100)]
    monkeypatch.setattr(walking, "_BATCH", 10 * len(images[0].body) - 50)
    registry = pushed(*images)
    ledger = SlowLedger(registry)

    await walked(registry, *(each.digest for each in images), notes=ledger)

    assert len(ledger.bodies) == 100
    assert max(ledger.waiting) <= 2 * (10 + 4)


async def test_where_nothing_is_new_nothing_is_handed_over() -> None:
    registry, notes = pushed(INDEX), Notes()
    for _ in range(2):
        await walked(registry, INDEX.digest, notes=notes)

    assert notes.handed == [3]


async def test_below_what_is_gone_or_hidden_nothing_is_looked_at_though_its_body_is_known() -> None:
    top = worlds.index(INDEX)
    registry, notes = pushed(top), Notes()
    await walked(registry, top.digest, notes=notes)
    registry.sweep(INDEX.digest)

    walk = await walked(registry, top.digest, notes=notes)
    assert walk.sightings.keys() == {(APP, top.digest), (APP, INDEX.digest)}

    registry.spoil(top.digest, Reason.TIMEOUT)
    walk = await walked(registry, top.digest, notes=notes)
    assert walk.sightings.keys() == {(APP, top.digest)}


async def test_no_more_is_asked_at_once_than_told() -> None:
    images = [worlds.image(f"app {n}", layers=()) for n in range(40)]
    registry = pushed(*images)

    await walked(registry, *(each.digest for each in images))

    assert registry.most_under_way == 4


def read(made: Made) -> Manifest:
    return parse(made.body, made.digest)


async def test_what_the_audit_before_read_is_not_read_again_but_asked_for() -> None:
    made, before = image("app"), read(image("app"))
    fake = pushed(made)
    walk = Walk(fake, Notes(), AuditLimits(), before={before.digest: before})

    await walk.run([(APP, made.digest)])

    assert walk.manifests[made.digest] is before
    assert fake.counted() == {("HEAD", "manifest"): 1}


async def test_a_second_look_holds_the_manifests_of_the_first() -> None:
    fake, notes = Fake(), Notes()
    fake.push(two_platforms("app"), "v1")
    first = await observe(target(fake, notes), Listing(()), None, 1.0)

    second = await observe(target(fake, notes), Listing(()), first, 2.0)

    assert len(first.manifests) == 3
    assert all(second.manifests[digest] is read for digest, read in first.manifests.items())
    assert all(now is before for now, before in zip(second.roots, first.roots, strict=True))
