"""The ledger: content by digest, the last complete audit of each registry, results of scrubs.

Its loss loses history, never correctness: an error is logged, and costs a second read.
"""

import logging
import sqlite3
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from threading import RLock
from typing import Final, Self, TypeVar

from exporter.facts.body import Outline
from exporter.facts.diff_ids import Inside
from exporter.facts.proof import Sighting
from exporter.facts.scrubbed import Scrubbed
from exporter.memory import Kept
from exporter.oci.digest import Digest
from exporter.oci.reference import Place
from exporter.ports import Unseen
from exporter.store import audits, kinds, manifest_cache, scrubs
from exporter.store.ledger_file import FAULTS, connect, is_damage, set_aside
from exporter.tally import LedgerTally

_log: Final = logging.getLogger("pullproof.ledger")

_DAY: Final = 86_400
_KEPT: Final = 90
"""Days until unrequested content is removed."""
_FRESH: Final = 30
"""Days between two updates of the time when content was requested."""
_LARGEST: Final = 4 * 2**30
_LARGEST_IN_MEMORY: Final = 64 * 2**20
"""Bytes of a ledger beyond which no more manifests are cached, since registries may hold anything:
they are read again at each audit. Results of audits are stored all the same."""

Result = TypeVar("Result")
Statement = tuple[str, Iterable[tuple[object, ...]]]
"""Statements, each run once per row of values."""


@dataclass(slots=True)
class _Session:
    """One connection, used by one thread at a time."""

    connection: sqlite3.Connection
    lock: RLock = field(default_factory=RLock)


