"""Last complete audit of each registry, in the ledger: whole, or not at all."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from io import BytesIO
from itertools import chain
from pathlib import Path
from sqlite3 import Connection
from tempfile import SpooledTemporaryFile
from typing import IO, Final

from exporter.memory import Kept

SCHEMA: Final = """
CREATE TABLE audits (
  registry TEXT PRIMARY KEY, kept_at REAL NOT NULL,
  snapshot BLOB NOT NULL, since TEXT NOT NULL, seal BLOB NOT NULL
) STRICT;
"""
PUT: Final = """
REPLACE INTO audits (registry, kept_at, snapshot, since, seal) VALUES (?, ?, ?, ?, ?)
"""
PRUNE: Final = "DELETE FROM audits WHERE kept_at < ?"

PARTS_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS audit_parts (
  registry TEXT NOT NULL, part INTEGER NOT NULL, body BLOB NOT NULL, PRIMARY KEY (registry, part)
) STRICT;
"""
"""Further parts of snapshots longer than one part. SQLite holds several copies of a value during a
write; an older ledger is given this table."""
DROP_PARTS: Final = "DELETE FROM audit_parts WHERE registry = ?"
PUT_PART: Final = "INSERT INTO audit_parts (registry, part, body) VALUES (?, ?, ?)"
PRUNE_PARTS: Final = "DELETE FROM audit_parts WHERE registry NOT IN (SELECT registry FROM audits)"

_PART: Final = 2**18
"""Bytes of a part, and of a snapshot that is buffered in memory."""
_PARTS: Final = """
SELECT body FROM audit_parts WHERE registry = ? AND typeof(body) = 'blob' ORDER BY part
"""

_FIND: Final = """
SELECT snapshot, since, seal FROM audits
WHERE registry = ? AND typeof(snapshot) = 'blob' AND typeof(since) = 'text'
"""


@dataclass(frozen=True, slots=True)
class SpooledSnapshot:
    """A snapshot on its way into the ledger or out of it."""

    file: IO[bytes]
    digest: bytes
    """Its sha256."""

    def parts(self) -> Iterator[bytes]:
        """Yield it in parts; an empty snapshot has one part."""
        self.file.seek(0)
        yield self.file.read(_PART)
        while part := self.file.read(_PART):
            yield part


def spooled(pieces: Iterable[bytes], folder: Path | None) -> SpooledSnapshot:
    """Write chunks to a temporary file in a folder; None buffers them in memory.

    So the ledger is locked only for as long as a copy takes. Raises OSError.
    """
    file = _opened(folder)
    digest = hashlib.sha256()
    try:
        for piece in pieces:
            digest.update(piece)
            file.write(piece)
        file.seek(0)
    except BaseException:
        file.close()
        raise
    return SpooledSnapshot(file, digest.digest())


def _opened(folder: Path | None) -> IO[bytes]:
    if folder is None:
        return BytesIO()
    return SpooledTemporaryFile(_PART, dir=str(folder))


def find(registry: str, folder: Path | None, file: Connection) -> tuple[Kept | None, bool]:
    """Return the audit of a registry, and whether a damaged one exists."""
    file.execute("BEGIN")  # another process may write meanwhile
    try:
        row: tuple[bytes, str, bytes] | None = file.execute(_FIND, (registry,)).fetchone()
        if row is None:
            return None, False
        first, since, stated = row
        rest = (body for (body,) in file.execute(_PARTS, (registry,)))
        spool = spooled(chain((first,), rest), folder)
    finally:
        file.execute("ROLLBACK")
    if stated == _seal(registry, since, spool):
        return Kept(spool.file, json.loads(since)), False
    spool.file.close()
    return None, True


Rows = Iterable[tuple[object, ...]]


def rows(
    registry: str, now: float, spool: SpooledSnapshot, since: Mapping[str, float]
) -> tuple[Rows, Rows]:
    """Return the row of an audit, sealed, and the rows of its further parts."""
    parts, told = spool.parts(), json.dumps(dict(since))
    row = registry, now, next(parts), told, _seal(registry, told, spool)
    return (row,), ((registry, number, part) for number, part in enumerate(parts, 1))


def _seal(registry: str, since: str, spool: SpooledSnapshot) -> bytes:
    return _over(_sha256(registry.encode()), _sha256(since.encode()), spool.digest)


def seal(*parts: bytes) -> bytes:
    """Return a hash over several values, which shows damage to any of them."""
    return _over(*map(_sha256, parts))


def _over(*digests: bytes) -> bytes:
    return _sha256(b"".join(digests))


def _sha256(part: bytes) -> bytes:
    return hashlib.sha256(part).digest()
