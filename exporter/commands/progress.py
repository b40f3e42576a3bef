"""What does somebody at a terminal see while it takes long? One line, and none of it afterwards."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Final

_TICK: Final = 0.2
_WIPE: Final = "\r\x1b[K"


@asynccontextmanager
async def showing(line: Callable[[], str]) -> AsyncIterator[None]:
    """Show a line anew every moment, where standard error is a terminal."""
    if not sys.stderr.isatty():
        yield
        return
    ticking = asyncio.create_task(_tick(line))
    try:
        yield
    finally:
        ticking.cancel()
        with suppress(asyncio.CancelledError):
            await ticking
        _write(_WIPE)


async def _tick(line: Callable[[], str]) -> None:
    while True:
        _write(f"{_WIPE}{line()}")
        await asyncio.sleep(_TICK)


def _write(text: str) -> None:
    sys.stderr.write(text)
    sys.stderr.flush()
