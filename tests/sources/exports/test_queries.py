"""Do an engine's answers over the facts of all shards equal what one process knows in memory?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from exporter.facts.exports import Capacity, NoCapacity
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.holdings import Holdings
from exporter.facts.shard import WHOLE
from exporter.facts.snapshot import Snapshot
from exporter.judge.export_coverage import newest
from exporter.publish.exports.export import AuditData, StorageData, export
from exporter.sources.export_folder import ExportFolder
from exporter.sources.exports.duck import duck
from exporter.sources.exports.queries import answer
from exporter.sources.storage import filesystem
from tests import worlds
from tests.fakes import NOW
from tests.parts import tree
from tests.publish.exports.buckets import releases
from tests.sources.exports.odd import odd_site
from tests.sources.exports.registries import GRACE, site

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.sources.exports.queries import Engine

from tests.sources.exports.registries import Site


def told(bucket: ExportFolder, folder: Path, engine: Engine) -> Capacity | NoCapacity:
    (shards,) = newest(releases(bucket)).values()
    return answer(engine, [shards[at] for at in sorted(shards)], lambda path: str(folder / path))


async def in_memory(site: Site) -> dict[str, object]:
    """What the graph and the counts say, in one process."""
    inventory, (blobs, uploads) = site.inventory, GRACE.before(NOW)
    holdings = Holdings(inventory)
    reclaimable = holdings.reclaimable(blobs, uploads)
    counts = (await site.report(WHOLE)).counts
    shares = ((each.repository, each.exclusive) for each in holdings.shares())
    return {
        "stored": holdings.stored_bytes,
        "referenced": holdings.referenced_bytes,
        "orphaned": reclaimable.orphaned,
        "untagged": reclaimable.untagged,
        "uploads": reclaimable.stale_uploads,
        "orphaned blobs": len(holdings.orphaned_blobs(blobs)),
        "orphaned manifests": len(holdings.orphaned_manifests(blobs)),
        "exclusive": {name: size for name, size in shares if size},
        "needed": counts.referenced_bytes,
        "tags": sum(counts.tags.values()),
        "unprotected": sum(
            sum(house.unprotected.values())
            for house in counts.repositories.values()
            if house.unprotected is not None
        ),
    }


def said(capacity: Capacity | NoCapacity) -> dict[str, object]:
    assert isinstance(capacity, Capacity), capacity
    stored = capacity.stored
    assert stored is not None
    return {
        "stored": stored.stored_bytes,
        "referenced": stored.referenced_bytes,
        "orphaned": stored.orphaned_bytes,
        "untagged": stored.untagged_bytes,
        "uploads": stored.stale_upload_bytes,
        "orphaned blobs": stored.orphaned_blobs,
        "orphaned manifests": stored.orphaned_manifests,
        "exclusive": dict(stored.exclusive),
        "needed": capacity.seen.referenced_bytes,
        "tags": capacity.seen.tags,
        "unprotected": capacity.seen.unprotected_children,
    }


@pytest.mark.parametrize("seed", range(6))
async def test_duckdb_over_four_shards_equals_the_graph(tmp_path: Path, seed: int) -> None:
    here = site(tmp_path / "registry", seed)
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})
    await here.write(bucket, 4)
    known = await in_memory(here)

    with duck("200MB", tmp_path) as engine:
        found = said(told(bucket, tmp_path / "facts", engine))

    assert found == known
    assert all(known.values())


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_is_pinned_or_lost_duckdb_says_what_the_graph_says(
    tmp_path: Path, seed: int
) -> None:
    here = odd_site(tmp_path / "registry", seed)
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})
    await here.write(bucket, 1 + seed % 3)

    with duck("200MB", tmp_path) as engine:
        found = said(told(bucket, tmp_path / "facts", engine))

    assert found == await in_memory(here)


async def test_one_process_and_four_shards_say_the_same(tmp_path: Path) -> None:
    here = site(tmp_path / "registry", 9)
    answers = []
    for shards in (1, 4):
        bucket = ExportFolder.at(str(tmp_path / str(shards)), {})
        await here.write(bucket, shards)
        with duck("200MB", tmp_path) as engine:
            answers.append(said(told(bucket, tmp_path / str(shards), engine)))

    assert answers[0] == answers[1]


async def test_a_repository_that_no_shard_looked_at_forbids_an_answer(tmp_path: Path) -> None:
    here = site(tmp_path / "registry", 3)
    lost = next(iter(here.fake.tagged))
    del here.fake.tagged[lost]
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})
    await here.write(bucket, 4)

    with duck("200MB", tmp_path) as engine:
        untold = told(bucket, tmp_path / "facts", engine)

    assert untold == NoCapacity(
        "registry.example",
        (f"repository {lost} is in the storage, but no shard audited it",),
    )


@pytest.mark.parametrize(("depth", "told_of"), [(8, True), (9, False)])
def test_indexes_past_the_deepest_forbid_an_answer(
    tmp_path: Path, depth: int, *, told_of: bool
) -> None:
    made = worlds.image("deep")
    for _ in range(depth):
        made = worlds.index(made)
    tree.write(tmp_path / "registry", "deep", made, "v1")
    inventory = filesystem.read(str(tmp_path / "registry"))
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})
    facts = AuditData(Snapshot("deep", NOW), WHOLE, "20260422T100000000000Z-00000000", whole=False)
    export(replace(facts, storage=StorageData(inventory, 0, 0)), bucket, keep=1)

    with duck("200MB", tmp_path) as engine:
        found = told(bucket, tmp_path / "facts", engine)

    assert isinstance(found, Capacity) is told_of
    if isinstance(found, NoCapacity):
        assert found.reasons == ("indexes are nested deeper than 8 within each other",)


async def test_slices_change_no_answer(tmp_path: Path) -> None:
    here = site(tmp_path / "registry", 4)
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})
    await here.write(bucket, 4)

    answers = []
    for size in (None, 90):
        with duck("200MB", tmp_path) as engine:
            engine.slice = size
            answers.append(said(told(bucket, tmp_path / "facts", engine)))

    assert answers[0] == answers[1] == await in_memory(here)


@pytest.mark.parametrize("order", [(0, 1), (1, 0)])
def test_shards_of_two_versions_may_differ_in_columns(
    tmp_path: Path, order: tuple[int, int]
) -> None:
    files = [str(tmp_path / each) for each in ("old", "new")]
    pq.write_table(pa.table({"size": [1]}), files[0])
    pq.write_table(pa.table({"more": ["x"], "size": [2]}), files[1])

    with duck("200MB", tmp_path) as engine:
        engine.table("blobs", [files[at] for at in order])
        assert engine.rows("SELECT SUM(size) AS bytes FROM blobs") == [{"bytes": 3}]


async def test_a_tag_that_could_not_be_seen_forbids_an_answer(tmp_path: Path) -> None:
    here = site(tmp_path / "registry", 3)
    repository, tags = next(iter(here.fake.tagged.items()))
    here.fake.spoil(next(iter(tags)), Reason.DENIED, repository=repository)
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})
    await here.write(bucket, 4)

    with duck("200MB", tmp_path) as engine:
        untold = told(bucket, tmp_path / "facts", engine)

    assert untold == NoCapacity("registry.example", ("1 of the tags are unknown",))


@pytest.mark.parametrize("seed", range(8))
async def test_what_is_stored_is_known_without_who_wants_it_and_what_tags_need_is_not(
    tmp_path: Path, seed: int
) -> None:
    here, gap = odd_site(tmp_path / "registry", seed), Gap(Scope.REFERENCES, "prod", Reason.CONNECT)
    answers = []
    for read in (here, replace(here, uses=(), unread=(gap,))):
        bucket = ExportFolder.at(str(tmp_path / f"{len(answers)}"), {})
        await read.write(bucket, 2)
        with duck("200MB", tmp_path) as engine:
            answers.append(told(bucket, tmp_path / f"{len(answers)}", engine))

    whole, part = answers

    assert isinstance(whole, Capacity)
    assert isinstance(part, Capacity)
    assert part.stored == whole.stored
    assert whole.seen.tags - part.seen.tags == len({each.reference for each in here.uses}) > 0
    assert whole.incomplete == ()
    assert part.incomplete == ("shards 0, 1 of 2 could not read prod: connect",)


async def test_many_sources_that_were_not_read_are_counted(tmp_path: Path) -> None:
    gaps = (Gap(Scope.REFERENCES, f"live.txt:{at:02}", Reason.MALFORMED) for at in range(12))
    here = replace(site(tmp_path / "registry", 3), unread=tuple(gaps))
    bucket = ExportFolder.at(str(tmp_path / "facts"), {})
    await here.write(bucket, 1)

    with duck("200MB", tmp_path) as engine:
        part = told(bucket, tmp_path / "facts", engine)

    assert isinstance(part, Capacity)
    assert part.incomplete[0] == "shard 0 of 1 could not read live.txt:00: malformed"
    assert part.incomplete[-1] == "and 2 more sources"
    assert len(part.incomplete) == 11
