"""Which images are wanted now, by every source that is configured?"""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Self

from exporter.facts.gap import Gap, Scope
from exporter.publish.standing import SourceStanding
from exporter.serve.rounds import References
from exporter.sources import Listing, Unseen, joined
from exporter.sources.references import ReferenceFile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.config.settings import Settings
    from exporter.facts.use import Use


class ReferenceFiles:
    """The configured files. One that cannot be read keeps what it said last, and is a gap."""

    def __init__(self, files: Iterable[ReferenceFile]) -> None:
        """Read these files whenever asked."""
        self._files = tuple(files)
        self._last: dict[str, tuple[Listing[Use], SourceStanding]] = {}

    @classmethod
    def of(cls, settings: Settings) -> Self:
        """Return the files that the settings name."""
        return cls(
            ReferenceFile(each.file, each.reference_class, frozenset(each.platforms))
            for each in settings.references
            if each.file is not None
        )

    async def __call__(self) -> References:
        """Read every file now."""
        read = await asyncio.to_thread(lambda: [self._read(file) for file in self._files])
        uses = joined(*(listing for listing, _ in read))
        return References(uses, tuple(standing for _, standing in read))

    def _read(self, file: ReferenceFile) -> tuple[Listing[Use], SourceStanding]:
        try:
            listing = file.uses()
        except Unseen as unseen:
            return self._frozen(file.name, unseen)
        standing = SourceStanding(file.name, True, time.time(), len(listing.entries))
        self._last[file.name] = (listing, standing)
        return listing, standing

    def _frozen(self, name: str, unseen: Unseen) -> tuple[Listing[Use], SourceStanding]:
        """A source that went away must not turn what is live into what is not."""
        gap = Gap(Scope.REFERENCES, name, unseen.reason, unseen.detail)
        nothing: Listing[Use] = Listing(())
        listing, standing = self._last.get(name, (nothing, SourceStanding(name, False, None, 0)))
        return joined(listing, Listing((), (gap,))), replace(standing, up=False)
