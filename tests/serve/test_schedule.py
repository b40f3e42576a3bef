"""When rounds run, and how they end."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from exporter.serve.audit_job import AuditJob
from exporter.serve.schedule import Schedule
from tests.fakes import Fake, turns
from tests.parts.process import PATIENCE
from tests.serve.test_audit_job import Journal, board, nothing_wanted, watched


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


async def rounds_over(fake: Fake) -> AuditJob:
    shown = board()
    rounds = AuditJob(shown, Journal(), nothing_wanted)
    await shown.watch([await rounds.restore(watched(fake))])
    return rounds


async def test_the_first_round_begins_at_once() -> None:
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    schedule = Schedule(rounds, [replace(watched(fake), interval=3600.0)])

    schedule.start()
    async with asyncio.timeout(PATIENCE):
        await fake.asked_at_all.wait()
    await schedule.stop(PATIENCE)

    status = rounds.board.find(fake.name)
    assert status is not None
    assert status.up is True


async def test_a_round_that_does_not_end_is_cut_off_and_leaves_no_task(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level("INFO")
    fake = Noticed(answers=False)
    rounds = await rounds_over(fake)
    before = asyncio.all_tasks()
    schedule = Schedule(rounds, [watched(fake)])

    schedule.start()
    async with asyncio.timeout(PATIENCE):
        await fake.asked_at_all.wait()
    await schedule.stop(0.0)
    await turns()

    assert asyncio.all_tasks() == before
    status = rounds.board.find(fake.name)
    assert status is not None
    assert status.audits == 0
    assert "audit cancelled" in caplog.messages
    assert not [each for each in caplog.records if each.levelname == "ERROR"]


async def rounds_of(fake: Noticed, count: int) -> None:
    async with asyncio.timeout(PATIENCE):
        for _ in range(count):
            await fake.asked_at_all.wait()
            fake.asked_at_all.clear()


async def test_rounds_go_on_for_as_long_as_the_clock_runs() -> None:
    fake = Noticed(answers=True)
    schedule = Schedule(await rounds_over(fake), [replace(watched(fake), interval=0.01)])

    schedule.start()
    await rounds_of(fake, 3)
    await schedule.stop(PATIENCE)


async def goes(job: AuditJob, name: str, seconds: float, clock: list[float]) -> int:
    """Let time go on in small steps, each audit as long as it takes; return how many ended."""
    before = audits(job, name)
    for _ in range(round(seconds / 0.1)):
        clock[0] += 0.1
        await turns()
        while job.board.app_state.in_progress:  # noqa: ASYNC110 - a thread ends it
            await asyncio.sleep(0)
        await turns()
    return audits(job, name) - before


def audits(job: AuditJob, name: str) -> int:
    status = job.board.find(name)
    assert status is not None
    return status.audits


async def test_an_interval_is_from_begin_to_begin_and_what_is_missed_is_skipped(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    loop = asyncio.get_running_loop()
    clock = [loop.time()]
    monkeypatch.setattr(loop, "time", lambda: clock[0])
    fake = Noticed(answers=True)
    job = await rounds_over(fake)
    schedule = Schedule(job, [replace(watched(fake), interval=5.0)])

    schedule.start()
    assert await goes(job, fake.name, 1.0, clock) == 1
    assert await goes(job, fake.name, 3.5, clock) == 0
    assert await goes(job, fake.name, 1.0, clock) == 1
    assert await goes(job, fake.name, 10.0, clock) == 2
    clock[0] += 17.0  # a machine that was held: 35.0 is next
    assert await goes(job, fake.name, 1.5, clock) == 1
    await schedule.stop(0.0)


async def test_a_running_round_is_waited_for_until_it_ends() -> None:
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    schedule = Schedule(rounds, [replace(watched(fake), interval=3600.0)])

    schedule.start()
    await schedule.finished(asyncio.Event(), PATIENCE)  # before it has so much as begun
    await schedule.stop(0.0)

    status = rounds.board.find(fake.name)
    assert status is not None
    assert status.audits == 1


@pytest.mark.parametrize("urgent", [True, False])
async def test_a_round_that_does_not_end_is_waited_for_no_longer_than_said(*, urgent: bool) -> None:
    fake, hurry = Noticed(answers=False), asyncio.Event()
    before = asyncio.all_tasks()
    schedule = Schedule(await rounds_over(fake), [watched(fake)])

    schedule.start()
    async with asyncio.timeout(PATIENCE):
        await fake.asked_at_all.wait()
        asyncio.get_running_loop().call_soon(hurry.set if urgent else lambda: None)
        await schedule.finished(hurry, 2 * PATIENCE if urgent else 0.01)
    await schedule.stop(0.0)
    await turns()

    assert asyncio.all_tasks() == before


async def test_where_nothing_is_watched_nothing_is_waited_for() -> None:
    schedule = Schedule(await rounds_over(Noticed(answers=True)), [])

    schedule.start()
    async with asyncio.timeout(PATIENCE):
        await schedule.finished(asyncio.Event(), 2 * PATIENCE)
    await schedule.stop(0.0)
