"""The scrub of one registry: a steady background job that reads what it needs, within a budget."""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import UNREACHED, Reason
from exporter.facts.proof import Sighting, State
from exporter.judge.report import Report
from exporter.oci.digest import Digest
from exporter.oci.reference import Place
from exporter.ports import Proofs
from exporter.resolve.scrub.opening import opened
from exporter.resolve.scrub.plan import coverage, due
from exporter.resolve.scrub.reading import Found, Reading
from exporter.resolve.scrub.subjects import Subject, subjects
from exporter.resolve.target import Scrub
from exporter.serve.board import Board

_log: Final = logging.getLogger("pullproof.scrub")

LOOK_AGAIN: Final = 1.0
"""The most seconds until it is looked whether there is an audit to go by, or work that is paid."""
AWAY: Final = 60.0
"""Seconds of rest after something could not be read: the registry is away, or wants to be left."""

_AWAY: Final = UNREACHED | {Reason.RATE_LIMITED, Reason.SERVER_ERROR, Reason.UNAUTHORIZED}


@dataclass(slots=True)
class Scrubbing:
    """One registry's scrub. It goes by the board's latest audit, and changes nothing there."""

    registry: str
    scrub: Scrub
    reading: Reading
    board: Board
    _report: Report | None = None
    _waiting: deque[Subject] = field(default_factory=deque)
    _rotten: deque[Subject] = field(default_factory=deque)
    """What is due, and what is corrupt: that is due after every audit."""
    _reread: dict[Digest, float] = field(default_factory=dict)
    """When something corrupt was read last."""
    _was_rotten: bool = False
    """Was the last thing that was read corrupt?"""
    _needed: int = 0
    _largest: int = 0
    """Bytes of all that is needed, and of the largest thing among it."""
    _tried: dict[Digest, float] = field(default_factory=dict)
    """When something could not be read whole: it waits, for others to have their turn."""

    async def keep_on(self) -> None:
        """Read on until cancelled."""
        while True:
            try:
                pause = await self.turn(time.time())
            except Exception:  # noqa: BLE001 - a job boundary
                # A fault of ours must cost one reading, not the watch over all others.
                _log.exception("scrub failed", extra={"registry": self.registry})
                pause = AWAY
            await asyncio.sleep(pause)

    async def turn(self, now: float) -> float:
        """Read one thing, where one may be read, and return in how many seconds to ask again."""
        standing = self.board.find(self.registry)
        if standing is None or standing.report is None or not standing.up:
            return LOOK_AGAIN
        if standing.report is not self._report:
            await asyncio.to_thread(self._plan, standing.report, now)
        if not (self._waiting or self._rotten):
            return LOOK_AGAIN
        debt = await asyncio.to_thread(self._debt, now)
        queue = self._next(paid=debt <= now)
        if queue is None:
            return min(debt - now, LOOK_AGAIN)
        return await self._read(queue.popleft(), debt, now)

    def _next(self, *, paid: bool) -> deque[Subject] | None:
        """Say of which queue the next one is read, if any may be.

        What is corrupt is read again at once: it may be repaired, and somebody waits for that. But
        where much is, rereading it takes longer than an audit: so what is due has every other turn.
        """
        others = self._waiting if self._waiting and paid else None
        if self._rotten and not (others and self._was_rotten):
            return self._rotten
        return others

    def _plan(self, report: Report, now: float) -> None:
        """Say what is to be read, by what an audit saw."""
        scrub, terms = self.scrub, self.scrub.terms
        wanted = subjects(report.snapshot, hidden=scrub.source.shared)
        digests = [each.digest for each in wanted]
        scrub.proofs.want(self.registry, digests)
        known = scrub.proofs.scrubbed(self.registry)
        if scrub.unpacker is not None:
            wanted = tuple(opened(wanted, report.snapshot, known.contents))
        self._tried = {at: when for at in digests if (when := self._tried.get(at)) is not None}
        self._reread = {at: when for at in digests if (when := self._reread.get(at)) is not None}
        queue = due(wanted, known, now, terms.period, self._tried)
        self._waiting = deque(each for each in queue if not each.corrupt)
        rotten = (each for each in queue if each.corrupt)
        # Each has its turn, should an audit end before all of them had it.
        self._rotten = deque(sorted(rotten, key=lambda each: self._reread.get(each.digest, 0.0)))
        covered = coverage(wanted, known, now, terms.period)
        self._needed = covered.needed
        self._largest = max((each.size for each in wanted), default=0)
        tally = scrub.tally
        tally.oldest_live, tally.proven = covered.oldest_live, covered.share
        tally.budget = terms.budget(covered.needed)
        self._report = report

    def _debt(self, now: float) -> float:
        proofs, terms = self.scrub.proofs, self.scrub.terms
        noted = proofs.debt(self.registry)
        owed = terms.owed(noted, now, self._largest, self._needed)
        if owed < noted:
            proofs.owe(self.registry, owed)
        return owed

    async def _read(self, subject: Subject, debt: float, now: float) -> float:
        """Read one thing; what it costs is owed before it is read, should this process end.

        What is corrupt is read beside the budget: it is little, and would starve all else.
        """
        scrub = self.scrub
        self._was_rotten = subject.corrupt
        if subject.corrupt:
            self._reread[subject.digest] = now
        else:
            paid = scrub.terms.paid(debt, now, subject.size, self._needed)
            await asyncio.to_thread(scrub.proofs.owe, self.registry, paid)
        found = await self.reading.prove(subject)
        await asyncio.to_thread(keep, scrub.proofs, self.registry, subject, found, now)
        seen = found.sightings
        ended = outcome(seen)
        scrub.tally.blobs[ended] = scrub.tally.blobs.get(ended, 0) + 1
        self._tell(subject, seen, ended)
        if ended in ("unknown", "gone"):
            self._tried[subject.digest] = now
        return AWAY if any(each.reason in _AWAY for each in seen.values()) else 0.0

    def _tell(self, subject: Subject, found: Mapping[Place, Sighting], ended: str) -> None:
        fields = {
            "registry": self.registry,
            "digest": subject.digest,
            "repositories": sorted({repository for repository, _ in found}),
            "detail": next((each.detail or each.reason for each in found.values()), ""),
        }
        level = logging.DEBUG if ended == "match" else logging.WARNING
        _log.log(level, "full verification: %s", ended, extra=fields)


def keep(proofs: Proofs, registry: str, subject: Subject, found: Found, at: float) -> None:
    """Remember what came of reading something; `at` is in seconds since the epoch."""
    proofs.note(registry, found.sightings, at)
    if found.content is not None:
        proofs.learn(registry, subject.digest, found.content)


def outcome(found: Mapping[Place, Sighting]) -> str:
    """Say in one word how a reading ended: one of `sources.OUTCOMES`, the worst that was seen."""
    if any(each.corrupt for each in found.values()):
        return "mismatch"
    states = {each.state for each in found.values()}
    if states & {State.MISSING, State.BROKEN}:
        return "gone"
    return "unknown" if State.UNKNOWN in states else "match"
