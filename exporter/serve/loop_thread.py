"""An event loop in a thread of its own, and how long loops are held up."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Final, TypeVar

from exporter.resolve.concurrency import in_daemon_thread
from exporter.tally import LoopTally

Answer = TypeVar("Answer")

_BEAT: Final = 0.5
"""Seconds between two checks of a loop's lateness."""
_PATIENCE: Final = 1.0
"""Seconds that a thread is given to end."""
_STALL: Final = 0.2
"""Smallest lateness in seconds that counts as a stall."""


class LoopThread:
    """A loop in a thread of its own: its stalls do not affect others.

    What it gives to `asyncio.to_thread` and to the resolver has threads of its own, too. Nobody
    waits for it at the end of the process.
    """

    def __init__(self) -> None:
        self._loop: asyncio.AbstractEventLoop | None = None

    async def run(self, main: Callable[[], Coroutine[None, None, None]]) -> None:
        """Run a coroutine there to its end; raise what it raises."""

        async def begun() -> None:
            self._loop = asyncio.get_running_loop()
            await main()

        try:
            await in_daemon_thread(lambda: asyncio.run(begun()))
        finally:
            self._loop = None

    @asynccontextmanager
    async def running(self, tally: LoopTally) -> AsyncIterator[None]:
        """Run it until left, timing its stalls; one that does not end then is left alone."""
        here, ready, over = asyncio.get_running_loop(), asyncio.Event(), asyncio.Event()

        async def main() -> None:
            here.call_soon_threadsafe(ready.set)
            async with timed(tally):
                await over.wait()

        task = asyncio.ensure_future(self.run(main))
        await ready.wait()
        try:
            yield
        finally:
            self.post(over.set)
            await asyncio.wait({task}, timeout=_PATIENCE)
            task.cancel()

    async def call(self, act: Callable[[], Coroutine[None, None, Answer]]) -> Answer:
        """Return the result of a coroutine that runs there; here, if the thread does not run."""
        loop = self._loop
        if loop is None or loop is asyncio.get_running_loop():
            return await act()
        return await asyncio.wrap_future(asyncio.run_coroutine_threadsafe(act(), loop))

    def post(self, act: Callable[[], object]) -> None:
        """Call something there soon; at once, if the thread does not run."""
        loop = self._loop
        if loop is None:
            act()
            return
        with suppress(RuntimeError):  # it has just ended
            loop.call_soon_threadsafe(act)


@asynccontextmanager
async def timed(tally: LoopTally, each: Callable[[], None] = lambda: None) -> AsyncIterator[None]:
    """Time the stalls of the loop that runs this; call something at each check."""
    async with in_background(_watch(tally, each)):
        yield


@asynccontextmanager
async def in_background(work: Coroutine[None, None, None]) -> AsyncIterator[None]:
    """Run a coroutine beside what is done here, and cancel it in the end."""
    task = asyncio.create_task(work)
    try:
        yield
    finally:
        task.cancel()
        with suppress(asyncio.CancelledError):
            await task


async def _watch(tally: LoopTally, each: Callable[[], None]) -> None:
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + _BEAT
        await asyncio.sleep(_BEAT)
        if (late := loop.time() - due) >= _STALL:
            tally.seconds += late
        each()
