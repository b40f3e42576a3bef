"""What is made of the board's standings once, however many ask for it?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from exporter.publish.standing import Standing

Made = TypeVar("Made")


class Once(Generic[Made]):
    """Something that takes a while to make, and that holds until an audit ends."""

    def __init__(self, make: Callable[[tuple[Standing, ...]], Made]) -> None:
        """Make it by a function, which is called in a thread."""
        self._make = make
        self._turn = asyncio.Lock()
        self._last: tuple[tuple[Standing, ...], Made] | None = None

    async def of(self, standings: tuple[Standing, ...]) -> Made:
        """Return what was made of these very standings, or make it now."""
        async with self._turn:
            if self._last is None or not _same(self._last[0], standings):
                self._last = standings, await asyncio.to_thread(self._make, standings)
            return self._last[1]


def _same(one: tuple[Standing, ...], other: tuple[Standing, ...]) -> bool:
    """Are these the very same values? Comparing whole reports would cost more than writing one."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))
