"""What is shown now? The program's one mutation: a picture and its rendering, swapped together."""

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
from exporter.publish.metrics.limits import Limits
from exporter.publish.standing import Picture, Reload, SourceStanding, Standing
from exporter.serve.standing import aged, unshown
from exporter.tally import LedgerTally

_log: Final = logging.getLogger("pullproof.board")


class Board:
    """The latest picture of all registries, with the metrics rendered from it."""

    def __init__(self, picture: Picture, limits: Limits) -> None:
        """Show a first picture."""
        self._limits = limits
        self.picture, self._registries, self.exposition = self._rendered(picture, None)
        self._turn = asyncio.Lock()

    def find(self, registry: str) -> Standing | None:
        """Return where a registry stands, or None for one that is not shown."""
        found = (each for each in self.picture.standings if each.registry == registry)
        return next(found, None)

    def begin(self, registry: str) -> None:
        """Show that a registry is being audited. The rendered metrics stay as they are."""
        under_way = self.picture.in_progress | {registry}
        self.picture = replace(self.picture, in_progress=under_way)

    async def watch(self, standings: Iterable[Standing], ledger: LedgerTally | None = None) -> None:
        """Put up the registries that are watched from now on, and no others; and the ledger."""
        async with self._turn:
            ordered = tuple(sorted(standings, key=lambda each: each.registry))
            before = self.picture.in_progress
            shown = replace(self.picture, standings=ordered, ledger=ledger)
            await self._swap(shown, ended=before)

    async def show(self, standing: Standing) -> None:
        """Put up where a registry stands after an audit; a scrape shows all of it, or none."""
        async with self._turn:
            others = (each for each in self.picture.standings if each.registry != standing.registry)
            standings = tuple(sorted((*others, standing), key=lambda each: each.registry))
            ended = frozenset({standing.registry})
            await self._swap(replace(self.picture, standings=standings), ended=ended)

    async def age(self, now: float, limits: Mapping[str, float]) -> None:
        """Take off each registry's last truth that is older than its limit, in seconds."""
        async with self._turn:
            before = self.picture.standings
            after = tuple(aged(each, now, limits.get(each.registry, math.inf)) for each in before)
            if any(old.report is not new.report for old, new in zip(before, after, strict=True)):
                await self._swap(replace(self.picture, standings=after))

    async def hear(self, sources: Iterable[SourceStanding]) -> None:
        """Put up how the sources of references do."""
        async with self._turn:
            if tuple(sources) != self.picture.sources:
                await self._swap(replace(self.picture, sources=tuple(sources)))

    async def reloaded(self, reload: Reload) -> None:
        """Put up which configuration is in force."""
        async with self._turn:
            await self._swap(replace(self.picture, reload=reload))

    async def _swap(self, picture: Picture, ended: frozenset[str] = frozenset()) -> None:
        """Put up a picture in which the audits of some registries have ended."""
        # The sources are heard before each audit: what is said of the registries stays as it is.
        same = picture.standings is self.picture.standings
        known = self._registries if same else None
        picture, *rendered = await asyncio.to_thread(self._rendered, picture, known)
        under_way = self.picture.in_progress - ended  # another one may have begun meanwhile
        self.picture = replace(picture, in_progress=under_way)
        self._registries, self.exposition = rendered

    def _rendered(
        self, picture: Picture, known: Exposition | None
    ) -> tuple[Picture, Exposition, Exposition]:
        """Return what can be shown, what metrics say of its registries, and all they say."""
        try:
            registries = known or metrics.registries(picture.standings, self._limits)
        except Exception:  # noqa: BLE001 - of one registry; the others are shown
            _log.exception("report cannot be rendered")
            standings = tuple(map(self._showable, picture.standings))
            picture = replace(picture, standings=standings)
            registries = metrics.registries(standings, self._limits)
        return picture, registries, metrics.surroundings(picture).then(registries)

    def _showable(self, standing: Standing) -> Standing:
        """Return a standing without its report where that is the one that cannot be rendered."""
        try:
            metrics.registries((standing,), self._limits)
        except Exception as error:  # noqa: BLE001 - one registry must not take the others off
            detail = f"the report cannot be rendered ({type(error).__name__}): see the log"
            return unshown(
                standing, Gap(Scope.REGISTRY, standing.registry, Reason.INTERNAL, detail)
            )
        return standing
