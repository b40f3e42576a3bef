"""Calls that may hang for ever, on threads that nobody has to wait for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import suppress
from typing import TypeVar

Result = TypeVar("Result")


async def in_daemon_thread(act: Callable[[], Result]) -> Result:
    """Return what a call returns, or raise what it raises; it has a thread of its own meanwhile.

    A disk or a share may never answer. The threads of `asyncio.to_thread` are few and shared: a
    call that hangs there would take one from everybody, and the process could not end before it.
    """
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Result] = loop.create_future()

    def settle(result: Result | None, error: BaseException | None) -> None:
        if future.done():  # nobody waits any more
            return
        if error is None:
            future.set_result(result)  # type: ignore[arg-type] # what the call returned
        else:
            future.set_exception(error)

    def run() -> None:
        result, fault = None, None
        try:
            result = act()
        except BaseException as error:  # noqa: BLE001 - it belongs to whoever waits
            fault = error
        with suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, result, fault)

    threading.Thread(target=run, name="may-hang", daemon=True).start()
    return await future
