"""How are the facts of an audit put away, so that they are seen whole or not at all?

The data is written below a name of its own; the release that lists it is put last. Readers follow
releases only, so that what a killed process left behind is never read.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from exporter.facts.gap import Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.facts.release import SCHEMA, Exported, File, Release
from exporter.facts.shard import Shard
from exporter.facts.snapshot import Role, Snapshot
from exporter.ports import Unseen
from exporter.publish.exports import seen, stored
from exporter.publish.exports.parquet import digest, turned, write
from exporter.publish.exports.release import encode, folder
from exporter.publish.exports.release import path as path_of
from exporter.publish.exports.retention import Bucket, tidy
from exporter.publish.exports.schema import SEEN, STORED, Table
from exporter.publish.exports.stored import Columns

_WORTH_TELLING: Final = frozenset({Scope.REGISTRY, Scope.REPOSITORY})


@dataclass(frozen=True, slots=True)
class Holding:
    """What a storage held, and how old something in it must be to count as left over."""

    inventory: Inventory
    blobs_before: int
    uploads_before: int
    """Both in nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Facts:
    """What one audit of one shard saw."""

    snapshot: Snapshot
    shard: Shard
    audit: str
    """A name that no other audit has; names sort by time: `20261124T121337Z-0123abcd`."""
    whole: bool
    """Was every repository of the catalogue in scope?"""
    holding: Holding | None = None


def export(facts: Facts, bucket: Bucket, keep: int) -> Exported:
    """Put an audit's facts away, then remove all but the newest `keep` releases of this shard.

    Raises `Unseen`; then what was there before can still be read, and nothing of this, unless the
    store took the release and failed to say so: it is whole then.
    """
    beneath = folder(facts.snapshot.registry, facts.shard)
    # Before as well: what a process leaves that is killed at each export must not pile up.
    tidy(bucket, beneath, keep)
    release = _release(facts, _put(facts, bucket, f"{beneath}/{facts.audit}/"))
    where = path_of(release)
    bucket.put(where, encode(release))
    return Exported(where, tidy(bucket, beneath, keep, where))


def _put(facts: Facts, bucket: Bucket, beneath: str) -> tuple[File, ...]:
    """Put every table, and see that all are there; what is begun in vain is taken away again."""
    try:
        files = tuple(_written(facts, bucket, beneath))
        sizes = bucket.sizes(beneath)
    except Unseen:
        with suppress(Unseen):
            for path in bucket.times(beneath):
                bucket.remove(path)
        raise
    if gone := [file.path for file in files if sizes.get(file.path) != file.size]:
        raise Unseen(gone[0], Reason.UNREADABLE, "it was put, and is not there any more")
    return files


def _written(facts: Facts, bucket: Bucket, beneath: str) -> Iterator[File]:
    """Write and put every table, one after the other, through a file on the disk."""
    with TemporaryDirectory(prefix="pullproof-facts-") as room:
        for table, parts in _tables(facts):
            local = Path(room, f"{table.name}.parquet")
            rows = write(table, _origin(facts), parts, local)
            there = f"{beneath}{local.name}"
            bucket.put(there, local)
            yield File(table.name, there, rows, local.stat().st_size, digest(local))
            local.unlink()


def _tables(facts: Facts) -> Iterator[tuple[Table, Iterable[Columns]]]:
    rows = seen.rows(facts.snapshot)
    for table in SEEN:
        yield table, turned(rows[table.name], len(table.columns))
    if facts.holding:
        columns = stored.columns(facts.holding.inventory)
        for table in STORED:
            yield table, columns[table.name]


def _origin(facts: Facts) -> tuple[object, ...]:
    taken_at, registry = facts.snapshot.taken_at, facts.snapshot.registry
    return facts.audit, taken_at, registry, facts.shard.index, facts.shard.count, SCHEMA


def _release(facts: Facts, files: tuple[File, ...]) -> Release:
    wide = (gap for gap in facts.snapshot.gaps if gap.scope in _WORTH_TELLING)
    gaps = [f"{gap.subject}: {gap.reason}" for gap in wide]
    if facts.snapshot.role is Role.PROXY:
        gaps.append(f"{facts.snapshot.registry}: {Reason.BY_DESIGN}")
    holding = facts.holding
    return Release(
        schema=SCHEMA,
        registry=facts.snapshot.registry,
        audit=facts.audit,
        taken_at=facts.snapshot.taken_at,
        shard=facts.shard.index,
        shards=facts.shard.count,
        whole=facts.whole,
        files=files,
        gaps=tuple(gaps),
        storage=holding is not None,
        blobs_before=holding.blobs_before if holding else 0,
        uploads_before=holding.uploads_before if holding else 0,
    )
