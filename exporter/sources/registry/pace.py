"""When may the next request of a registry go out? One answer for all who ask at once."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import Final

from aiolimiter import AsyncLimiter

from exporter.sources.registry.limits import RequestLimits
from exporter.tally import Tally

_LOG: Final = logging.getLogger("pullproof.registry")


class Pace:
    """An async context: inside it, a request may be under way.

    A pause holds everybody back, and halves how many may go at once: else all would return
    together and be refused together. Each success afterwards gives back a little of it.
    """

    def __init__(self, registry: str, limits: RequestLimits, tally: Tally) -> None:
        self._registry = registry
        self._most = float(limits.concurrency)
        self._pause_cap = limits.pause_cap
        rate = limits.requests_per_second
        self._limiter = AsyncLimiter(1, 1 / rate) if rate else None
        self._tally = tally
        self._allowed = self._most
        self._busy = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._until = 0.0

    def beside(self, limits: RequestLimits) -> Pace:
        """Return the pace of another session with the same registry, at the rate of both."""
        other = Pace(self._registry, limits, self._tally)
        other._limiter = self._limiter
        return other

    async def __aenter__(self) -> None:
        """Wait for a free place, for the end of a pause, and for the agreed rate."""
        while self._busy >= int(self._allowed):
            await self._wait_turn()
        self._busy += 1
        if not self._until and self._limiter is None:
            return
        try:
            await self._hold_back()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Leave the place to the next."""
        self._leave()

    def pause(self, seconds: float) -> None:
        """Let no request out for a while, as the registry asked for."""
        now, seconds = asyncio.get_running_loop().time(), min(seconds, self._pause_cap)
        if now >= self._until:
            self._allowed = max(1.0, self._allowed / 2)
            _LOG.warning("%s: throttled, pausing for %.1f seconds", self._registry, seconds)
        self._until = max(self._until, now + seconds)

    def went_well(self) -> None:
        """Note a response that was no refusal: after about as many, one more may go at once."""
        if self._allowed < self._most:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)

    async def _hold_back(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (left := self._until - loop.time()) > 0:  # noqa: ASYNC110 - it may be prolonged
            await asyncio.sleep(left)
        if self._limiter is not None:
            await self._limiter.acquire()
        self._tally.throttled_seconds += loop.time() - began

    async def _wait_turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._call_next()  # its turn came; somebody else must have it
            raise

    def _leave(self) -> None:
        self._busy -= 1
        self._call_next()

    def _call_next(self) -> None:
        free = int(self._allowed) - self._busy
        while free > 0 and self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1
