"""How do outlines of manifests stand in the ledger, so that damage to them is never believed?"""

from __future__ import annotations

import hashlib
import struct
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final

from exporter.facts.body import Outline

if TYPE_CHECKING:
    import sqlite3

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS outlines (
  digest BLOB PRIMARY KEY, outline BLOB NOT NULL, day INTEGER NOT NULL
) STRICT;
CREATE INDEX IF NOT EXISTS outlines_by_day ON outlines (day);
"""
PUT: Final = "REPLACE INTO outlines (digest, outline, day) VALUES (?, ?, ?)"
TOUCH: Final = "UPDATE outlines SET day = ? WHERE digest = ?"
PRUNE: Final = "DELETE FROM outlines WHERE day < ?"

_AT_ONCE: Final = 256
_MARKS: Final = ", ".join("?" * _AT_ONCE)
_FIND: Final = f"""
SELECT digest, outline, day FROM outlines
WHERE digest IN ({_MARKS}) AND typeof(outline) = 'blob' AND typeof(day) = 'integer'
"""  # noqa: S608 - marks only
_HEAD: Final = struct.Struct(">8sq?")
_SEAL: Final = 8
"""Bytes of the hash over a digest and its outline."""

Row = tuple[bytes, bytes, int]


def find(keys: Sequence[bytes], file: sqlite3.Connection) -> list[Row]:
    """Return the rows of some digests."""
    return [row for part in _parts(keys) for row in file.execute(_FIND, part)]


def packed(key: bytes, outline: Outline) -> bytes:
    """Pack an outline, with a seal over it and its digest."""
    said = _HEAD.pack(b"", outline.size, outline.is_index)[_SEAL:] + outline.packed
    return _seal(key, said) + said


def unpacked(key: bytes, row: bytes) -> Outline | None:
    """Unpack an outline; None where it is not what was packed for this digest."""
    if len(row) < _HEAD.size or row[:_SEAL] != _seal(key, row[_SEAL:]):
        return None
    _, size, is_index = _HEAD.unpack_from(row)
    return Outline(size, is_index, row[_HEAD.size :])


def _seal(key: bytes, said: bytes) -> bytes:
    return hashlib.sha256(key + said).digest()[:_SEAL]


def _parts(keys: Sequence[bytes]) -> Iterator[Sequence[bytes | None]]:
    """Cut a list to the length of the question, and fill up the last part."""
    for at in range(0, len(keys), _AT_ONCE):
        part = keys[at : at + _AT_ONCE]
        yield [*part, *[None] * (_AT_ONCE - len(part))]
