"""What is read whole of what an audit saw, and for whom."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import HEADER, Sighting, State, corrupt, gone, unknown
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.oci.reference import Repository
from exporter.resolve.scrub.subjects import Need, Subject, subjects
from tests import worlds
from tests.fakes import APP, Fake, audited, use

OTHER = Repository("other")
IMAGE = worlds.two_platforms("app")
LAYER = IMAGE.children[0].layers[0]


async def found(fake: Fake, *names: str) -> dict[str, Subject]:
    report = await audited(fake, *map(use, names))
    return {each.digest: each for each in subjects(report.snapshot)}


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
    assert wanted[LAYER.digest].needs == (Need(OTHER, above), Need(APP, above))
    assert wanted[IMAGE.digest].needs[0] == Need(OTHER, None)


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

    over_the_api = {each.digest for each in subjects(snapshot)}
    behind_it = {each.digest for each in subjects(snapshot, hidden=True)}

    assert (LAYER.digest in over_the_api) is is_read
    assert (LAYER.digest in behind_it) is is_read_behind


async def test_a_pull_through_cache_is_left_alone() -> None:
    fake = Fake()
    fake.push(IMAGE, "v1")
    snapshot = (await audited(fake)).snapshot

    assert subjects(replace(snapshot, role=Role.PROXY)) == ()


async def test_an_entry_of_an_unknown_type_is_asked_for_as_what_it_turned_out_to_be() -> None:
    fake = Fake()
    cache = worlds.build_cache("buildkit")
    fake.push(cache, "cache")
    snapshot = (await audited(fake)).snapshot
    odd, plain = cache.blobs[0].digest, cache.blobs[1].digest
    snapshot = replace(snapshot, sightings={**snapshot.sightings, (APP, odd): HEADER})

    asked = {each.digest: each.target.is_manifest for each in subjects(snapshot)}

    assert asked[odd]
    assert not asked[plain]
