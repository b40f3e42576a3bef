from __future__ import annotations

import asyncio
from dataclasses import dataclass

import pytest

from exporter.sources.registry.limits import Pace, RequestLimits
from exporter.tally import Tally
from tests.fakes import turns


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
        """Let so many go, one after the other at the latest; nobody waits for a clock."""
        going = asyncio.gather(*(self.go() for _ in range(count)))
        await turns()
        assert going.done()
        await going

    async def at_a_rate(self, count: int) -> None:
        """Let so many go, which takes the time that it takes."""
        await asyncio.gather(*(self.go() for _ in range(count)))


@dataclass
class Clock:
    """Stands still until it is told."""

    now: float = 100.0


@pytest.fixture
async def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """The loop's own."""
    clock = Clock()
    monkeypatch.setattr(asyncio.get_running_loop(), "time", lambda: clock.now)
    return clock


def pace(**limits: float) -> tuple[Pace, Tally]:
    tally = Tally()
    return Pace("tests", RequestLimits(**limits), tally), tally  # type: ignore[arg-type]


async def test_no_more_than_agreed_are_under_way_at_once() -> None:
    crowd = Crowd(pace(concurrency=3)[0])

    await crowd.all(20)

    assert crowd.most == 3


@pytest.mark.parametrize(("concurrency", "expected"), [(8, 4), (3, 3)])
async def test_a_limit_of_the_kind_only_lowers_what_is_configured(
    concurrency: int, expected: int
) -> None:
    limited, _ = pace(concurrency=concurrency)
    limited.limit(4)
    crowd = Crowd(limited)

    await crowd.all(20)
    for _ in range(100):
        limited.went_well()
    await crowd.all(20)

    assert crowd.most == expected


async def test_a_pause_holds_everybody_back_and_is_counted(clock: Clock) -> None:
    paused, tally = pace(pause_cap=2.0)
    crowd = Crowd(paused)

    paused.pause(3600)
    going = asyncio.gather(*(crowd.go() for _ in range(3)))
    clock.now += 1.9
    await turns()
    assert crowd.most == 0
    clock.now += 0.2
    await turns()

    assert going.done()
    assert crowd.most == 3
    assert tally.throttled_seconds == pytest.approx(3 * 0.2), "summed over all who waited"


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


async def test_refusals_of_one_wave_count_as_one(clock: Clock) -> None:
    paused, _ = pace(concurrency=8, pause_cap=1.0)
    for _ in range(8):
        paused.pause(1)
    clock.now += 1
    crowd = Crowd(paused)

    await crowd.all(20)

    assert crowd.most == 4


async def test_a_refusal_after_the_pause_begins_another(clock: Clock) -> None:
    paused, _ = pace(concurrency=8, pause_cap=1.0)
    paused.pause(1)
    clock.now += 1
    paused.pause(1)
    clock.now += 1
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
    await turns()

    assert there.done()

    assert gone.cancelled()


async def test_who_gives_up_when_called_passes_the_turn_on() -> None:
    crowd = Crowd(pace(concurrency=1)[0])
    await crowd.pace.__aenter__()
    called = asyncio.create_task(crowd.go())
    there = asyncio.create_task(crowd.go())
    await asyncio.sleep(0)
    await crowd.pace.__aexit__()
    called.cancel()

    await turns()

    assert there.done()


async def test_who_gives_up_during_a_pause_gives_the_place_back(clock: Clock) -> None:
    paused, _ = pace(concurrency=1, pause_cap=1.0)
    paused.pause(1)
    waiting = asyncio.create_task(Crowd(paused).go())
    await turns()
    waiting.cancel()
    clock.now += 1

    await Crowd(paused).all(2)

    with pytest.raises(asyncio.CancelledError):
        await waiting


async def test_requests_keep_to_the_agreed_rate() -> None:
    loop = asyncio.get_running_loop()
    began = loop.time()

    await Crowd(pace(requests_per_second=200)[0]).at_a_rate(6)

    assert loop.time() - began >= 0.02


async def test_two_lines_to_a_registry_keep_to_one_rate_and_to_a_number_each() -> None:
    first, tally = pace(requests_per_second=200, concurrency=3)
    second = first.beside(RequestLimits(requests_per_second=200, concurrency=1))
    loop = asyncio.get_running_loop()
    began = loop.time()

    alone = Crowd(second)
    await asyncio.gather(Crowd(first).at_a_rate(3), alone.at_a_rate(3))

    assert loop.time() - began >= 0.02
    assert alone.most == 1
    assert tally.throttled_seconds > 0


async def test_a_pause_of_one_line_is_its_own() -> None:
    first, _ = pace(pause_cap=3600.0)
    first.pause(3600)

    await Crowd(first.beside(RequestLimits())).all(3)
