"""How does a table become a Parquet file?"""

from __future__ import annotations

import hashlib
import os
from itertools import islice
from typing import TYPE_CHECKING, Final

# The pool that Arrow takes by itself keeps what is freed, for a next time that is an audit away. It
# is chosen where Arrow is loaded, and by nothing else for what is written.
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

from collections.abc import Iterable, Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from exporter.publish.exports.schema import Table

if TYPE_CHECKING:
    from exporter.publish.exports.seen import Row
    from exporter.publish.exports.stored import Columns

_KINDS: Final = {
    "string": pa.string(),
    "long": pa.int64(),
    "integer": pa.int32(),
    "double": pa.float64(),
    "boolean": pa.bool_(),
}
_BATCH: Final = 100_000
"""Rows that are made of Python's values at a time."""


def schema(table: Table) -> pa.Schema:
    """Return a table's columns as Arrow knows them."""
    return pa.schema([pa.field(each.name, _KINDS[each.kind], each.optional) for each in table.all])


def turned(rows: Iterable[Row], width: int) -> Iterator[Columns]:
    """Turn rows into columns, some at a time."""
    waiting = iter(rows)
    while batch := tuple(islice(waiting, _BATCH)):
        yield tuple([row[at] for row in batch] for at in range(width))


def write(table: Table, origin: Row, parts: Iterable[Columns], path: Path) -> int:
    """Write a table's columns to a file, each row with its origin; return how many rows there are.

    No rows make a file as well: a reader needs no case for it.
    """
    described, rows = schema(table), 0
    with pq.ParquetWriter(path, described, compression="zstd") as writer:
        for columns in parts:
            batch = _batch(described, origin, columns)
            writer.write_batch(batch)
            rows += batch.num_rows
    return rows


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
