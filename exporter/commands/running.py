"""Coroutines of commands, run to their end."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

Result = TypeVar("Result")


def finished(work: Coroutine[Any, Any, Result]) -> Result:
    """Return what a coroutine returns.

    `asyncio.run` makes a text of its task at the end, the result included (CPython 3.11 to 3.13:
    `signal.getsignal` looks for the handler among its enum's values). Of the report of 10,000 tags
    that is more than a gigabyte.
    """
    results: list[Result] = []

    async def run() -> None:
        results.append(await work)

    asyncio.run(run())
    return results[0]
