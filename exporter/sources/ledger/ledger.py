"""What is still known after a restart? Content by digest, and each registry's last whole truth.

Losing it loses history, never correctness: a fault here is logged, and costs a second reading.
"""

from __future__ import annotations

import hashlib
import json
import logging
import sqlite3
import zlib
from dataclasses import dataclass, field
from functools import partial
from threading import RLock
from typing import TYPE_CHECKING, Final, Self, TypeVar

from exporter.facts.scrubbed import Scrubbed
from exporter.oci.digest import Malformed
from exporter.oci.manifest import schema1_payload
from exporter.sources import Kept, Unseen
from exporter.sources.ledger import outlines, scrubs
from exporter.sources.ledger.file import connect, is_damage, set_aside

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path

    from exporter.facts.outline import Outline
    from exporter.facts.proof import Sighting
    from exporter.oci.digest import Digest
    from exporter.oci.reference import Place

_log: Final = logging.getLogger("pullproof.ledger")

_DAY: Final = 86_400
_KEPT: Final = 90
"""Days for which content stays that no audit asks for."""
_FRESH: Final = 30
"""Days after which an outline that is asked for is written down as asked for."""
_LARGEST: Final = 16 * 1024 * 1024
"""Bytes that a kept body may unpack to: four times the largest manifest."""
_LEVEL: Final = 1
"""Of zlib: a manifest shrinks to a third, for some sixty microseconds once."""

_FIND: Final = "SELECT body, day FROM manifests WHERE digest = ?"
_PUT: Final = """
INSERT INTO manifests (digest, body, day) VALUES (?, ?, ?)
ON CONFLICT (digest) DO UPDATE SET body = excluded.body, day = excluded.day
"""
_TOUCH: Final = "UPDATE manifests SET day = ? WHERE digest = ?"
_FORGET: Final = "DELETE FROM manifests WHERE digest = ?"
_PRUNE: Final = "DELETE FROM manifests WHERE day < ?"
_LAST: Final = "SELECT snapshot, since, seal FROM truths WHERE registry = ?"
_PUT_TRUTH: Final = """
REPLACE INTO truths (registry, kept_at, snapshot, since, seal) VALUES (?, ?, ?, ?, ?)
"""
_PRUNE_TRUTHS: Final = "DELETE FROM truths WHERE kept_at < ?"

Answer = TypeVar("Answer")
Row = tuple[object, ...]


@dataclass(slots=True)
class _Door:
    """One connection, used by one thread at a time."""

    connection: sqlite3.Connection
    lock: RLock = field(default_factory=RLock)


