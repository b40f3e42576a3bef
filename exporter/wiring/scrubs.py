"""How is a registry's content read whole, as its settings say?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from exporter.ports import Bytes, Proofs
from exporter.resolve.method import Method
from exporter.resolve.scrub.plan import Terms
from exporter.resolve.scrub.reading import Reading
from exporter.resolve.scrub.throttle import Throttle
from exporter.resolve.scrub.unpacking import Unpacker
from exporter.resolve.target import Scrub
from exporter.serve.board import Board
from exporter.serve.scrubbing import Scrubbing
from exporter.tally import ScrubTally

if TYPE_CHECKING:
    from exporter.config.scrub import ScrubSettings
    from exporter.serve.rounds import Watched


@asynccontextmanager
async def scrubbed(board: Board, watched: Iterable[Watched]) -> AsyncIterator[None]:
    """Scrub whatever is to be scrubbed, in the background, until this is left."""
    jobs = [
        asyncio.create_task(
            each.home.call(
                Scrubbing(each.name, told, reading(told, each.target.method), board).keep_on
            )
        )
        for each in watched
        if (told := each.target.scrub) is not None
    ]
    try:
        yield
    finally:
        for job in jobs:
            job.cancel()
        await asyncio.gather(*jobs, return_exceptions=True)


def scrub(settings: ScrubSettings, source: Bytes, proofs: Proofs) -> Scrub:
    """Return what one registry's scrub is told."""
    terms = Terms(
        settings.period.total_seconds(), settings.bytes_per_day, settings.bytes_per_second
    )
    tally = ScrubTally(terms.period)

    def counted(size: int) -> None:
        tally.unpacked += size

    limit = settings.uncompressed_limit
    unpacker = Unpacker(limit, counted) if settings.uncompressed else None
    return Scrub(source, proofs, terms, tally, unpacker)


def reading(told: Scrub, method: Method) -> Reading:
    """Return the way to read at no more than the rate, every byte counted."""

    def counted(size: int) -> None:
        told.tally.size += size

    throttle = Throttle(told.terms.bytes_per_second, counted)
    return Reading(told.source, throttle, method, told.unpacker)
