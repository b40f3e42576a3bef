"""Manifests in the ledger: bodies, and outlines of their references.

Damage is never trusted: a body is hashed again, an outline has a seal.
"""

import hashlib
import struct
import zlib
from collections.abc import Sequence
from sqlite3 import Connection
from typing import Final

from exporter.facts.body import Outline
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import schema1_payload

SCHEMA: Final = """
CREATE TABLE manifests (
  id INTEGER PRIMARY KEY, digest BLOB NOT NULL UNIQUE, body BLOB NOT NULL, day INTEGER NOT NULL
) STRICT;
CREATE INDEX manifests_by_day ON manifests (day);
CREATE TABLE outlines (
  digest BLOB PRIMARY KEY, outline BLOB NOT NULL, day INTEGER NOT NULL
) STRICT;
CREATE INDEX outlines_by_day ON outlines (day);
"""
PUT: Final = """
INSERT INTO manifests (digest, body, day) VALUES (?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET body = excluded.body, day = excluded.day
"""
TOUCH: Final = "UPDATE manifests SET day = ? WHERE digest = ?"
FORGET: Final = "DELETE FROM manifests WHERE digest = ?"
PRUNE: Final = "DELETE FROM manifests WHERE day < ?"
PUT_OUTLINE: Final = "REPLACE INTO outlines (digest, outline, day) VALUES (?, ?, ?)"
TOUCH_OUTLINE: Final = "UPDATE outlines SET day = ? WHERE digest = ?"
PRUNE_OUTLINES: Final = "DELETE FROM outlines WHERE day < ?"

_FIND: Final = """
SELECT body, day FROM manifests
WHERE digest = ? AND typeof(body) = 'blob' AND typeof(day) = 'integer'
"""
_AT_ONCE: Final = 256
_MARKS: Final = ", ".join("?" * _AT_ONCE)
_FIND_OUTLINES: Final = f"""
SELECT digest, outline, day FROM outlines
WHERE digest IN ({_MARKS}) AND typeof(outline) = 'blob' AND typeof(day) = 'integer'
"""  # noqa: S608 - marks only
_LARGEST: Final = 16 * 1024 * 1024
"""Maximum bytes of an unpacked body: four times the largest manifest."""
_LEVEL: Final = 1
"""Level of zlib: a manifest shrinks to a third, for some sixty microseconds once."""
_HEAD: Final = struct.Struct(">q?")
_SEAL: Final = 8
"""Bytes of the hash over a digest and its outline."""
_ALGORITHMS: Final = {32: "sha256", 64: "sha512"}

OutlineRow = tuple[bytes, bytes, int]
"""A key, a packed outline, and the day of its last request."""


def key(digest: Digest) -> bytes:
    """Pack a digest into its bytes; their number identifies the algorithm."""
    return bytes.fromhex(digest.encoded)


def unkeyed(packed: bytes) -> Digest:
    """Return the digest of a key."""
    return Digest(f"{_ALGORITHMS.get(len(packed), 'sha256')}:{packed.hex()}")


def find(key: bytes, file: Connection) -> tuple[bytes, int] | None:
    """Return the packed body of a key, and the day of its last request."""
    row: tuple[bytes, int] | None = file.execute(_FIND, (key,)).fetchone()
    return row


def packed(body: bytes) -> bytes:
    """Pack a body; its digest is its seal."""
    return zlib.compress(body, _LEVEL)


def unpacked(digest: Digest, packed: bytes) -> bytes | None:
    """Unpack a body; None if it does not match its digest, also without signatures of schema 1."""
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(packed, _LARGEST)
        named = unpacker.eof and (digest.names(body) or digest.names(schema1_payload(body)))
    except (zlib.error, Malformed):
        return None
    return body if named else None


def find_outlines(keys: Sequence[bytes], file: Connection) -> list[OutlineRow]:
    """Return the packed outlines of some digests, by key, and the day of their last request."""
    parts = (keys[at : at + _AT_ONCE] for at in range(0, len(keys), _AT_ONCE))
    filled = ([*part, *[None] * (_AT_ONCE - len(part))] for part in parts)
    return [row for part in filled for row in file.execute(_FIND_OUTLINES, part)]


def packed_outline(key: bytes, outline: Outline) -> bytes:
    """Pack an outline, with a seal over it and its digest."""
    content = _HEAD.pack(outline.size, outline.is_index) + outline.packed
    return _seal(key, content) + content


def unpacked_outline(key: bytes, row: bytes) -> Outline | None:
    """Unpack an outline; None if it is damaged, or another digest's."""
    seal, content = row[:_SEAL], row[_SEAL:]
    if len(content) < _HEAD.size or seal != _seal(key, content):
        return None
    size, is_index = _HEAD.unpack_from(content)
    return Outline(size, is_index, content[_HEAD.size :])


def _seal(key: bytes, content: bytes) -> bytes:
    return hashlib.sha256(key + content).digest()[:_SEAL]