class Ledger:
    """A SQLite file, or its like in memory. Its methods may be called from any thread."""

    def __init__(self, path: Path | None, clock: Callable[[], float]) -> None:
        """Open it; `clock` tells the seconds since the epoch. Raises `Unseen` as `connect` does."""
        self._path, self._clock = path, clock
        self._writer = self._reader = _Door(connect(path))
        if path is not None:
            # A reader of its own: one registry's long write must not hold up another's audit.
            self._reader = _Door(connect(path))
        self._read: set[bytes] = set()
        """Digests that were asked for today, and whose day in the file is an older one."""
        self._recalled: set[bytes] = set()
        """The same of outlines, whose day is much older: there may be a million of them."""

    def __enter__(self) -> Self:
        """Close it at the end of a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; what was kept is safe already."""
        with self._writer.lock, self._reader.lock:
            self._writer.connection.close()
            self._reader.connection.close()

    def manifest(self, digest: Digest) -> bytes | None:
        """Return the body kept for a digest, hashed again: a flipped bit here is not content."""
        key = _key(digest)
        row = self._do(self._reader, lambda file: file.execute(_FIND, (key,)).fetchone(), None)
        if row is None:
            return None
        packed, day = row
        body = _unpacked(packed)
        if body is None or not _is_named(digest, body):
            _log.warning("kept content was damaged and is read anew", extra={"digest": digest})
            self._do(self._writer, partial(_write, [(_FORGET, [(key,)])]), None)
            return None
        if day != self._today():
            self._read.add(key)
        return body

    def keep_manifests(self, bodies: dict[Digest, bytes]) -> None:
        """Keep bodies that were hashed, all of them or none."""
        day = self._today()
        rows = [(_key(name), zlib.compress(body, _LEVEL), day) for name, body in bodies.items()]
        self._do(self._writer, partial(_write, [(_PUT, rows)]), None)

    def outlines(self, keys: Sequence[bytes]) -> Mapping[bytes, Outline]:
        """Return what is kept of some sha256 digests; what is damaged is not told."""
        rows: list[outlines.Row] = self._do(self._reader, partial(outlines.find, keys), [])
        old = self._today() - _FRESH
        self._recalled.update(key for key, _, day in rows if day < old)
        found = ((key, outlines.unpacked(key, row)) for key, row, _ in rows)
        return {key: outline for key, outline in found if outline is not None}

    def keep_outlines(self, found: Mapping[bytes, Outline]) -> None:
        """Keep outlines of manifests that were hashed, all of them or none."""
        day = self._today()
        rows = [(key, outlines.packed(key, each), day) for key, each in found.items()]
        self._do(self._writer, partial(_write, [(outlines.PUT, rows)]), None)

    def last(self, registry: str) -> Kept | None:
        """Return the truth that was put away last for a registry, or None."""
        row = self._do(self._reader, lambda file: file.execute(_LAST, (registry,)).fetchone(), None)
        if row is None:
            return None
        snapshot, since, seal = row
        if seal != _seal(registry, snapshot, since):
            _log.warning("the last truth was damaged and is not used", extra={"registry": registry})
            return None
        return Kept(snapshot, json.loads(since))

    def keep(self, registry: str, kept: Kept) -> None:
        """Put away a registry's truth with its first-seen times: whole, or not at all."""
        read, self._read = self._read, set()
        recalled, self._recalled = self._recalled, set()
        now, today = self._clock(), self._today()
        since = json.dumps(dict(kept.since))
        seal = _seal(registry, kept.snapshot, since)
        work: list[tuple[str, Sequence[Row]]] = [
            (_PUT_TRUTH, [(registry, now, kept.snapshot, since, seal)]),
            (_TOUCH, [(today, key) for key in read]),
            (_PRUNE, [(today - _KEPT,)]),
            (outlines.TOUCH, [(today, key) for key in recalled]),
            (outlines.PRUNE, [(today - _KEPT,)]),
            (_PRUNE_TRUTHS, [(now - _KEPT * _DAY,)]),
        ]
        self._do(self._writer, partial(_write, work), None)

    def scrubbed(self, registry: str) -> Scrubbed:
        """Return what is known of a registry's bytes from whole reads."""
        return self._do(self._reader, partial(scrubs.recall, registry), Scrubbed())

    def want(self, registry: str, digests: Iterable[Digest]) -> None:
        """Note that these are needed: what is new waits for its proof from now on."""
        work = scrubs.wanting(registry, digests, self._clock(), _KEPT)
        self._do(self._writer, partial(_write, work), None)

    def note(self, registry: str, found: Mapping[Place, Sighting], at: float) -> None:
        """Keep what a whole read found; `at` is in seconds since the epoch."""
        work = scrubs.noting(registry, found, at)
        self._do(self._writer, partial(_write, work), None)

    def debt(self, registry: str) -> float:
        """Return when all that was read is paid for: seconds since the epoch, or 0."""
        return self._do(self._reader, partial(scrubs.debt, registry), 0.0)

    def owe(self, registry: str, until: float) -> None:
        """Note when what is about to be read will be paid for."""
        work = [(scrubs.OWE, [(registry, until)])]
        self._do(self._writer, partial(_write, work), None)

    def _today(self) -> int:
        return int(self._clock() // _DAY)

    def _do(
        self, door: _Door, work: Callable[[sqlite3.Connection], Answer], otherwise: Answer
    ) -> Answer:
        """Do something with the file; where it cannot be done, log that and go on without."""
        with door.lock:
            connection = door.connection
            try:
                return work(connection)
            except sqlite3.Error as error:
                fault = error
        _log.warning("the ledger failed", extra={"ledger": str(self._path), "cause": str(fault)})
        if self._path is not None and is_damage(fault):
            self._begin_anew(door, connection, self._path)
        return otherwise

    def _begin_anew(self, door: _Door, damaged: sqlite3.Connection, path: Path) -> None:
        """Set a damaged file aside, once however many threads met the damage."""
        with self._writer.lock, self._reader.lock:
            if door.connection is not damaged:
                return
            self.close()
            try:
                set_aside(path, "damaged")
                self._writer.connection, self._reader.connection = connect(path), connect(path)
            except (OSError, Unseen) as error:
                _log.warning("no new ledger can be begun", extra={"cause": str(error)})
                self._writer.connection = self._reader.connection = connect(None)


def _write(work: Sequence[tuple[str, Sequence[Row]]], file: sqlite3.Connection) -> None:
    """Run statements in one transaction: a process killed in the middle of it leaves no trace."""
    file.execute("BEGIN IMMEDIATE")
    with file:
        for statement, rows in work:
            file.executemany(statement, rows)


def _key(digest: Digest) -> bytes:
    """Pack a digest into its bytes; the length tells the algorithm."""
    return bytes.fromhex(digest.encoded)


def _unpacked(packed: bytes) -> bytes | None:
    unpacker = zlib.decompressobj()
    try:
        body = unpacker.decompress(packed, _LARGEST)
    except zlib.error:
        return None
    return body if unpacker.eof else None


def _is_named(digest: Digest, body: bytes) -> bool:
    """Does a digest name this body, or what a signed schema 1 manifest signs?"""
    if digest.names(body):
        return True
    try:
        return digest.names(schema1_payload(body))
    except Malformed:
        return False


def _seal(registry: str, snapshot: bytes, since: str) -> bytes:
    """Hash all of a truth, so that a damaged one is noticed."""
    parts = (registry.encode(), since.encode(), snapshot)
    return hashlib.sha256(b"".join(hashlib.sha256(part).digest() for part in parts)).digest()
