"""Full verification in the ledger: reads, faults, and the content of unpacked layers."""

from collections.abc import Iterable, Mapping, Sequence
from sqlite3 import Connection
from typing import Any, Final

import msgspec

from exporter.facts.diff_ids import Contents, Inside, Known, Unpacked
from exporter.facts.proof import Sighting
from exporter.facts.scrubbed import Mismatch, Proven, Scrubbed
from exporter.oci.digest import Digest
from exporter.oci.layers import Rootfs
from exporter.oci.reference import Place, Repository
from exporter.store.audits import seal
from exporter.store.manifest_cache import key, unkeyed

SCHEMA: Final = """
CREATE TABLE proofs (
  registry TEXT NOT NULL, digest BLOB NOT NULL, since REAL NOT NULL, at REAL,
  day INTEGER NOT NULL, PRIMARY KEY (registry, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE proven_places (
  registry TEXT NOT NULL, digest BLOB NOT NULL, repository TEXT NOT NULL, at REAL NOT NULL,
  PRIMARY KEY (registry, digest, repository)
) STRICT, WITHOUT ROWID;
CREATE TABLE mismatches (
  registry TEXT NOT NULL, repository TEXT NOT NULL, digest BLOB NOT NULL, at REAL NOT NULL,
  detail TEXT NOT NULL, PRIMARY KEY (registry, repository, digest)
) STRICT, WITHOUT ROWID;
CREATE TABLE debts (registry TEXT PRIMARY KEY, until REAL NOT NULL) STRICT;
CREATE TABLE contents (
  registry TEXT NOT NULL, digest BLOB NOT NULL, content TEXT NOT NULL, seal BLOB NOT NULL,
  readings INTEGER NOT NULL, PRIMARY KEY (registry, digest)
) STRICT, WITHOUT ROWID;
"""
OWE: Final = "REPLACE INTO debts (registry, until) VALUES (?, ?)"
LEARN: Final = """
INSERT INTO contents (registry, digest, content, seal, readings) VALUES (?, ?, ?, ?, 1)
ON CONFLICT (registry, digest) DO UPDATE SET
  readings = iif(content = excluded.content AND seal = excluded.seal, readings + 1, 1),
  content = excluded.content, seal = excluded.seal
"""

_DEBT: Final = "SELECT until FROM debts WHERE registry = ? AND typeof(until) = 'real'"
_PROOFS: Final = """
SELECT digest, since, at FROM proofs WHERE registry = ?
AND typeof(digest) = 'blob' AND typeof(since) = 'real' AND typeof(at) IN ('real', 'null')
"""
"""Types of columns: a flipped bit can turn a text into a blob, and such a row is skipped."""
_PLACES: Final = """
SELECT repository, digest, at FROM proven_places WHERE registry = ?
AND typeof(repository) = 'text' AND typeof(digest) = 'blob' AND typeof(at) = 'real'
"""
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
_PRUNE_CONTENTS: Final = """
DELETE FROM contents WHERE registry = ? AND NOT EXISTS (
  SELECT 1 FROM proofs
  WHERE proofs.registry = contents.registry AND proofs.digest = contents.digest
)
"""
_CONTENTS: Final = """
SELECT digest, content, seal, readings FROM contents WHERE registry = ?
AND typeof(digest) = 'blob' AND typeof(content) = 'text' AND typeof(readings) = 'integer'
"""
_PROVE: Final = """
INSERT INTO proofs (registry, digest, since, at, day) VALUES (?, ?, ?, ?, ?)
ON CONFLICT (registry, digest) DO UPDATE SET day = excluded.day,
since = iif(typeof(since) = 'real', since, excluded.since), at = max(excluded.at, ifnull((
  SELECT max(wrong.at) FROM mismatches AS wrong
  WHERE wrong.registry = excluded.registry AND wrong.digest = excluded.digest
  AND typeof(wrong.at) = 'real'
), excluded.at))
"""
"""A repaired fault was found before its repair, even if a clock was set back in between."""
_PROVE_PLACE: Final = """
REPLACE INTO proven_places (registry, digest, repository, at) VALUES (?, ?, ?, ?)
"""
_PRUNE_PLACES: Final = """
DELETE FROM proven_places WHERE registry = ? AND NOT EXISTS (
  SELECT 1 FROM proofs
  WHERE proofs.registry = proven_places.registry AND proofs.digest = proven_places.digest
)
"""
_FORGIVE: Final = "DELETE FROM mismatches WHERE registry = ?"
_CLEAR: Final = "DELETE FROM mismatches WHERE registry = ? AND repository = ? AND digest = ?"
_BLAME: Final = """
REPLACE INTO mismatches (registry, repository, digest, at, detail) VALUES (?, ?, ?, ?, ?)
"""
_DAY: Final = 86_400
_NEVER: Final = 2**40
"""A day that is never reached."""

