"""The audit of a registry as a job: audit, show, save. A fault costs one audit only."""

import asyncio
import logging
import time
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final

from exporter.audit import Audited, examine, refresh
from exporter.facts.exports import ExportResult
from exporter.facts.focus import Focus
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import State
from exporter.facts.use import Use
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.memory import Journal, Kept
from exporter.oci.digest import Malformed
from exporter.ports import Listing, Unseen
from exporter.publish.status import RegistryStatus, SourceStatus
from exporter.resolve.target import Target
from exporter.serve.board import Attempt, Board, aged, refreshed, seen, unseen
from exporter.serve.loop_thread import LoopThread
from exporter.store import snapshot_file
from exporter.tally import EventTally, Tally

_log: Final = logging.getLogger("pullproof.audit")

_GRACE: Final = 300.0
"""Seconds beyond its deadline that an audit has to judge, render and save its results."""


@dataclass(frozen=True, slots=True)
class Watched:
    """One registry under watch."""

    target: Target
    tally: Tally
    interval: float
    """Seconds between audits."""
    max_staleness: float
    """Seconds for which old results are still shown."""
    home: LoopThread = field(default_factory=LoopThread)
    """The thread of the registry's requests."""
    events: EventTally | None = None
    """None without events."""

    @property
    def name(self) -> str:
        """Its label."""
        return self.target.registry.name


@dataclass(frozen=True, slots=True)
class References:
    """The images in use, and the status of the sources that name them."""

    uses: Listing[Use]
    sources: tuple[SourceStatus, ...]


