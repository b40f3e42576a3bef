"""Parquet exports of audits: written as a whole or not at all, and the old ones removed.

The data is written below a name of its own; the release that lists it is put last. Readers follow
releases only, so that what a killed process left behind is never read.
"""

import hashlib
import os
import re
from itertools import islice
from typing import Final

# The pool that Arrow takes by itself keeps what is freed, for a next time that is an audit away. It
# is chosen where Arrow is loaded, and by nothing else for what is written.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pyarrow as pa
import pyarrow.parquet as pq

from exporter.facts.exports import SCHEMA, ExportedFile, ExportResult, Release
from exporter.facts.gap import Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.facts.shard import Shard
from exporter.facts.snapshot import Role, Snapshot
from exporter.ports import Unseen
from exporter.publish.exports import rows
from exporter.publish.exports.release import AUDIT, encode, folder, names_release
from exporter.publish.exports.release import path as path_of
from exporter.publish.exports.rows import Columns, Row
from exporter.publish.exports.schema import SEEN, STORED, ParquetTable
from exporter.sources.export_folder import ExportFolder

_WORTH_TELLING: Final = frozenset({Scope.REGISTRY, Scope.REPOSITORY})
_KINDS: Final = {
    "string": pa.string(),
    "long": pa.int64(),
    "integer": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
_BATCH: Final = 100_000
"""Rows that are made of Python's values at a time."""
_ABANDONED: Final = 3_600.0
"""Seconds: an export that goes on puts its next file sooner, whoever writes it."""
_OF_AUDIT: Final = re.compile(rf"({AUDIT})(?:/.+|\.release\.json(?:#[0-9]+)?)")
"""What an export writes, below its shard's folder; with a `#`, what a killed one was writing."""


@dataclass(frozen=True, slots=True)
class StorageData:
    """The content of a storage, and how old something in it must be to count as left over."""

    inventory: Inventory
    blobs_before: int
    uploads_before: int
    """Both in nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class AuditData:
    """The data of one audit of one shard."""

    snapshot: Snapshot
    shard: Shard
    audit: str
    """A name that no other audit has; names sort by time: `20261124T121337Z-0123abcd`."""
    whole: bool
    """Was every repository of the catalogue in scope?"""
    storage: StorageData | None = None


def export(data: AuditData, exports: ExportFolder, keep: int) -> ExportResult:
    """Put an audit's data in place, then remove all but the newest `keep` releases of this shard.

    Raises `Unseen`; then what was there before can still be read, and nothing of this, unless the
    store took the release and failed to say so: it is whole then.
    """
    beneath = folder(data.snapshot.registry, data.shard)
    # Before as well: what a process leaves that is killed at each export must not pile up.
    tidy(exports, beneath, keep)
    release = _release(data, _put(data, exports, f"{beneath}/{data.audit}/"))
    where = path_of(release)
    exports.put(where, encode(release))
    return ExportResult(where, tidy(exports, beneath, keep, where))


def _put(data: AuditData, exports: ExportFolder, beneath: str) -> tuple[ExportedFile, ...]:
    """Put every table, and see that all are there; what is begun in vain is taken away again."""
    try:
        files = tuple(_written(data, exports, beneath))
        sizes = exports.sizes(beneath)
    except Unseen:
        with suppress(Unseen):
            for path in exports.times(beneath):
                exports.remove(path)
        raise
    if gone := [file.path for file in files if sizes.get(file.path) != file.size]:
        raise Unseen(gone[0], Reason.UNREADABLE, "it was put, and is not there any more")
    return files


def _written(data: AuditData, exports: ExportFolder, beneath: str) -> Iterator[ExportedFile]:
    """Write and put every table, one after the other, through a file on the disk."""
    with TemporaryDirectory(prefix="pullproof-export-") as room:
        for table, parts in _tables(data):
            local = Path(room, f"{table.name}.parquet")
            count = write(table, _origin(data), parts, local)
            there = f"{beneath}{local.name}"
            exports.put(there, local)
            yield ExportedFile(table.name, there, count, local.stat().st_size, digest(local))
            local.unlink()


def _tables(data: AuditData) -> Iterator[tuple[ParquetTable, Iterable[Columns]]]:
    seen = rows.of_snapshot(data.snapshot)
    for table in SEEN:
        yield table, turned(seen[table.name], len(table.columns))
    if data.storage:
        stored = rows.of_storage(data.storage.inventory)
        for table in STORED:
            yield table, stored[table.name]


def _origin(data: AuditData) -> tuple[object, ...]:
    taken_at, registry = data.snapshot.taken_at, data.snapshot.registry
    return data.audit, taken_at, registry, data.shard.index, data.shard.count, SCHEMA


def _release(data: AuditData, files: tuple[ExportedFile, ...]) -> Release:
    wide = (gap for gap in data.snapshot.gaps if gap.scope in _WORTH_TELLING)
    gaps = [f"{gap.subject}: {gap.reason}" for gap in wide]
    if data.snapshot.role is Role.PROXY:
        gaps.append(f"{data.snapshot.registry}: {Reason.BY_DESIGN}")
    storage = data.storage
    return Release(
        schema=SCHEMA,
        registry=data.snapshot.registry,
        audit=data.audit,
        taken_at=data.snapshot.taken_at,
        shard=data.shard.index,
        shards=data.shard.count,
        whole=data.whole and not data.snapshot.unasked,
        files=files,
        gaps=tuple(gaps),
        proxy=data.snapshot.role is Role.PROXY,
        storage=storage is not None,
        blobs_before=storage.blobs_before if storage else 0,
        uploads_before=storage.uploads_before if storage else 0,
    )


def schema(table: ParquetTable) -> pa.Schema:
    """Return a table's columns as Arrow knows them."""
    return pa.schema([pa.field(each.name, _KINDS[each.kind], each.optional) for each in table.all])


def turned(rows: Iterable[Row], width: int) -> Iterator[Columns]:
    """Turn rows into columns, some at a time."""
    waiting = iter(rows)
    while batch := tuple(islice(waiting, _BATCH)):
        yield tuple([row[at] for row in batch] for at in range(width))


def write(table: ParquetTable, origin: Row, parts: Iterable[Columns], path: Path) -> int:
    """Write a table's columns to a file, each row with its origin; return the number of rows.

    No rows make a file as well: a reader needs no case for it.
    """
    described, count = schema(table), 0
    with pq.ParquetWriter(path, described, compression="zstd") as writer:
        for columns in parts:
            batch = _batch(described, origin, columns)
            writer.write_batch(batch)
            count += batch.num_rows
    return count


def digest(path: Path) -> str:
    """Return the sha256 of a file, in hexadecimal."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _batch(described: pa.Schema, origin: Row, columns: Columns) -> pa.RecordBatch:
    length = len(columns[0])
    own = list(described)[len(origin) :]
    same = [
        pa.repeat(pa.scalar(value, field.type), length)
        for value, field in zip(origin, described, strict=False)
    ]
    arrays = [pa.array(values, field.type) for values, field in zip(columns, own, strict=True)]
    return pa.record_batch([*same, *arrays], schema=described)


def tidy(exports: ExportFolder, beneath: str, keep: int, own: str = "") -> str:
    """Remove a shard's old releases, and what killed exports left; return why that failed, if so.

    The newest `keep` releases stay, and `own`, whatever the clocks of others say. What has no
    release was left behind where nothing was written to it for an hour before the last thing that
    was written at all: a replica may be writing what is younger.
    """
    try:
        times = exports.times(f"{beneath}/")
        for path in _doomed(beneath, times, keep, own):
            exports.remove(path)
    except Unseen as unseen:
        return str(unseen)
    return ""


def _doomed(beneath: str, times: Mapping[str, float], keep: int, own: str) -> Iterator[str]:
    """Yield what is to be removed, each release before its files."""
    written: dict[str, list[str]] = {}
    for path in sorted(times):
        if found := _OF_AUDIT.fullmatch(path.removeprefix(f"{beneath}/")):
            written.setdefault(found[1], []).append(path)
    released = [audit for audit, paths in written.items() if any(map(names_release, paths))]
    kept = {*released[-keep:], own.removeprefix(f"{beneath}/").partition(".")[0]}
    last = max(times.values(), default=0.0)
    for audit, paths in written.items():
        abandoned = max(times[path] for path in paths) < last - _ABANDONED
        if audit not in kept and (audit in released or abandoned):
            yield from sorted(paths, key=lambda path: not names_release(path))
