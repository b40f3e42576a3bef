"""Is a registry judged anew where what is in use changed, and only there?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.use import ReferenceClass, Use
from exporter.oci.reference import Reference
from exporter.ports import Listing
from exporter.serve.audit_job import AuditJob, References
from exporter.serve.board import Board
from exporter.serve.changes import following
from exporter.serve.schedule import Schedule
from tests import worlds
from tests.fakes import HOST, Fake
from tests.parts.process import PATIENCE
from tests.serve.test_audit_job import Journal, board, truth, watched

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from exporter.publish.status import SourceStatus

WEB = Use("Deployment shop/web", Reference.parse(f"{HOST}/app:v1"), ReferenceClass.LIVE, alive=1)
ELSEWHERE = replace(WEB, reference=Reference.parse("elsewhere.example/app:v1"))


@dataclass
class Source:
    """What is in use, and who is told when it changes."""

    uses: tuple[Use, ...] = ()
    asked: int = 0
    told: list[Callable[[References], None]] = field(default_factory=list)

    async def __call__(self) -> References:
        self.asked += 1
        return References(Listing(self.uses), ())

    @contextmanager
    def changes(self, changed: Callable[[References], None]) -> Iterator[None]:
        self.told.append(changed)
        yield
        self.told.clear()

    def becomes(self, *uses: Use) -> None:
        self.uses = uses
        for changed in self.told:
            changed(References(Listing(uses), ()))


@dataclass
class Followed:
    source: Source
    job: AuditJob
    fake: Fake

    @property
    def live(self) -> bool:
        report = truth(self.job.board)
        return {each.root.reference_class for each in report.verdicts} == {ReferenceClass.LIVE}

    async def settles(self) -> None:
        """Wait until what was told is followed: a later change is, which comes in turn."""
        other = replace(WEB, owner=f"Deployment shop/other-{self.source.asked}")
        self.source.becomes(*self.source.uses, other)
        async with asyncio.timeout(PATIENCE):
            while other not in truth(self.job.board).snapshot.uses:  # noqa: ASYNC110 - a thread ends it
                await asyncio.sleep(0.01)


@pytest.fixture
async def followed() -> AsyncIterator[Followed]:
    fake, source, shown = Fake(), Source(), board()
    fake.push(worlds.two_platforms("app"), "v1")
    each = replace(watched(fake), interval=3600.0)
    job = AuditJob(shown, Journal(), source)
    await shown.watch([await job.restore(each)])
    schedule = Schedule(job, [each])
    schedule.start()
    await schedule.finished(asyncio.Event(), PATIENCE)
    async with following(source.changes, shown, schedule, [each]):
        yield Followed(source, job, fake)
    await schedule.stop(0.0)


async def test_a_tag_that_is_newly_in_use_is_live_without_an_audit(followed: Followed) -> None:
    assert not followed.live

    followed.source.becomes(WEB)
    await followed.settles()

    assert followed.live
    status = followed.job.board.find(HOST)
    assert status is not None
    assert status.audits == 1


async def test_what_changes_no_verdict_asks_for_nothing(followed: Followed) -> None:
    followed.source.becomes(WEB)
    await followed.settles()
    asked = followed.source.asked

    for alive in range(2, 9):
        followed.source.becomes(*(replace(each, alive=alive) for each in followed.source.uses))
    followed.source.becomes(*followed.source.uses, ELSEWHERE)
    await followed.settles()

    assert followed.source.asked == asked + 1


async def test_of_changes_that_wait_only_the_last_is_judged(
    followed: Followed, monkeypatch: pytest.MonkeyPatch
) -> None:
    heard, hear = [0], Board.hear

    async def counted(board: Board, sources: tuple[SourceStatus, ...]) -> None:
        heard[0] += 1
        await hear(board, sources)

    monkeypatch.setattr(Board, "hear", counted)

    for number in range(100):
        followed.source.becomes(replace(WEB, owner=f"Deployment shop/web-{number}"))
    await followed.settles()

    assert heard[0] <= 2
