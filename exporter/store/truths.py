"""How does each registry's last whole truth stand in the ledger, so that none is told in part?"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Final

from exporter.ports import Kept

if TYPE_CHECKING:
    import sqlite3

SCHEMA: Final = """
CREATE TABLE truths (
  registry TEXT PRIMARY KEY, kept_at REAL NOT NULL,
  snapshot BLOB NOT NULL, since TEXT NOT NULL, seal BLOB NOT NULL
) STRICT;
"""
PUT: Final = """
REPLACE INTO truths (registry, kept_at, snapshot, since, seal) VALUES (?, ?, ?, ?, ?)
"""
PRUNE: Final = "DELETE FROM truths WHERE kept_at < ?"

_FIND: Final = """
SELECT snapshot, since, seal FROM truths
WHERE registry = ? AND typeof(snapshot) = 'blob' AND typeof(since) = 'text'
"""

Row = tuple[bytes, str, bytes]


def find(registry: str, file: sqlite3.Connection) -> Row | None:
    """Return the row of a registry."""
    row: Row | None = file.execute(_FIND, (registry,)).fetchone()
    return row


def sealed(registry: str, kept: Kept) -> Row:
    """Pack a truth, with a seal over all of it."""
    since = json.dumps(dict(kept.since))
    return kept.snapshot, since, _seal(registry, kept.snapshot, since)


def opened(registry: str, row: Row) -> Kept | None:
    """Unpack a truth; None where it is not what was sealed for this registry."""
    snapshot, since, seal = row
    if seal != _seal(registry, snapshot, since):
        return None
    return Kept(snapshot, json.loads(since))


def _seal(registry: str, snapshot: bytes, since: str) -> bytes:
    parts = (registry.encode(), since.encode(), snapshot)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
