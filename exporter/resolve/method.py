"""Limits and pauses of an audit, and the ways to act on many things at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sized
from dataclasses import dataclass
from typing import TypeVar

from exporter.facts.proof import Proof

Item = TypeVar("Item")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Method:
    """Limits and pauses of one audit."""

    width: int = 16
    """Looks under way at once."""
    confirm_after: float = 5.0
    """Seconds before something that seems gone is looked at again."""
    depth: int = 8
    """Indexes within indexes that are followed."""
    deadline: float = 7_200.0
    """Seconds that an audit may take; what was not answered by then is a gap."""
    entries_each: int = 5_000
    """Entries of one manifest that is looked at: a longer one is unknown as a whole."""
    entries: int = 500_000
    """Entries of all manifests that are held of one registry: half a kilobyte of memory each."""
    tags: int = 50_000
    """Tags that are looked at of one registry."""
    proof: Proof = Proof.LAST_BYTE
    """How far up the ladder blobs are proven: `LAST_BYTE`, or `HEAD` where that is asked for."""
    seals: bool = True
    """Resolve every tag of a repository where that may tell what protects a child?"""


async def pause(method: Method, suspects: Sized) -> None:
    """Wait before a second look, where there is anything to look at again."""
    if suspects:
        await asyncio.sleep(method.confirm_after)


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
