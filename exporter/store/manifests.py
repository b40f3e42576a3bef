"""How do bodies of manifests stand in the ledger, so that damage to them is never believed?"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Final

from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import schema1_payload

if TYPE_CHECKING:
    import sqlite3

SCHEMA: Final = """
CREATE TABLE manifests (
  id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL, day INTEGER NOT NULL
) STRICT;
CREATE INDEX manifests_by_day ON manifests (day);
"""
PUT: Final = """
INSERT INTO manifests (digest, body, day) VALUES (?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET body = excluded.body, day = excluded.day
"""
TOUCH: Final = "UPDATE manifests SET day = ? WHERE digest = ?"
FORGET: Final = "DELETE FROM manifests WHERE digest = ?"
PRUNE: Final = "DELETE FROM manifests WHERE day < ?"

_FIND: Final = """
SELECT body, day FROM manifests
WHERE digest = ? AND typeof(body) = 'blob' AND typeof(day) = 'integer'
"""
_LARGEST: Final = 16 * 1024 * 1024
"""Bytes that a kept body may unpack to: four times the largest manifest."""
_LEVEL: Final = 1
"""Of zlib: a manifest shrinks to a third, for some sixty microseconds once."""


def find(key: bytes, file: sqlite3.Connection) -> tuple[bytes, int] | None:
    """Return the packed body that is kept under a key, and the day on which it was asked for."""
    row: tuple[bytes, int] | None = file.execute(_FIND, (key,)).fetchone()
    return row


def key(digest: Digest) -> bytes:
    """Pack a digest into its bytes; the length tells the algorithm."""
    return bytes.fromhex(digest.encoded)


def packed(body: bytes) -> bytes:
    """Pack a body; its digest is seal enough."""
    return zlib.compress(body, _LEVEL)


def unpacked(digest: Digest, packed: bytes) -> bytes | None:
    """Unpack a body; None where it is not what the digest names."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(packed, _LARGEST)
    except zlib.error:
        return None
    return body if unpacker.eof and _is_named(digest, body) else None


def _is_named(digest: Digest, body: bytes) -> bool:
    """Does a digest name this body, or what a signed schema 1 manifest signs?"""
    if digest.names(body):
        return True
    try:
        return digest.names(schema1_payload(body))
    except Malformed:
        return False
