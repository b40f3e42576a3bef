"""How are bytes kept from coming faster than they may?"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Final

_TOO_SHORT: Final = 0.01
"""Seconds that are not worth a sleep; they are not forgotten either."""


class Throttle:
    """Counts bytes, and holds their taker back so that no second brings more than the rate.

    Implements `exporter.ports.Sink`.
    """

    def __init__(
        self,
        rate: float | None,
        counted: Callable[[int], None],
        clock: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        """`rate` is in bytes a second, None for as fast as they come; `counted` hears of each."""
        self._rate, self._counted = rate, counted
        self._clock, self._sleep = clock, sleep
        self._free_at = 0.0

    def begin(self) -> None:
        """Bytes that come a second time cost a second time."""

    async def take(self, chunk: bytes) -> None:
        """Count some bytes, and return once they are paid for."""
        self._counted(len(chunk))
        if self._rate is None:
            return
        now = self._clock()
        self._free_at = max(self._free_at, now) + len(chunk) / self._rate
        if self._free_at - now > _TOO_SHORT:
            await self._sleep(self._free_at - now)
