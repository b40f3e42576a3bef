"""When is each registry audited? One audit of it at a time; what runs over skips, never stacks."""

from __future__ import annotations

import asyncio
import logging
import math
import random
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Iterable

    from exporter.serve.rounds import Rounds, Watched

_log: Final = logging.getLogger("pullproof.clock")

_SPREAD: Final = 0.05
"""Share of an interval by which audits are shifted, so that replicas do not ask in step."""


class Clock:
    """Runs a round for every registry at once, and then at each one's interval.

    Intervals are those of the event loop, which a wall clock that is set does not move: else no
    audit would run for as long as it was set back, with ages that look young meanwhile.
    """

    def __init__(self, rounds: Rounds, watched: Iterable[Watched]) -> None:
        """Hold what is to be audited; nothing runs before `start`."""
        self._rounds = rounds
        self._watched = tuple(watched)
        self._watches: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[None]] = set()

    def start(self) -> None:
        """Begin; must be called within the event loop that audits."""
        self._watches = [asyncio.create_task(self._watch(each)) for each in self._watched]

    async def stop(self, patience: float) -> None:
        """Start nothing more, give what runs `patience` seconds, then cancel it.

        An audit that is cut off leaves the truth before it in place.
        """
        await _ended(self._watches)
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience)
            await _ended(late)

    async def _watch(self, watched: Watched) -> None:
        loop = asyncio.get_running_loop()
        due = loop.time()
        while True:
            task = asyncio.create_task(self._round(watched))
            self._running.add(task)
            task.add_done_callback(self._running.discard)
            await asyncio.wait({task})  # a watch that ends does not take its round with it
            due = following(due, watched.interval, loop.time())
            shift = random.uniform(-_SPREAD, _SPREAD) * watched.interval  # noqa: S311 - no secret
            await asyncio.sleep(max(0.0, due + shift - loop.time()))

    async def _round(self, watched: Watched) -> None:
        try:
            await self._rounds.run(watched)
        except asyncio.CancelledError:
            _log.info("audit cut off", extra={"registry": watched.name})
            raise


def following(due: float, interval: float, now: float) -> float:
    """Return when the next round is due: as many whole intervals on as one of it is to come."""
    return due + interval * max(1, math.ceil((now - due) / interval))


async def _ended(tasks: Iterable[asyncio.Task[None]]) -> None:
    tasks = tuple(tasks)
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