class Ledger:
    """A SQLite file, or a database in memory. Its methods may be called from any thread."""

    def __init__(self, path: Path | None, clock: Callable[[], float]) -> None:
        """Open it; `clock` returns seconds since the epoch. Raises `Unseen` as `connect` does."""
        self._path, self._clock = path, clock
        self._folder = path.parent if path else None
        self.tally = None if path is None else LedgerTally()
        """Counts of its writes; None without a file."""
        self._writer = self._reader = _Session(connect(path))
        if path is not None:
            # A reader of its own: one registry's long write must not hold up another's audit.
            self._reader = _Session(connect(path))
        self._most = _LARGEST_IN_MEMORY if path is None else _LARGEST
        self._size = self._measured(0)
        self._asked: set[bytes] = set()
        """Keys of requested manifests whose time in the file is old."""
        self._asked_outlines: set[bytes] = set()
        """Likewise of outlines."""

    def __enter__(self) -> Self:
        """Close it at the end of a `with`."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the file; everything stored is safe already."""
        with self._writer.lock, self._reader.lock:
            self._writer.connection.close()
            self._reader.connection.close()

    def manifest(self, digest: Digest) -> bytes | None:
        """Return the cached body of a digest, hashed again, or None."""
        key = manifest_cache.key(digest)
        row = self._do(self._reader, partial(manifest_cache.find, key), None)
        if row is None:
            return None
        packed, day = row
        body = manifest_cache.unpacked(digest, packed)
        if body is None:
            _log.warning("cached content is damaged, reading it again", extra={"digest": digest})
            self._put((manifest_cache.FORGET, [(key,)]))
        elif self._is_old(day):
            self._asked.add(key)
        return body

    def keep_manifests(self, bodies: dict[Digest, bytes]) -> None:
        """Cache verified bodies, all of them or none; none if the ledger is full."""
        day = self._today()
        rows = [
            (manifest_cache.key(name), manifest_cache.packed(body), day)
            for name, body in bodies.items()
        ]
        if self._has_room(sum(len(body) for _, body, _ in rows)):
            self._put((manifest_cache.PUT, rows))

    def outlines(self, keys: Sequence[bytes]) -> Mapping[bytes, Outline]:
        """Return the cached outlines of sha256 digests, without damaged ones."""
        rows: list[manifest_cache.OutlineRow] = []
        rows = self._do(self._reader, partial(manifest_cache.find_outlines, keys), rows)
        self._asked_outlines.update(key for key, _, day in rows if self._is_old(day))
        found = ((key, manifest_cache.unpacked_outline(key, row)) for key, row, _ in rows)
        return {key: outline for key, outline in found if outline is not None}

    def keep_outlines(self, found: Mapping[bytes, Outline]) -> None:
        """Cache the outlines of verified manifests, all of them or none."""
        day = self._today()
        rows = [(key, manifest_cache.packed_outline(key, each), day) for key, each in found.items()]
        self._put((manifest_cache.PUT_OUTLINE, rows))

    def last(self, registry: str) -> Kept | None:
        """Return the last stored audit of a registry, or None."""
        kept: Kept | None = None
        find = partial(audits.find, registry, self._folder)
        kept, damaged = self._do(self._reader, find, (kept, False))
        if damaged:
            _log.warning("stored snapshot is damaged and not used", extra={"registry": registry})
        return kept

    def keep(self, registry: str, snapshot: Iterable[bytes], since: Mapping[str, float]) -> None:
        """Store a registry's audit with its first-seen times: whole, or not at all."""
        try:
            spool = audits.spooled(snapshot, self._folder)
        except OSError as error:
            self._fail(error)
            self._note(truth=True, written=False)
            return
        with spool.file:
            self._keep(registry, *audits.rows(registry, self._clock(), spool, since))

    def _keep(self, registry: str, row: audits.Rows, parts: audits.Rows) -> None:
        asked, self._asked = self._asked, set()
        asked_outlines, self._asked_outlines = self._asked_outlines, set()
        now, today = self._clock(), self._today()
        self._put(
            (audits.PUT, row),
            (audits.DROP_PARTS, [(registry,)]),
            (audits.PUT_PART, parts),
            (audits.PRUNE, [(now - _KEPT * _DAY,)]),
            (audits.PRUNE_PARTS, [()]),
            (manifest_cache.TOUCH, [(today, key) for key in asked]),
            (manifest_cache.PRUNE, [(today - _KEPT,)]),
            (manifest_cache.TOUCH_OUTLINE, [(today, key) for key in asked_outlines]),
            (manifest_cache.PRUNE_OUTLINES, [(today - _KEPT,)]),
        )
        self._size = self._measured(self._size)

    def synced(self, source: str) -> Mapping[str, float]:
        """Return the time of the last list of each kind, in seconds since the epoch."""
        return self._do(self._reader, partial(kinds.find, source), {})

    def keep_synced(self, source: str, found: Mapping[str, float]) -> None:
        """Store the times of a source's lists."""
        rows = [(source, kind, when) for kind, when in found.items()]
        oldest = self._clock() - _KEPT * _DAY
        self._put((kinds.PUT, rows), (kinds.PRUNE, [(oldest,)]))

    def scrubbed(self, registry: str) -> Scrubbed:
        """Return the results of full verification of a registry."""
        return self._do(self._reader, partial(scrubs.recall, registry), Scrubbed())

    def want(self, registry: str, digests: Iterable[Digest]) -> None:
        """Note needed content: new content waits for its verification from now on."""
        self._put(*scrubs.wanting(registry, digests, self._clock(), _KEPT))

    def note(self, registry: str, found: Mapping[Place, Sighting], at: float) -> None:
        """Store the results of full reads; `at` is in seconds since the epoch."""
        self._put(*scrubs.noting(registry, found, at))

    def forget(self, registry: str) -> None:
        """Drop the results of full verification: they were of another registry of that name."""
        self._put(*scrubs.forgetting(registry))

    def learn(self, registry: str, digest: Digest, content: Inside) -> None:
        """Store the content of a configuration or a layer, and how many reads in a row agree."""
        self._put((scrubs.LEARN, [scrubs.content_row(registry, digest, content)]))

    def debt(self, registry: str) -> float:
        """Return when the budget of past reads is paid off: seconds since the epoch, or 0."""
        return self._do(self._reader, partial(scrubs.debt, registry), 0.0)

    def owe(self, registry: str, until: float) -> None:
        """Store when the budget of the next reads is paid off."""
        self._put((scrubs.OWE, [(registry, until)]))

    def _today(self) -> int:
        return int(self._clock() // _DAY)

    def _is_old(self, day: int) -> bool:
        return day < self._today() - _FRESH

    def _has_room(self, more: int) -> bool:
        if self._size + more > self._most:
            _log.warning("ledger is full: caching no more manifests", extra={"bytes": self._size})
            return False
        self._size += more
        return True

    def _measured(self, otherwise: int) -> int:
        """Return the bytes in use; the next call reports an error here."""
        with self._reader.lock:
            try:
                return _size(self._reader.connection)
            except FAULTS:
                return otherwise

    def _put(self, *work: Statement) -> None:
        """Write everything, or nothing."""
        written = self._do(self._writer, partial(_write, work), otherwise=False)
        self._note(truth=work[0][0] == audits.PUT, written=written)

    def _note(self, *, truth: bool, written: bool) -> None:
        if self.tally is not None:
            self.tally.note(truth=truth, written=written)

    def _fail(self, fault: BaseException) -> None:
        _log.warning("ledger failed", extra={"ledger": str(self._path), "cause": str(fault)})

    def _do(
        self, session: _Session, work: Callable[[sqlite3.Connection], Result], otherwise: Result
    ) -> Result:
        """Use the file; an error is logged, and the caller continues without it."""
        with session.lock:
            connection = session.connection
            try:
                return work(connection)
            except FAULTS as error:
                fault = error
        self._fail(fault)
        if self._path is not None and is_damage(fault):
            self._begin_anew(session, connection, self._path)
        return otherwise

    def _begin_anew(self, session: _Session, damaged: sqlite3.Connection, path: Path) -> None:
        """Rename a damaged file, once for all threads that found the damage."""
        with self._writer.lock, self._reader.lock:
            if session.connection is not damaged:
                return
            self.close()
            try:
                set_aside(path, "damaged")
                self._writer.connection, self._reader.connection = connect(path), connect(path)
            except (OSError, Unseen) as error:
                _log.warning("cannot create a new ledger", extra={"cause": str(error)})
                self._writer.connection = self._reader.connection = connect(None)
                if self.tally is not None:
                    self.tally.lost = True


def _write(work: Sequence[Statement], file: sqlite3.Connection) -> bool:
    """Run statements in one transaction: a killed process leaves no partial write."""
    file.execute("BEGIN IMMEDIATE")
    with file:
        for statement, rows in work:
            file.executemany(statement, rows)
    return True


def _size(file: sqlite3.Connection) -> int:
    """Return the bytes in use."""
    (pages,), (free,), (size,) = (
        file.execute(f"PRAGMA {name}").fetchone()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
