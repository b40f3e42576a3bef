"""The board: the latest state of all registries and its metrics, swapped together."""

from __future__ import annotations

import asyncio
import logging
import math
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.publish.metrics import rendering as metrics
from exporter.publish.metrics.exposition import Exposition
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, RegistryStatus, Reload, SourceStatus
from exporter.serve.status import aged, unshown
from exporter.tally import LedgerTally

_log: Final = logging.getLogger("pullproof.board")


class Board:
    """The latest state of all registries, with the metrics rendered from it."""

    def __init__(self, app_state: AppState, limits: Limits) -> None:
        """Show a first state."""
        self._limits = limits
        self.app_state, self._registries, self.exposition = self._rendered(app_state, None)
        self._turn = asyncio.Lock()

    def find(self, registry: str) -> RegistryStatus | None:
        """Return where a registry stands, or None for one that is not shown."""
        found = (each for each in self.app_state.statuses if each.registry == registry)
        return next(found, None)

    def begin(self, registry: str) -> None:
        """Show that a registry is being audited. The rendered metrics stay as they are."""
        under_way = self.app_state.in_progress | {registry}
        self.app_state = replace(self.app_state, in_progress=under_way)

    async def watch(
        self, statuses: Iterable[RegistryStatus], ledger: LedgerTally | None = None
    ) -> None:
        """Put up the registries that are watched from now on, and no others; and the ledger."""
        async with self._turn:
            ordered = tuple(sorted(statuses, key=lambda each: each.registry))
            before = self.app_state.in_progress
            shown = replace(self.app_state, statuses=ordered, ledger=ledger)
            await self._swap(shown, ended=before)

    async def show(self, status: RegistryStatus) -> None:
        """Put up where a registry stands after an audit; a scrape shows all of it, or none."""
        async with self._turn:
            others = (each for each in self.app_state.statuses if each.registry != status.registry)
            statuses = tuple(sorted((*others, status), key=lambda each: each.registry))
            ended = frozenset({status.registry})
            await self._swap(replace(self.app_state, statuses=statuses), ended=ended)

    async def age(self, now: float, limits: Mapping[str, float]) -> None:
        """Take off each registry's last truth that is older than its limit, in seconds."""
        async with self._turn:
            before = self.app_state.statuses
            after = tuple(aged(each, now, limits.get(each.registry, math.inf)) for each in before)
            if any(old.report is not new.report for old, new in zip(before, after, strict=True)):
                await self._swap(replace(self.app_state, statuses=after))

    async def hear(self, sources: Iterable[SourceStatus]) -> None:
        """Put up how the sources of references do."""
        async with self._turn:
            if tuple(sources) != self.app_state.sources:
                await self._swap(replace(self.app_state, sources=tuple(sources)))

    async def reloaded(self, reload: Reload) -> None:
        """Put up which configuration is in force."""
        async with self._turn:
            await self._swap(replace(self.app_state, reload=reload))

    async def _swap(self, app_state: AppState, ended: frozenset[str] = frozenset()) -> None:
        """Put up a state in which the audits of some registries have ended."""
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
        """Return what can be shown, what metrics say of its registries, and all they say."""
        try:
            registries = known or metrics.registries(app_state.statuses, self._limits)
        except Exception:  # noqa: BLE001 - of one registry; the others are shown
            _log.exception("report cannot be rendered")
            statuses = tuple(map(self._showable, app_state.statuses))
            app_state = replace(app_state, statuses=statuses)
            registries = metrics.registries(statuses, self._limits)
        return app_state, registries, metrics.surroundings(app_state).then(registries)

    def _showable(self, status: RegistryStatus) -> RegistryStatus:
        """Return a status without its report where that is the one that cannot be rendered."""
        try:
            metrics.registries((status,), self._limits)
        except Exception as error:  # noqa: BLE001 - one registry must not take the others off
            detail = f"the report cannot be rendered ({type(error).__name__}): see the log"
            return unshown(status, Gap(Scope.REGISTRY, status.registry, Reason.INTERNAL, detail))
        return status
