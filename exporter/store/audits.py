"""Each registry's last complete audit in the ledger: whole, or not at all."""

import hashlib
import json
from sqlite3 import Connection
from typing import Final

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
"""The rest of snapshots that are longer than one part. SQLite holds a value several times while it
writes it; a ledger that was written before is given this table."""
DROP_PARTS: Final = "DELETE FROM audit_parts WHERE registry = ?"
PUT_PART: Final = "INSERT INTO audit_parts (registry, part, body) VALUES (?, ?, ?)"
PRUNE_PARTS: Final = "DELETE FROM audit_parts WHERE registry NOT IN (SELECT registry FROM audits)"

_PART: Final = 2**20
"""Bytes of a part."""
_PARTS: Final = """
SELECT body FROM audit_parts WHERE registry = ? AND typeof(body) = 'blob' ORDER BY part
"""

_FIND: Final = """
SELECT snapshot, since, seal FROM audits
WHERE registry = ? AND typeof(snapshot) = 'blob' AND typeof(since) = 'text'
"""

Row = tuple[bytes, str, bytes]


def find(registry: str, file: Connection) -> Row | None:
    """Return the row of a registry."""
    file.execute("BEGIN")  # another process may write meanwhile
    try:
        row: Row | None = file.execute(_FIND, (registry,)).fetchone()
        rest = [body for (body,) in file.execute(_PARTS, (registry,))] if row else []
    finally:
        file.execute("ROLLBACK")
    return (b"".join((row[0], *rest)), row[1], row[2]) if row else None


def sealed(registry: str, kept: Kept) -> tuple[memoryview, str, bytes]:
    """Return the first part of an audit, with a seal over all of it."""
    since = json.dumps(dict(kept.since))
    whole = seal(registry.encode(), since.encode(), kept.snapshot)
    return memoryview(kept.snapshot)[:_PART], since, whole


def parts(registry: str, kept: Kept) -> list[tuple[str, int, memoryview]]:
    """Return the other parts."""
    view, starts = memoryview(kept.snapshot), range(_PART, len(kept.snapshot), _PART)
    return [(registry, at // _PART, view[at : at + _PART]) for at in starts]


def opened(registry: str, row: Row) -> Kept | None:
    """Unpack an audit; None where it is not what was sealed for this registry."""
    snapshot, since, stated = row
    intact = stated == seal(registry.encode(), since.encode(), snapshot)
    return Kept(snapshot, json.loads(since)) if intact else None


def seal(*parts: bytes) -> bytes:
    """Return a hash over several values, which shows damage to any of them."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
