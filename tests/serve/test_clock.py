"""When rounds run, and how they end."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from exporter.serve.clock import Clock
from exporter.serve.rounds import Rounds
from tests.fakes import Fake
from tests.serve.test_rounds import Journal, board, nothing_wanted, watched

if TYPE_CHECKING:
    from datetime import tzinfo


class Noticed(Fake):
    """A registry that tells when it is asked."""

    def __init__(self, *, answers: bool) -> None:
        super().__init__()
        self.asked_at_all = asyncio.Event()
        self.answers = answers

    async def ping(self) -> None:
        self.asked_at_all.set()
        if not self.answers:
            await asyncio.Event().wait()


async def rounds_over(fake: Fake) -> Rounds:
    shown = board()
    rounds = Rounds(shown, Journal(), nothing_wanted)
    await shown.watch([await rounds.restore(watched(fake))])
    return rounds


async def test_the_first_round_begins_at_once() -> None:
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    clock = Clock(rounds, [replace(watched(fake), interval=3600.0)])

    clock.start()
    async with asyncio.timeout(5):
        await fake.asked_at_all.wait()
    await clock.stop(5.0)

    standing = rounds.board.find(fake.name)
    assert standing is not None
    assert standing.up is True


async def test_a_round_that_does_not_end_is_cut_off_and_leaves_no_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    fake = Noticed(answers=False)
    rounds = await rounds_over(fake)
    before = asyncio.all_tasks()
    clock = Clock(rounds, [watched(fake)])

    clock.start()
    async with asyncio.timeout(5):
        await fake.asked_at_all.wait()
    await clock.stop(0.0)
    await asyncio.sleep(0)

    assert asyncio.all_tasks() == before
    standing = rounds.board.find(fake.name)
    assert standing is not None
    assert standing.audits == 0
    assert "audit cut off" in caplog.messages
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def rounds_of(fake: Noticed, count: int) -> None:
    async with asyncio.timeout(10):
        for _ in range(count):
            await fake.asked_at_all.wait()
            fake.asked_at_all.clear()


async def test_rounds_go_on_for_as_long_as_the_clock_runs() -> None:
    fake = Noticed(answers=True)
    clock = Clock(await rounds_over(fake), [replace(watched(fake), interval=0.01)])

    clock.start()
    await rounds_of(fake, 3)
    await clock.stop(5.0)


@pytest.mark.parametrize("moved", [timedelta(hours=-1), timedelta(hours=1)])
async def test_rounds_go_on_where_the_time_of_day_is_set(
    moved: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Day(datetime):
        shift = timedelta()

        @classmethod
        def now(cls, tz: tzinfo | None = None) -> datetime:
            return super().now(tz) + cls.shift

    monkeypatch.setattr("apscheduler.schedulers.base.datetime", Day)
    monkeypatch.setattr("exporter.serve.clock.datetime", Day)
    monkeypatch.setattr("exporter.serve.clock._LOOK", 0.05)
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    clock = Clock(rounds, [replace(watched(fake), interval=0.5)])

    clock.start()
    await rounds_of(fake, 1)
    Day.shift = moved
    began = asyncio.get_running_loop().time()
    await rounds_of(fake, 3)
    took = asyncio.get_running_loop().time() - began
    await clock.stop(5.0)

    assert took > 0.9, "what is due is set with the time of day, and not run at once"
