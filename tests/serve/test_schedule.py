"""When rounds run, and how they end."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from exporter.facts.focus import Focus
from exporter.oci.reference import Tag
from exporter.serve.audit_job import AuditJob, Watched
from exporter.serve.schedule import Schedule
from tests.fakes import APP, Fake, turns
from tests.parts.process import PATIENCE
from tests.serve.test_audit_job import Journal, board, nothing_wanted, watched

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


async def rounds_over(fake: Fake) -> AuditJob:
    shown = board()
    rounds = AuditJob(shown, Journal(), nothing_wanted)
    await shown.watch([await rounds.restore(watched(fake))])
    return rounds


async def test_the_first_round_begins_at_once() -> None:
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    clock = Schedule(rounds, [replace(watched(fake), interval=3600.0)])

    clock.start()
    async with asyncio.timeout(PATIENCE):
        await fake.asked_at_all.wait()
    await clock.stop(PATIENCE)

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
    clock = Schedule(rounds, [watched(fake)])

    clock.start()
    async with asyncio.timeout(PATIENCE):
        await fake.asked_at_all.wait()
    await clock.stop(0.0)
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
    clock = Schedule(await rounds_over(fake), [replace(watched(fake), interval=0.01)])

    clock.start()
    await rounds_of(fake, 3)
    await clock.stop(PATIENCE)


@dataclass
class Time:
    """The clock that nobody sets, and by how much the time of day is ahead of it; both stand still.

    For what runs in threads there is no time at all: it is waited for before time goes on.
    """

    rounds: AuditJob
    name: str
    monkeypatch: pytest.MonkeyPatch
    passed: float = 0.0
    ahead: timedelta = timedelta()

    def __post_init__(self) -> None:
        loop, began, time = asyncio.get_running_loop(), asyncio.get_running_loop().time(), self

        class Day(datetime):
            @classmethod
            def now(cls, tz: tzinfo | None = None) -> datetime:
                return (
                    datetime(2026, 4, 22, tzinfo=tz) + timedelta(seconds=time.passed) + time.ahead
                )

        self.monkeypatch.setattr(loop, "time", lambda: began + self.passed)
        self.monkeypatch.setattr("apscheduler.schedulers.base.datetime", Day)
        self.monkeypatch.setattr("exporter.serve.schedule.datetime", Day)

    @property
    def audits(self) -> int:
        status = self.rounds.board.find(self.name)
        assert status is not None
        return status.audits

    async def goes(self, seconds: float) -> int:
        """Let it go on in small steps, each audit as long as it takes; return how many ended."""
        before = self.audits
        for _ in range(round(seconds / 0.1)):
            self.passed += 0.1
            await turns()
            while self.rounds.board.app_state.in_progress:  # noqa: ASYNC110 - a thread ends it
                await asyncio.sleep(0)
            await turns()
        return self.audits - before


@pytest.mark.parametrize("moved", [timedelta(hours=-1), timedelta(hours=1)])
async def test_rounds_go_on_where_the_time_of_day_is_set(
    moved: timedelta, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("exporter.serve.schedule._LOOK", 0.5)
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    time = Time(rounds, fake.name, monkeypatch)
    clock = Schedule(rounds, [replace(watched(fake), interval=5.0)])

    clock.start()
    assert await time.goes(1.0) == 1
    time.ahead = moved

    assert await time.goes(3.5) == 0, "what is due is set with the time of day, and not run at once"
    assert await time.goes(1.0) == 1
    assert await time.goes(10.0) == 2
    await clock.stop(0.0)


async def test_a_running_round_is_waited_for_until_it_ends() -> None:
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    clock = Schedule(rounds, [replace(watched(fake), interval=3600.0)])

    clock.start()
    await clock.finished(asyncio.Event(), PATIENCE)  # before it has so much as begun
    await clock.stop(0.0)

    status = rounds.board.find(fake.name)
    assert status is not None
    assert status.audits == 1


@pytest.mark.parametrize("urgent", [True, False])
async def test_a_round_that_does_not_end_is_waited_for_no_longer_than_said(*, urgent: bool) -> None:
    fake, hurry = Noticed(answers=False), asyncio.Event()
    before = asyncio.all_tasks()
    clock = Schedule(await rounds_over(fake), [watched(fake)])

    clock.start()
    async with asyncio.timeout(PATIENCE):
        await fake.asked_at_all.wait()
        asyncio.get_running_loop().call_soon(hurry.set if urgent else lambda: None)
        await clock.finished(hurry, 2 * PATIENCE if urgent else 0.01)
    await clock.stop(0.0)
    await turns()

    assert asyncio.all_tasks() == before


async def test_where_nothing_is_watched_nothing_is_waited_for() -> None:
    clock = Schedule(await rounds_over(Noticed(answers=True)), [])

    clock.start()
    async with asyncio.timeout(PATIENCE):
        await clock.finished(asyncio.Event(), 2 * PATIENCE)
    await clock.stop(0.0)


async def test_a_flood_of_requests_is_one_audit_after_a_rest(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = Noticed(answers=True)
    rounds = await rounds_over(fake)
    time = Time(rounds, fake.name, monkeypatch)
    clock = Schedule(rounds, [replace(watched(fake), interval=3600.0)])
    clock.start()
    assert await time.goes(1.0) == 1

    first, *others = [clock.request(fake.name) for _ in range(1000)]

    assert (first.repeated, first.running) == (False, False)
    assert 0 < first.wait <= 10
    assert all(each.repeated for each in others)
    assert await time.goes(first.wait - 0.3) == 0
    assert await time.goes(1.0) == 1
    assert await time.goes(60.0) == 0
    again = clock.request(fake.name)
    assert (again.wait, again.repeated) == (0.0, False)
    assert await time.goes(1.0) == 1
    await clock.stop(0.0)


async def test_an_audit_asked_for_while_one_runs_begins_after_it_and_rests_as_long(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    fake = Noticed(answers=False)
    rounds = await rounds_over(fake)
    time = Time(rounds, fake.name, monkeypatch)
    clock = Schedule(rounds, [replace(watched(fake), interval=40.0)])
    clock.start()
    async with asyncio.timeout(None):  # its clock goes on by hand
        await fake.asked_at_all.wait()
    asked = clock.request(fake.name)
    for _ in range(50):
        time.passed += 1.0
        await turns()
    fake.answers = True
    await clock.stop(0.0)

    assert asked.running
    assert str(asked) == f"{fake.name}: begins after the running audit"
    skipped = [each for each in caplog.records if "audit skipped" in each.message]
    assert [each.name for each in skipped] == ["pullproof.schedule"]
    assert not [each for each in caplog.records if each.name.startswith("apscheduler")]


@dataclass(frozen=True)
class Recorded(AuditJob):
    """Audits that end when they are told to, written down by what they look at."""

    begun: list[object] = field(default_factory=list)
    may_end: asyncio.Event = field(default_factory=asyncio.Event)

    async def run(self, _: Watched) -> None:
        self.begun.append(None)

    async def refresh(self, _: Watched, focus: Focus) -> None:
        self.begun.append(focus)
        await self.may_end.wait()


def focused(*tags: str) -> Focus:
    return Focus(tags=frozenset((APP, Tag(tag)) for tag in tags))


async def test_audits_of_a_part_are_united_and_take_no_audit_of_the_whole_away(
    caplog: pytest.LogCaptureFixture,
) -> None:
    fake = Fake()
    job = Recorded(board(), Journal(), nothing_wanted)
    schedule = Schedule(job, [replace(watched(fake), interval=3600.0)])
    schedule.request(fake.name, focused("v1"))
    schedule.request(fake.name, focused("v2"))
    await turns()
    schedule.start()
    await turns()
    begun = list(job.begun)

    job.may_end.set()
    await schedule.stop(PATIENCE)

    assert begun == [focused("v1", "v2")]
    assert job.begun == [focused("v1", "v2"), None]
    assert "audit skipped" not in caplog.text


async def test_a_request_for_the_whole_takes_the_place_of_one_for_a_part() -> None:
    fake = Fake()
    job = Recorded(board(), Journal(), nothing_wanted)
    schedule = Schedule(job, [replace(watched(fake), interval=3600.0)])
    schedule.request(fake.name, focused("v1"))
    schedule.request(fake.name)
    schedule.request(fake.name, focused("v2"))
    await turns()

    assert job.begun == [None]