@dataclass(frozen=True, slots=True)
class AuditJob:
    """The job of every audit, without the registry itself."""

    board: Board
    journal: Journal
    references: Callable[[], Awaitable[References]]
    keep_facts: Callable[[Target, Audited], ExportResult] | None = None
    """Exports a complete audit, if exports are configured; may raise `Unseen`."""
    latest: Callable[[], Awaitable[References]] | None = None
    """The uses as they are known, for a refresh; without it, `references`."""
    clock: Callable[[], float] = time.time
    """Tells the seconds since the epoch."""
    afterwards: Callable[[], None] = lambda: None
    """Done after each audit, whatever came of it."""

    async def restore(self, watched: Watched) -> RegistryStatus:
        """Return the status of a registry before its first audit under these settings.

        That is the one on the board, or the one before the last restart unless it is too old.
        """
        shown = self.board.find(watched.name)
        if shown is not None:
            return self._under_way(watched, shown)
        target = watched.target
        fresh = self._under_way(
            watched,
            RegistryStatus(
                watched.name,
                target.role,
                target.collector,
                interval=watched.interval,
                tally=watched.tally,
            ),
        )
        try:
            saved = await asyncio.to_thread(self.journal.last, watched.name)
            reopened = await asyncio.to_thread(_reopened, fresh, saved) if saved else fresh
        except Exception:  # noqa: BLE001 - it would end every start anew
            _log.exception("stored snapshot is unusable", extra={"registry": watched.name})
            return fresh
        return aged(reopened, self.clock(), watched.max_staleness)

    def _under_way(self, watched: Watched, status: RegistryStatus) -> RegistryStatus:
        """Return a status under the settings in force."""
        target = watched.target
        # Until the first export its age counts from here, so that it can be too much.
        written = (status.facts_written or self.clock()) if self.keep_facts else None
        return replace(
            status,
            role=target.role,
            interval=watched.interval,
            periods={} if target.storage else target.periods,
            tally=watched.tally,
            shard=target.scope.shard,
            scrub=target.scrub.tally if target.scrub else None,
            events=watched.events,
            facts_written=written,
        )

    async def run(self, watched: Watched) -> None:
        """Audit once and show the outcome. Raises nothing but cancellation."""
        began, start = self.clock(), time.monotonic()

        def attempt() -> Attempt:
            return Attempt(began, time.monotonic() - start)  # the system clock may change

        self.board.begin(watched.name)
        status = self.board.find(watched.name) or await self.restore(watched)
        try:
            async with asyncio.timeout(watched.target.limits.deadline + _GRACE):
                after = await self._audited(watched, status, attempt)
            await self.board.show(after)
        except TimeoutError:
            detail = "the audit did not end by its deadline"
            await self._show_failure(watched, status, attempt(), Reason.TIMEOUT, detail)
        except Exception:  # noqa: BLE001 - the one job boundary
            # A fault of ours must cost one audit, not the watch over a registry.
            _log.exception("audit failed", extra={"registry": watched.name})
            await self._show_failure(watched, status, attempt(), Reason.INTERNAL, "see the log")
        self.afterwards()

    async def refresh(self, watched: Watched, focus: Focus) -> None:
        """Audit the focus, and images that uses did not need before, and show the outcome.

        Before the registry was audited as a whole under these settings, that is done instead.
        Raises nothing but cancellation.
        """
        status = self.board.find(watched.name)
        known = status.known if status else None
        if status is None or known is None or not watched.target.took(known.snapshot):
            await self.run(watched)
            return
        try:
            async with asyncio.timeout(watched.target.limits.deadline + _GRACE):
                await self._refreshed(watched, status, known, focus)
        except Exception:  # noqa: BLE001 - the audit of the whole comes all the same
            _log.exception("refresh failed", extra={"registry": watched.name})

    async def _refreshed(
        self, watched: Watched, status: RegistryStatus, known: Report, focus: Focus
    ) -> None:
        references = await (self.latest or self.references)()
        await self.board.hear(references.sources)
        uses, now = references.uses, self.clock()
        report = await watched.home.call(lambda: refresh(watched.target, uses, known, focus, now))
        if report is None:
            _log.info("registry does not answer", extra={"registry": watched.name})
            return
        await self.board.show(refreshed(status, report))
        if report.since != known.since:
            await self._save(report)

    async def _show_failure(
        self,
        watched: Watched,
        status: RegistryStatus,
        attempt: Attempt,
        reason: Reason,
        detail: str,
    ) -> None:
        gap = Gap(Scope.REGISTRY, watched.name, reason, detail)
        failed = unseen(status, attempt, (gap,), reason, watched.max_staleness)
        await self.board.show(failed)

    async def _audited(
        self, watched: Watched, status: RegistryStatus, attempt: Callable[[], Attempt]
    ) -> RegistryStatus:
        references = await self.references()
        await self.board.hear(references.sources)
        uses, known, began = references.uses, status.known, attempt().began
        target, exported = watched.target, self.keep_facts is not None
        audited = await watched.home.call(
            lambda: examine(target, uses, known, began, exported=exported)
        )
        report = audited.report
        ended = attempt()
        _tell(report, ended)
        blind = report.snapshot.blind
        if blind is not None:
            gaps, limit = report.snapshot.gaps, watched.max_staleness
            return unseen(status, ended, gaps, blind.reason, limit)
        await self._save(report)
        written = await self._write_facts(watched, audited)
        return replace(
            seen(status, report, ended),
            facts_written=began if written else status.facts_written,
        )

    async def _write_facts(self, watched: Watched, audited: Audited) -> bool:
        """Export the audit; a failing store does not affect it."""
        if self.keep_facts is None:
            return False
        told: dict[str, object] = {"registry": watched.name}
        try:
            exported = await asyncio.to_thread(self.keep_facts, watched.target, audited)
        except Unseen as unseen:
            _log.warning("export failed", extra=told | {"cause": str(unseen)})
            return False
        except Exception:  # noqa: BLE001 - a fault of ours here must not cost the verdicts
            _log.exception("export failed", extra=told)
            return False
        _log.info("exported", extra=told | {"audit": exported.release})
        if exported.untidy:
            _log.warning("old exports not removed", extra=told | {"cause": exported.untidy})
        return True

    async def _save(self, report: Report) -> None:
        """Save the audit for the next start; if that fails, this process still knows it."""
        snapshot = report.snapshot
        pieces = snapshot_file.encode(snapshot)
        try:
            await asyncio.to_thread(self.journal.keep, snapshot.registry, pieces, report.since)
        except Exception:  # noqa: BLE001 - a fault of ours here must not cost the verdicts
            _log.exception("audit not saved", extra={"registry": snapshot.registry})


def _reopened(fresh: RegistryStatus, kept: Kept) -> RegistryStatus:
    """Judge the old facts again: the same facts give the same report."""
    try:
        with kept.snapshot as file:
            snapshot = snapshot_file.decode(file)
    except Malformed as error:
        _log.warning("stored snapshot is unusable", extra={"cause": str(error)})
        return fresh
    reopened = seen(fresh, judge(snapshot, kept.since), Attempt(snapshot.taken_at, 0.0))
    return replace(reopened, up=None, audits=0, last_attempt=None, duration=None)


def _tell(report: Report, attempt: Attempt) -> None:
    """Log one line per audit."""
    snapshot = report.snapshot
    states = Counter(verdict.state for verdict in report.verdicts)
    fields = {
        "registry": snapshot.registry,
        "seconds": round(attempt.took, 3),
        "tags": len(report.verdicts),
        "objects": len(snapshot.sightings),
        "broken": states[State.BROKEN] + states[State.MISSING],
        "unknown": states[State.UNKNOWN],
        "gaps": len(snapshot.gaps),
    }
    _log.info("audit complete" if snapshot.blind is None else "audit incomplete", extra=fields)
