from __future__ import annotations

import asyncio

import pytest

from exporter.sources.registry.limits import Limits
from exporter.sources.registry.pace import Pace
from exporter.sources.tally import Tally


class Crowd:
    """Many who want to go at once; notes how many really did."""

    def __init__(self, pace: Pace) -> None:
        self.pace = pace
        self.inside = 0
        self.most = 0

    async def go(self) -> None:
        async with self.pace:
            self.inside += 1
            self.most = max(self.most, self.inside)
            await asyncio.sleep(0)
            self.inside -= 1

    async def all(self, count: int) -> None:
        async with asyncio.timeout(5):
            await asyncio.gather(*(self.go() for _ in range(count)))


def pace(**limits: float) -> tuple[Pace, Tally]:
    tally = Tally()
    return Pace("tests", Limits(**limits), tally), tally  # type: ignore[arg-type]


async def test_no_more_than_agreed_are_under_way_at_once() -> None:
    crowd = Crowd(pace(concurrency=3)[0])

    await crowd.all(20)

    assert crowd.most == 3


async def test_a_pause_holds_everybody_back_and_is_counted() -> None:
    paused, tally = pace(pause_cap=0.02)
    loop = asyncio.get_running_loop()
    began = loop.time()

    paused.pause(3600)
    await Crowd(paused).all(3)

    assert loop.time() - began >= 0.02
    assert tally.throttled_seconds > 0.02  # summed over all who waited


async def test_a_pause_halves_how_many_go_at_once_and_success_gives_it_back() -> None:
    paused, _ = pace(concurrency=8, pause_cap=0.0)
    paused.pause(1)
    crowd = Crowd(paused)
    await crowd.all(20)

    assert crowd.most == 4
    for _ in range(40):
        paused.went_well()
    await crowd.all(20)
    assert crowd.most == 8


async def test_many_pauses_leave_one_that_goes() -> None:
    paused, _ = pace(concurrency=8, pause_cap=0.0)
    for _ in range(20):
        paused.pause(1)
    crowd = Crowd(paused)

    await crowd.all(5)

    assert crowd.most == 1


async def test_refusals_of_one_wave_count_as_one(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    paused, _ = pace(concurrency=8, pause_cap=1.0)
    for _ in range(8):
        paused.pause(1)
    now += 1
    crowd = Crowd(paused)

    await crowd.all(20)

    assert crowd.most == 4


async def test_a_refusal_after_the_pause_begins_another(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: now)
    paused, _ = pace(concurrency=8, pause_cap=1.0)
    paused.pause(1)
    now += 1
    paused.pause(1)
    now += 1
    crowd = Crowd(paused)

    await crowd.all(20)

    assert crowd.most == 2


async def test_who_gives_up_waiting_leaves_the_place_to_the_next() -> None:
    crowd = Crowd(pace(concurrency=1)[0])
    async with crowd.pace:
        gone = asyncio.create_task(crowd.go())
        there = asyncio.create_task(crowd.go())
        await asyncio.sleep(0)
        gone.cancel()
    async with asyncio.timeout(5):
        await there

    assert gone.cancelled()


async def test_who_gives_up_when_called_passes_the_turn_on() -> None:
    crowd = Crowd(pace(concurrency=1)[0])
    await crowd.pace.__aenter__()
    called = asyncio.create_task(crowd.go())
    there = asyncio.create_task(crowd.go())
    await asyncio.sleep(0)
    await crowd.pace.__aexit__()
    called.cancel()

    async with asyncio.timeout(5):
        await there


async def test_who_gives_up_during_a_pause_gives_the_place_back() -> None:
    paused, _ = pace(concurrency=1, pause_cap=0.03)
    paused.pause(1)
    waiting = asyncio.create_task(Crowd(paused).go())
    await asyncio.sleep(0)
    waiting.cancel()

    await Crowd(paused).all(2)

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_requests_keep_to_the_agreed_rate() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    await Crowd(pace(requests_per_second=200)[0]).all(6)

    assert loop.time() - began >= 0.02


async def test_two_lines_to_a_registry_keep_to_one_rate_and_to_a_number_each() -> None:
    first, tally = pace(requests_per_second=200, concurrency=3)
    second = first.beside(Limits(requests_per_second=200, concurrency=1))
    loop = asyncio.get_running_loop()
    began = loop.time()

    alone = Crowd(second)
    await asyncio.gather(Crowd(first).all(3), alone.all(3))

    assert loop.time() - began >= 0.02
    assert alone.most == 1
    assert tally.throttled_seconds > 0


async def test_a_pause_of_one_line_is_its_own() -> None:
    first, _ = pace(pause_cap=3600.0)
    first.pause(3600)

    await Crowd(first.beside(Limits())).all(3)
