"""The scrub of one registry as a background job, within a budget that the ledger keeps."""

import asyncio
import logging
import time
from collections import deque
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import UNREACHED, Reason
from exporter.judge.report import Report
from exporter.oci.digest import Digest
from exporter.resolve.scrub.reading import ReadResult
from exporter.resolve.scrub.selection import ScrubItem
from exporter.scrub import Scrubber
from exporter.serve.audit_job import Watched
from exporter.serve.board import Board

_log: Final = logging.getLogger("pullproof.scrub")

POLL: Final = 1.0
"""The most seconds between two checks for a new audit or a free budget."""
BACKOFF: Final = 60.0
"""Seconds of rest after a registry refused or did not answer."""

_AWAY: Final = UNREACHED | {Reason.RATE_LIMITED, Reason.SERVER_ERROR, Reason.UNAUTHORIZED}


@asynccontextmanager
async def scrubbing(board: Board, watched: Iterable[Watched]) -> AsyncIterator[None]:
    """Scrub every registry that has a scrub, in its own thread, until left."""
    jobs = [
        asyncio.create_task(each.home.call(ScrubJob(scrubber, board).run))
        for each in watched
        if (scrubber := Scrubber.of(each.target)) is not None
    ]
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


@dataclass(slots=True)
class ScrubJob:
    """The scrub of one registry. It follows the board's latest audit, and changes nothing there."""

    scrubber: Scrubber
    board: Board
    _report: Report | None = None
    _due: deque[ScrubItem] = field(default_factory=deque)
    _corrupt: deque[ScrubItem] = field(default_factory=deque)
    """Corrupt content is due after every audit."""
    _reread: dict[Digest, float] = field(default_factory=dict)
    """When corrupt content was last read."""
    _was_corrupt: bool = False
    """Was the last item corrupt?"""
    _needed: int = 0
    _largest: int = 0
    """Bytes of everything needed, and of its largest part."""
    _tried: dict[Digest, float] = field(default_factory=dict)
    """When content could not be read in full: it waits, and others go first."""

    async def run(self) -> None:
        """Scrub until cancelled."""
        while True:
            try:
                pause = await self.turn(time.time())
            except Exception:  # noqa: BLE001 - a job boundary
                # A fault of ours must cost one reading, not the watch over all others.
                _log.exception("scrub failed", extra={"registry": self.scrubber.registry})
                pause = BACKOFF
            await asyncio.sleep(pause)

    async def turn(self, now: float) -> float:
        """Read one item if one may be read; return the seconds until the next turn."""
        status = self.board.find(self.scrubber.registry)
        if status is None or status.report is None or not status.up:
            return POLL
        if status.report is not self._report:
            await asyncio.to_thread(self._plan, status.report, now)
        if not (self._due or self._corrupt):
            return POLL
        debt = await asyncio.to_thread(self._debt, now)
        queue = self._next(paid=debt <= now)
        if queue is None:
            return min(debt - now, POLL)
        return await self._read(queue.popleft(), debt, now)

    def _next(self, *, paid: bool) -> deque[ScrubItem] | None:
        """Return the queue to read from next, if any may be read.

        Corrupt content is read again at once: it may be repaired, and somebody waits for that. But
        where much is, rereading it takes longer than an audit: so what is due has every other turn.
        """
        others = self._due if self._due and paid else None
        if self._corrupt and not (others and self._was_corrupt):
            return self._corrupt
        return others

    def _plan(self, report: Report, now: float) -> None:
        scrub = self.scrubber.scrub
        plan = self.scrubber.plan(report.snapshot, now, self._tried)
        digests = [each.digest for each in plan.needed]
        self._tried = {at: when for at in digests if (when := self._tried.get(at)) is not None}
        self._reread = {at: when for at in digests if (when := self._reread.get(at)) is not None}
        self._due = deque(each for each in plan.due if not each.corrupt)
        corrupt = (each for each in plan.due if each.corrupt)
        # Each has its turn, should an audit end before all of them had it.
        self._corrupt = deque(sorted(corrupt, key=lambda each: self._reread.get(each.digest, 0.0)))
        self._needed = plan.coverage.needed
        self._largest = max((each.size for each in plan.needed), default=0)
        tally = scrub.tally
        tally.oldest_live, tally.proven = plan.coverage.oldest_live, plan.coverage.share
        tally.budget = scrub.terms.budget(self._needed)
        self._report = report

    def _debt(self, now: float) -> float:
        scrub, registry = self.scrubber.scrub, self.scrubber.registry
        noted = scrub.proofs.debt(registry)
        owed = scrub.terms.owed(noted, now, self._largest, self._needed)
        if owed < noted:
            scrub.proofs.owe(registry, owed)
        return owed

    async def _read(self, item: ScrubItem, debt: float, now: float) -> float:
        """Read one item; its cost is recorded first, should this process end meanwhile.

        Corrupt content is read outside the budget: it is little, and would starve all else.
        """
        self._was_corrupt = item.corrupt
        if item.corrupt:
            self._reread[item.digest] = now
        else:
            scrub = self.scrubber.scrub
            paid = scrub.terms.paid(debt, now, item.size, self._needed)
            await asyncio.to_thread(scrub.proofs.owe, self.scrubber.registry, paid)
        found = await self.scrubber.verify(item, now)
        self._log(item, found)
        if found.outcome in ("unknown", "gone"):
            self._tried[item.digest] = now
        away = any(each.reason in _AWAY for each in found.sightings.values())
        return BACKOFF if away else 0.0

    def _log(self, item: ScrubItem, found: ReadResult) -> None:
        seen = found.sightings
        fields = {
            "registry": self.scrubber.registry,
            "digest": item.digest,
            "repositories": sorted({repository for repository, _ in seen}),
            "detail": next((each.detail or each.reason for each in seen.values()), ""),
        }
        level = logging.DEBUG if found.outcome == "match" else logging.WARNING
        _log.log(level, "full verification: %s", found.outcome, extra=fields)
