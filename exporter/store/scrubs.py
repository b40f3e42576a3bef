"""How does the ledger remember which bytes were read whole, and which of them were wrong?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Final

from exporter.facts.proof import Sighting
from exporter.facts.scrubbed import Mismatch, Proven, Scrubbed
from exporter.oci.digest import Digest
from exporter.oci.reference import Place, Repository
from exporter.store.manifests import key

if TYPE_CHECKING:
    import sqlite3

SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS proofs (
  registry TEXT NOT NULL, digest BLOB NOT NULL, since REAL NOT NULL, at REAL, repository TEXT,
  day INTEGER NOT NULL, PRIMARY KEY (registry, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS mismatches (
  registry TEXT NOT NULL, repository TEXT NOT NULL, digest BLOB NOT NULL, at REAL NOT NULL,
  detail TEXT NOT NULL, PRIMARY KEY (registry, repository, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS debts (registry TEXT PRIMARY KEY, until REAL NOT NULL) STRICT;
"""
OWE: Final = "REPLACE INTO debts (registry, until) VALUES (?, ?)"

_DEBT: Final = "SELECT until FROM debts WHERE registry = ? AND typeof(until) = 'real'"
_PROOFS: Final = """
SELECT digest, since, at, repository FROM proofs WHERE registry = ?
AND typeof(digest) = 'blob' AND typeof(since) = 'real'
AND typeof(at) IN ('real', 'null') AND typeof(repository) IN ('text', 'null')
"""
"""A flipped bit can make a blob of a text, in a table that has none: such a row is passed over."""
_MISMATCHES: Final = """
SELECT repository, digest, at, detail FROM mismatches WHERE registry = ?
AND typeof(repository) = 'text' AND typeof(digest) = 'blob'
AND typeof(at) = 'real' AND typeof(detail) = 'text'
"""
_WANT: Final = """
INSERT INTO proofs (registry, digest, since, day) VALUES (?, ?, ?, ?)
ON CONFLICT (registry, digest) DO UPDATE SET day = excluded.day WHERE day <> excluded.day
"""
_PRUNE: Final = "DELETE FROM proofs WHERE registry = ? AND day < ?"
_PROVE: Final = """
INSERT INTO proofs (registry, digest, since, at, repository, day) VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (registry, digest)
DO UPDATE SET repository = excluded.repository, day = excluded.day,
since = iif(typeof(since) = 'real', since, excluded.since), at = max(excluded.at, ifnull((
  SELECT max(wrong.at) FROM mismatches AS wrong
  WHERE wrong.registry = excluded.registry AND wrong.digest = excluded.digest
  AND typeof(wrong.at) = 'real'
), excluded.at))
"""
"""What is right again was wrong before that, also where a clock was set back in between."""
_CLEAR: Final = "DELETE FROM mismatches WHERE registry = ? AND repository = ? AND digest = ?"
_BLAME: Final = """
REPLACE INTO mismatches (registry, repository, digest, at, detail) VALUES (?, ?, ?, ?, ?)
"""
_DAY: Final = 86_400
_ALGORITHMS: Final = {32: "sha256", 64: "sha512"}

Work = list[tuple[str, "Sequence[tuple[object, ...]]"]]


def recall(registry: str, file: sqlite3.Connection) -> Scrubbed:
    """Read all that is known of a registry."""
    proofs = {
        unkeyed(packed): Proven(since, at, None if name is None else Repository(name))
        for packed, since, at, name in file.execute(_PROOFS, (registry,))
    }
    mismatches = {
        (Repository(name), unkeyed(packed)): Mismatch(at, detail)
        for name, packed, at, detail in file.execute(_MISMATCHES, (registry,))
    }
    return Scrubbed(proofs, mismatches)


def debt(registry: str, file: sqlite3.Connection) -> float:
    """Return when all that was read is paid for; 0 where nothing was."""
    row = file.execute(_DEBT, (registry,)).fetchone()
    return row[0] if row else 0.0


def wanting(registry: str, digests: Iterable[Digest], now: float, kept: int) -> Work:
    """Return the statements that note what is needed, and forget what was not for days."""
    day = int(now // _DAY)
    rows = [(registry, key(digest), now, day) for digest in digests]
    return [(_WANT, rows), (_PRUNE, [(registry, day - kept)])]


def noting(registry: str, found: Mapping[Place, Sighting], at: float) -> Work:
    """Return the statements that keep what a whole read found."""
    day = int(at // _DAY)
    blamed = [
        (registry, place[0], key(place[1]), at, seen.detail)
        for place, seen in found.items()
        if seen.corrupt
    ]
    right = [place for place, seen in found.items() if seen.hashed]
    once = {digest: name for name, digest in right}
    proven = [(registry, key(digest), at, at, name, day) for digest, name in once.items()]
    cleared = [(registry, name, key(digest)) for name, digest in right]
    return [(_PROVE, proven), (_CLEAR, cleared), (_BLAME, blamed)]


def unkeyed(packed: bytes) -> Digest:
    """Return the digest whose key this is; its length tells the algorithm."""
    return Digest(f"{_ALGORITHMS.get(len(packed), 'sha256')}:{packed.hex()}")
