"""Calls made side by side, and calls in daemon threads, which may hang."""

import asyncio
import threading
from collections.abc import Awaitable, Callable, Iterable, Sized
from concurrent.futures import Future
from typing import TypeVar

Item = TypeVar("Item")
Result = TypeVar("Result")


async def pause(seconds: float, suspects: Sized) -> None:
    """Wait before a second request, if there is anything to request again."""
    if suspects:
        await asyncio.sleep(seconds)


async def abreast(
    width: int, act: Callable[[Item], Awaitable[Result]], items: Iterable[Item]
) -> list[tuple[Item, Result]]:
    """Act on every item, `width` at a time, and return each with its result, in no order."""
    results: list[tuple[Item, Result]] = []

    async def note(item: Item) -> None:
        results.append((item, await act(item)))

    await spread(width, note, items)
    return results


async def spread(width: int, act: Callable[[Item], Awaitable[None]], items: Iterable[Item]) -> None:
    """Act on every item, `width` at a time."""
    queue = iter(items)

    async def work() -> None:
        for item in queue:
            await act(item)

    async with asyncio.TaskGroup() as workers:
        for _ in range(width):
            workers.create_task(work())


async def in_daemon_thread(act: Callable[[], Result]) -> Result:
    """Return what a call returns, or raise what it raises; it has a thread of its own meanwhile.

    A disk or a share may never answer. The threads of `asyncio.to_thread` are few and shared: a
    call that hangs there would take one from everybody, and the process could not end before it.
    """
    future: Future[Result] = Future()
    future.set_running_or_notify_cancel()  # from now on nobody can cancel it, and it ends once

    def run() -> None:
        try:
            result = act()
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            future.set_exception(error)
        else:
            future.set_result(result)

    threading.Thread(target=run, name="may-hang", daemon=True).start()
    return await asyncio.wrap_future(future)
