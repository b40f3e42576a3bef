"""Work goes on abreast, never wider than told, and leaves nothing running."""

from __future__ import annotations

import asyncio

import pytest

from exporter.resolve.concurrency import abreast, pause, spread


class Meter:
    """Counts what is under way."""

    def __init__(self) -> None:
        self.now = self.most = self.begun = 0

    async def work(self, item: int) -> int:
        self.begun += 1
        self.now += 1
        self.most = max(self.most, self.now)
        try:
            await asyncio.sleep(0)
        finally:
            self.now -= 1
        return item * 2


@pytest.mark.parametrize("width", [1, 3, 16])
async def test_no_more_is_under_way_than_told(width: int) -> None:
    meter = Meter()

    results = await abreast(width, meter.work, range(50))

    assert sorted(results) == [(n, 2 * n) for n in range(50)]
    assert meter.most == width


async def test_nothing_to_do_is_done_at_once() -> None:
    assert await abreast(4, Meter().work, ()) == []


async def test_what_is_cancelled_leaves_nothing_running() -> None:
    running: set[int] = set()
    full, never = asyncio.Event(), asyncio.Event()

    async def stuck(item: int) -> None:
        running.add(item)
        if len(running) == 4:
            full.set()
        try:
            await never.wait()
        finally:
            running.remove(item)

    task = asyncio.create_task(spread(4, stuck, range(50)))
    await full.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert not running


async def test_a_fault_stops_the_rest() -> None:
    meter = Meter()

    async def faulty(item: int) -> None:
        await meter.work(item)
        raise ZeroDivisionError

    with pytest.raises(ExceptionGroup):
        await spread(2, faulty, range(50))
    assert (meter.begun, meter.now) == (2, 0)


async def test_nobody_waits_where_nothing_is_suspected() -> None:
    asleep = asyncio.create_task(pause(3600, [1]))

    await asyncio.wait_for(pause(3600, []), timeout=60)

    assert not asleep.done()
    asleep.cancel()
