"""The board: the latest state of all registries and its metrics, swapped together."""

import asyncio
import logging
import math
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.judge.report import Report
from exporter.publish.metrics import rendering as metrics
from exporter.publish.metrics.exposition import Exposition
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, RegistryStatus, Reload, SourceStatus
from exporter.serve.loop_thread import in_background
from exporter.tally import LedgerTally

_log: Final = logging.getLogger("pullproof.board")

_CHECK: Final = 1.0
"""Seconds between two checks for reports that are too old."""


@dataclass(frozen=True, slots=True)
class Attempt:
    """When an audit began, in seconds since the epoch, and how many seconds it took."""

    began: float
    took: float


def seen(status: RegistryStatus, report: Report, attempt: Attempt) -> RegistryStatus:
    """Return the status after a complete audit."""
    return replace(
        _tried(status, attempt),
        report=report,
        known=report,
        collector=report.snapshot.collector,
        kind=report.snapshot.kind,
        up=True,
        last_success=report.snapshot.taken_at,
        gaps=report.snapshot.gaps,
    )


def refreshed(status: RegistryStatus, report: Report) -> RegistryStatus:
    """Return the status after an audit of a part: the time of the last full audit stays.

    Where the last audit of the whole was incomplete, its gaps stay too.
    """
    gaps = report.snapshot.gaps if status.up is not False else status.gaps
    shown = report if status.report else None
    return replace(status, report=shown, known=report, gaps=gaps)


def unseen(
    status: RegistryStatus, attempt: Attempt, gaps: tuple[Gap, ...], reason: Reason, limit: float
) -> RegistryStatus:
    """Return the status after an incomplete audit.

    The last complete report is shown for `limit` seconds, and kept for the next complete audit.
    """
    tried = replace(_tried(status, attempt), up=False, gaps=gaps)
    return aged(_failed(tried, reason), attempt.began + attempt.took, limit)


def aged(status: RegistryStatus, now: float, limit: float) -> RegistryStatus:
    """Return the status with its last report shown, unless that is too old.

    Nor if it is as far in the future: the system clock changed, and its age is unknown.
    """
    age = now - status.last_success if status.last_success else 0.0
    return replace(status, report=status.known if abs(age) <= limit else None)


def _tried(status: RegistryStatus, attempt: Attempt) -> RegistryStatus:
    audits = status.audits + 1
    return replace(status, last_attempt=attempt.began, duration=attempt.took, audits=audits)


def _failed(status: RegistryStatus, reason: Reason) -> RegistryStatus:
    return replace(status, failures=dict(Counter(status.failures) + Counter({reason: 1})))


class Board:
    """The latest state of all registries, with the metrics rendered from it."""

    def __init__(self, app_state: AppState, limits: Limits) -> None:
        self._limits = limits
        self.app_state, self._registries, self.exposition = self._rendered(app_state, None)
        self._turn = asyncio.Lock()

    def find(self, registry: str) -> RegistryStatus | None:
        """Return the status of a registry, or None if it is not shown."""
        found = (each for each in self.app_state.statuses if each.registry == registry)
        return next(found, None)

    def begin(self, registry: str) -> None:
        """Show that a registry is being audited. The rendered metrics stay as they are."""
        under_way = self.app_state.in_progress | {registry}
        self.app_state = replace(self.app_state, in_progress=under_way)

    async def watch(
        self, statuses: Iterable[RegistryStatus], ledger: LedgerTally | None = None
    ) -> None:
        """Show these registries from now on, and no others; and the ledger."""
        async with self._turn:
            ordered = tuple(sorted(statuses, key=lambda each: each.registry))
            shown = replace(self.app_state, statuses=ordered, ledger=ledger)
            await self._swap(shown, ended=self.app_state.in_progress)

    async def show(self, status: RegistryStatus) -> None:
        """Show a registry's status after an audit; a scrape sees all of it, or none."""
        async with self._turn:
            others = (each for each in self.app_state.statuses if each.registry != status.registry)
            statuses = tuple(sorted((*others, status), key=lambda each: each.registry))
            ended = frozenset({status.registry})
            await self._swap(replace(self.app_state, statuses=statuses), ended=ended)

    async def age(self, now: float, limits: Mapping[str, float]) -> None:
        """Remove each report that is older than its registry's limit, in seconds."""
        async with self._turn:
            before = self.app_state.statuses
            after = tuple(aged(each, now, limits.get(each.registry, math.inf)) for each in before)
            if any(old.report is not new.report for old, new in zip(before, after, strict=True)):
                await self._swap(replace(self.app_state, statuses=after))

    async def hear(self, sources: Iterable[SourceStatus]) -> None:
        """Show the status of the sources of references."""
        async with self._turn:
            if tuple(sources) != self.app_state.sources:
                await self._swap(replace(self.app_state, sources=tuple(sources)))

    async def reloaded(self, reload: Reload) -> None:
        """Show which configuration is in force."""
        async with self._turn:
            await self._swap(replace(self.app_state, reload=reload))

    async def _swap(self, app_state: AppState, ended: frozenset[str] = frozenset()) -> None:
        """Show a state in which the audits of some registries have ended."""
        # The sources are heard before each audit: what is said of the registries stays as it is.
        same = app_state.statuses is self.app_state.statuses
        known = self._registries if same else None
        app_state, *rendered = await asyncio.to_thread(self._rendered, app_state, known)
        under_way = self.app_state.in_progress - ended  # another one may have begun meanwhile
        self.app_state = replace(app_state, in_progress=under_way)
        self._registries, self.exposition = rendered

    def _rendered(
        self, app_state: AppState, known: Exposition | None
    ) -> tuple[AppState, Exposition, Exposition]:
        """Return the state that can be shown, the metrics of its registries, and all metrics."""
        try:
            registries = known or metrics.registries(app_state.statuses, self._limits)
        except Exception:  # noqa: BLE001 - of one registry; the others are shown
            _log.exception("report cannot be rendered")
            statuses = tuple(map(self._showable, app_state.statuses))
            app_state = replace(app_state, statuses=statuses)
            registries = metrics.registries(statuses, self._limits)
        return app_state, registries, registries.then(metrics.surroundings(app_state))

    def _showable(self, status: RegistryStatus) -> RegistryStatus:
        """Return a status, without its report if that cannot be rendered."""
        try:
            metrics.registries((status,), self._limits)
        except Exception as error:  # noqa: BLE001 - one registry must not take the others off
            detail = f"the report cannot be rendered ({type(error).__name__}): see the log"
            gap = Gap(Scope.REGISTRY, status.registry, Reason.INTERNAL, detail)
            hidden = replace(status, report=None, up=False, gaps=(*status.gaps, gap))
            return _failed(hidden, gap.reason)
        return status


@asynccontextmanager
async def aging(
    board: Board, limits: Mapping[str, float], clock: Callable[[], float]
) -> AsyncIterator[None]:
    """Remove reports that are older than their registry allows, in seconds, until left.

    `clock` returns the seconds since the epoch.
    """
    async with in_background(_age(board, limits, clock)):
        yield


async def _age(board: Board, limits: Mapping[str, float], clock: Callable[[], float]) -> None:
    while True:
        await board.age(clock(), limits)
        await asyncio.sleep(_CHECK)
