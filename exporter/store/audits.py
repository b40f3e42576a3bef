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

_FIND: Final = """
SELECT snapshot, since, seal FROM audits
WHERE registry = ? AND typeof(snapshot) = 'blob' AND typeof(since) = 'text'
"""

Row = tuple[bytes, str, bytes]


def find(registry: str, file: Connection) -> Row | None:
    """Return the row of a registry."""
    row: Row | None = file.execute(_FIND, (registry,)).fetchone()
    return row


def sealed(registry: str, kept: Kept) -> Row:
    """Pack an audit, with a seal over all of it."""
    since = json.dumps(dict(kept.since))
    return kept.snapshot, since, seal(registry.encode(), since.encode(), kept.snapshot)


def opened(registry: str, row: Row) -> Kept | None:
    """Unpack an audit; None where it is not what was sealed for this registry."""
    snapshot, since, stated = row
    intact = stated == seal(registry.encode(), since.encode(), snapshot)
    return Kept(snapshot, json.loads(since)) if intact else None


def seal(*parts: bytes) -> bytes:
    """Return a hash over several values, by which damage to any of them is noticed."""
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
