"""Time of the last complete list of each kind of object, by source; in the ledger."""

from collections.abc import Mapping
from sqlite3 import Connection
from typing import Final

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS kinds (
  source TEXT NOT NULL, kind TEXT NOT NULL, synced REAL NOT NULL, PRIMARY KEY (source, kind)
) STRICT;
"""
"""Newer than the other tables: an older ledger is given it."""
PUT: Final = "REPLACE INTO kinds (source, kind, synced) VALUES (?, ?, ?)"
PRUNE: Final = "DELETE FROM kinds WHERE synced < ?"

_FIND: Final = "SELECT kind, synced FROM kinds WHERE source = ?"


def find(source: str, file: Connection) -> Mapping[str, float]:
    """Return the times of a source, in seconds since the epoch."""
    return dict(file.execute(_FIND, (source,)).fetchall())