Work = list[tuple[str, "Sequence[tuple[object, ...]]"]]


def recall(registry: str, file: Connection) -> Scrubbed:
    """Return the results of a registry, without damaged ones."""
    proofs = {
        unkeyed(packed): Proven(since, at)
        for packed, since, at in file.execute(_PROOFS, (registry,))
    }
    places = {
        (Repository(name), unkeyed(packed)): at
        for name, packed, at in file.execute(_PLACES, (registry,))
    }
    mismatches = {
        (Repository(name), unkeyed(packed)): Mismatch(at, detail)
        for name, packed, at, detail in file.execute(_MISMATCHES, (registry,))
    }
    return Scrubbed(proofs, places, mismatches, _contents(registry, file))


def debt(registry: str, file: Connection) -> float:
    """Return when the budget of past reads is paid off; 0 if nothing was read."""
    row = file.execute(_DEBT, (registry,)).fetchone()
    return row[0] if row else 0.0


def wanting(registry: str, digests: Iterable[Digest], now: float, kept: int) -> Work:
    """Return the statements that note needed content, and drop what was not needed for days."""
    day = int(now // _DAY)
    rows = [(registry, key(digest), now, day) for digest in digests]
    return [
        (_WANT, rows),
        (_PRUNE, [(registry, day - kept)]),
        (_PRUNE_CONTENTS, [(registry,)]),
        (_PRUNE_PLACES, [(registry,)]),
    ]


def forgetting(registry: str) -> Work:
    """Return the statements that drop the results of a registry."""
    of: list[tuple[object, ...]] = [(registry,)]
    pruned = (_PRUNE, [(registry, _NEVER)])
    return [pruned, (_PRUNE_CONTENTS, of), (_PRUNE_PLACES, of), (_FORGIVE, of)]


def noting(registry: str, found: Mapping[Place, Sighting], at: float) -> Work:
    """Return the statements that store the results of full reads."""
    day = int(at // _DAY)
    blamed = [
        (registry, place[0], key(place[1]), at, seen.detail)
        for place, seen in found.items()
        if seen.corrupt
    ]
    right = [place for place, seen in found.items() if seen.hashed]
    once = {digest for _, digest in right}
    proven = [(registry, key(digest), at, at, day) for digest in once]
    places = [(registry, key(digest), name, at) for name, digest in right]
    cleared = [(registry, name, key(digest)) for name, digest in right]
    return [(_PROVE, proven), (_PROVE_PLACE, places), (_CLEAR, cleared), (_BLAME, blamed)]


Row = tuple[str, bytes, str, bytes]
_Content = tuple[Unpacked | None, Rootfs | None]
"""The first of a layer, the second of a configuration."""


def _to_digest(kind: Any, value: Any) -> Any:
    return kind.parse(value)


_encode: Final = msgspec.json.Encoder(enc_hook=str).encode
_decode: Final = msgspec.json.Decoder(_Content, dec_hook=_to_digest).decode


def _contents(registry: str, file: Connection) -> Contents:
    found = {}
    for packed, text, stated, readings in file.execute(_CONTENTS, (registry,)):
        content = _content(text) if stated == seal(packed, text.encode()) else None
        if content is not None:
            found[unkeyed(packed)] = Known(content, readings)
    return found


def content_row(registry: str, digest: Digest, content: Inside) -> Row:
    """Return a stored value with a seal over it and its digest."""
    pair = (None, content) if isinstance(content, Rootfs) else (content, None)
    packed, text = key(digest), _encode(pair).decode()
    return registry, packed, text, seal(packed, text.encode())


def _content(text: str) -> Inside | None:
    """Parse a stored value; None if another release stored it with another meaning."""
    try:
        content: _Content = _decode(text)
    except (msgspec.DecodeError, ValueError):
        return None
    return content[0] or content[1]
