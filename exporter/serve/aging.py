"""Old verdicts leave the board when they are too old, whether or not an audit is under way."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Final

from exporter.serve.loop_thread import in_background

if TYPE_CHECKING:
    from exporter.serve.board import Board

_SOONEST: Final = 0.5
_LATEST: Final = 30.0
"""Seconds between two looks at the board."""


@asynccontextmanager
async def aging(
    board: Board, limits: Mapping[str, float], clock: Callable[[], float]
) -> AsyncIterator[None]:
    """Take verdicts off the board once they are older than their registry allows, in seconds.

    `clock` tells the seconds since the epoch.
    """
    async with in_background(_watch(board, limits, clock)):
        yield


async def _watch(board: Board, limits: Mapping[str, float], clock: Callable[[], float]) -> None:
    while True:
        await board.age(clock(), limits)
        await asyncio.sleep(min(max(_left(board, limits, clock()), _SOONEST), _LATEST))


def _left(board: Board, limits: Mapping[str, float], now: float) -> float:
    """Return the seconds until the next verdict is too old."""
    shown = (each for each in board.app_state.statuses if each.report and each.last_success)
    due = (limits.get(each.registry, _LATEST) + (each.last_success or now) for each in shown)
    return min(due, default=now + _LATEST) - now
