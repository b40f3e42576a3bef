"""The ledger: content by digest, each registry's last complete audit, and what scrubs found.

Losing it loses history, never correctness: a fault here is logged, and costs a second reading.
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
"""Days until content that no audit asks for is removed."""
_FRESH: Final = 30
"""Days after which content that is asked for is written down as asked for."""
_LARGEST: Final = 4 * 2**30
_LARGEST_IN_MEMORY: Final = 64 * 2**20
"""Bytes of a ledger past which it keeps no more manifests, since registries may hold anything: what
is not kept is read again at each audit. What audits found is kept all the same."""

Result = TypeVar("Result")
Statement = tuple[str, Iterable[tuple[object, ...]]]
"""What is to be done, once with each row of values."""


@dataclass(slots=True)
class _Session:
    """One connection, used by one thread at a time."""

    connection: sqlite3.Connection
    lock: RLock = field(default_factory=RLock)


class Ledger:
    """A SQLite file, or its like in memory. Its methods may be called from any thread."""

    def __init__(self, path: Path | None, clock: Callable[[], float]) -> None:
        """Open it; `clock` tells the seconds since the epoch. Raises `Unseen` as `connect` does."""
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
        """Keys of manifests that were asked for, and whose day in the file is an old one."""
        self._asked_outlines: set[bytes] = set()
        """The same of outlines."""

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
        """Keep bodies that were hashed, all of them or none; none where there is no room."""
        day = self._today()
        rows = [
            (manifest_cache.key(name), manifest_cache.packed(body), day)
            for name, body in bodies.items()
        ]
        if self._has_room(sum(len(body) for _, body, _ in rows)):
            self._put((manifest_cache.PUT, rows))

    def outlines(self, keys: Sequence[bytes]) -> Mapping[bytes, Outline]:
        """Return what is kept of some sha256 digests, without what is damaged."""
        rows: list[manifest_cache.OutlineRow] = []
        rows = self._do(self._reader, partial(manifest_cache.find_outlines, keys), rows)
        self._asked_outlines.update(key for key, _, day in rows if self._is_old(day))
        found = ((key, manifest_cache.unpacked_outline(key, row)) for key, row, _ in rows)
        return {key: outline for key, outline in found if outline is not None}

    def keep_outlines(self, found: Mapping[bytes, Outline]) -> None:
        """Keep outlines of manifests that were hashed, all of them or none."""
        day = self._today()
        rows = [(key, manifest_cache.packed_outline(key, each), day) for key, each in found.items()]
        self._put((manifest_cache.PUT_OUTLINE, rows))

    def last(self, registry: str) -> Kept | None:
        """Return the audit that was kept last for a registry, or None."""
        kept: Kept | None = None
        find = partial(audits.find, registry, self._folder)
        kept, damaged = self._do(self._reader, find, (kept, False))
        if damaged:
            _log.warning("stored snapshot is damaged and not used", extra={"registry": registry})
        return kept

    def keep(self, registry: str, snapshot: Iterable[bytes], since: Mapping[str, float]) -> None:
        """Keep a registry's audit with its first-seen times: whole, or not at all."""
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
        """Return when each kind of a source was last listed, in seconds since the epoch."""
        return self._do(self._reader, partial(kinds.find, source), {})

    def keep_synced(self, source: str, found: Mapping[str, float]) -> None:
        """Keep when kinds of a source were listed."""
        rows = [(source, kind, when) for kind, when in found.items()]
        oldest = self._clock() - _KEPT * _DAY
        self._put((kinds.PUT, rows), (kinds.PRUNE, [(oldest,)]))

    def scrubbed(self, registry: str) -> Scrubbed:
        """Return what is known of a registry's bytes from full verification."""
        return self._do(self._reader, partial(scrubs.recall, registry), Scrubbed())

    def want(self, registry: str, digests: Iterable[Digest]) -> None:
        """Note that these are needed: what is new waits for its proof from now on."""
        self._put(*scrubs.wanting(registry, digests, self._clock(), _KEPT))

    def note(self, registry: str, found: Mapping[Place, Sighting], at: float) -> None:
        """Keep what a full read found; `at` is in seconds since the epoch."""
        self._put(*scrubs.noting(registry, found, at))

    def forget(self, registry: str) -> None:
        """Forget what full verification found: it was of another registry of that name."""
        self._put(*scrubs.forgetting(registry))

    def learn(self, registry: str, digest: Digest, content: Inside) -> None:
        """Keep what is in a configuration or a layer, and how many readings in a row said so."""
        self._put((scrubs.LEARN, [scrubs.content_row(registry, digest, content)]))

    def debt(self, registry: str) -> float:
        """Return when all that was read is paid for: seconds since the epoch, or 0."""
        return self._do(self._reader, partial(scrubs.debt, registry), 0.0)

    def owe(self, registry: str, until: float) -> None:
        """Note when what is about to be read will be paid for."""
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
        """Return the bytes in use; the next call reports a fault here."""
        with self._reader.lock:
            try:
                return _size(self._reader.connection)
            except FAULTS:
                return otherwise

    def _put(self, *work: Statement) -> None:
        """Write all of it, or nothing."""
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
        """Do something with the file; where it cannot be done, log that and go on without."""
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
        """Set a damaged file aside, once however many threads met the damage."""
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
    """Run statements in one transaction: a process killed in the middle of it leaves no trace."""
    file.execute("BEGIN IMMEDIATE")
    with file:
        for statement, rows in work:
            file.executemany(statement, rows)
    return True


def _size(file: sqlite3.Connection) -> int:
    """Return the bytes that are in use."""
    (pages,), (free,), (size,) = (
        file.execute(f"PRAGMA {name}").fetchone()
        for name in ("page_count", "freelist_count", "page_size")
    )
    return int((pages - free) * size)
