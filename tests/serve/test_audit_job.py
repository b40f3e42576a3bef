"""What a round leaves on the board and in the journal."""

from __future__ import annotations

import asyncio
import gzip
import itertools
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import TYPE_CHECKING

import pytest

from exporter.facts.exports import ExportResult
from exporter.facts.focus import Focus
from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.facts.snapshot import Role
from exporter.memory import Kept
from exporter.oci.platform import Platform
from exporter.ports import Listing, Unseen
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, RegistryStatus, Reload
from exporter.serve.audit_job import AuditJob, References, Watched
from exporter.serve.board import Board
from exporter.tally import Tally
from tests import worlds
from tests.fakes import HOST, NOW, Fake, target
from tests.store.layout import start

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from exporter.audit import Audited
    from exporter.judge.report import Report
    from exporter.resolve.target import Target

HOUR = 3600.0


@dataclass
class Journal:
    """A journal in a dict."""

    pages: dict[str, tuple[bytes, Mapping[str, float]]] = field(default_factory=dict)

    def last(self, registry: str) -> Kept | None:
        page = self.pages.get(registry)
        return Kept(BytesIO(page[0]), page[1]) if page else None

    def keep(self, registry: str, snapshot: Iterable[bytes], since: Mapping[str, float]) -> None:
        self.pages[registry] = b"".join(snapshot), since


async def nothing_wanted() -> References:
    return References(Listing(()), ())


def board() -> Board:
    return Board(AppState((), (), Reload("0", successful=True, last_success=0.0)), Limits())


def watched(fake: Fake, max_staleness: float = HOUR) -> Watched:
    return Watched(target(fake), Tally(), 60.0, max_staleness)


def stand(shown: Board) -> RegistryStatus:
    found = shown.find(HOST)
    assert found is not None
    return found


def truth(shown: Board) -> Report:
    report = stand(shown).report
    assert report is not None
    return report


def ticking() -> Callable[[], float]:
    """A clock by which each look is later than the one before, however fast the machine is."""
    times = itertools.count(NOW)
    return lambda: next(times)


TICKING = ticking()


async def begun(journal: Journal, shown: Board, each: Watched) -> AuditJob:
    rounds = AuditJob(shown, journal, nothing_wanted, clock=TICKING)
    await shown.watch([await rounds.restore(each)])
    return rounds


@pytest.fixture
def fake() -> Fake:
    fake = Fake()
    fake.push(worlds.two_platforms("app"), "v1")
    return fake


async def test_a_round_shows_its_report_and_puts_it_away(fake: Fake) -> None:
    journal, shown, each = Journal(), board(), watched(fake)
    rounds = await begun(journal, shown, each)

    await rounds.run(each)

    status = stand(shown)
    assert status.up is True
    assert status.audits == 1
    assert status.last_success == truth(shown).snapshot.taken_at
    assert HOST in journal.pages
    assert not shown.app_state.in_progress


async def test_a_registry_that_is_down_changes_no_verdict_but_its_age(fake: Fake) -> None:
    journal, shown, each = Journal(), board(), watched(fake)
    rounds = await begun(journal, shown, each)
    await rounds.run(each)
    before = stand(shown)
    fake.down = True

    for _ in range(3):
        await rounds.run(each)

    after = stand(shown)
    assert after.report is before.report
    assert after.last_success == before.last_success
    assert after.up is False
    assert after.failures == {Reason.CONNECT: 3}
    assert (after.last_attempt or 0) > (before.last_attempt or 0)


async def test_old_truth_is_dropped_once_it_is_too_old(fake: Fake) -> None:
    journal, shown, each = Journal(), board(), watched(fake, max_staleness=0.0)
    rounds = await begun(journal, shown, each)
    await rounds.run(each)
    fake.down = True

    await rounds.run(each)

    status = stand(shown)
    assert status.report is None
    assert status.last_success is not None


async def test_a_registry_that_was_away_for_too_long_comes_back_with_its_losses_and_their_times(
    fake: Fake,
) -> None:
    shown, each = board(), watched(fake, max_staleness=0.0)
    rounds = await begun(Journal(), shown, each)
    lost = next(worlds.two_platforms("app").walk()).digest
    fake.sweep(lost)
    await rounds.run(each)
    since = truth(shown).since
    fake.down = True
    await rounds.run(each)
    assert stand(shown).report is None

    fake.down = False
    fake.spoil(lost, Reason.SERVER_ERROR)
    await rounds.run(each)

    assert since
    assert truth(shown).since == since


async def test_a_restart_shows_nothing_that_is_too_old_and_forgets_nothing_of_it(
    fake: Fake,
) -> None:
    journal, first, each = Journal(), board(), watched(fake)
    fake.sweep(next(worlds.two_platforms("app").walk()).digest)
    await (await begun(journal, first, each)).run(each)
    late = replace(each, max_staleness=0.0)

    second = board()
    rounds = await begun(journal, second, late)

    assert stand(second).report is None
    assert stand(second).last_success == stand(first).last_success
    await rounds.run(late)
    assert truth(second).since == truth(first).since


async def test_a_restart_shows_the_last_complete_truth_before_anything_is_asked(
    fake: Fake,
) -> None:
    journal, first, each = Journal(), board(), watched(fake)
    fake.sweep(next(worlds.two_platforms("app").walk()).digest)
    await (await begun(journal, first, each)).run(each)
    fake.asked.clear()

    second = board()
    await begun(journal, second, each)

    after = stand(second)
    assert fake.asked == []
    assert truth(second).verdicts == truth(first).verdicts
    assert truth(second).since == truth(first).since
    assert after.last_success == stand(first).last_success
    assert after.up is None
    assert after.audits == 0


async def test_a_finding_keeps_its_first_time_over_a_restart(fake: Fake) -> None:
    journal, first, each = Journal(), board(), watched(fake)
    fake.sweep(next(worlds.two_platforms("app").walk()).digest)
    await (await begun(journal, first, each)).run(each)

    second = board()
    rounds = await begun(journal, second, each)
    await rounds.run(each)

    assert truth(first).since
    assert truth(second).since == truth(first).since
    assert truth(second).snapshot.taken_at > truth(first).snapshot.taken_at


async def test_a_damaged_page_of_the_journal_costs_history_only(fake: Fake) -> None:
    journal, shown, each = Journal({HOST: (b"nonsense", {})}), board(), watched(fake)

    rounds = await begun(journal, shown, each)
    await rounds.run(each)

    assert {verdict.state for verdict in truth(shown).verdicts} == {State.PRESENT}


async def test_a_fault_of_our_own_costs_one_round_and_is_told(fake: Fake) -> None:
    journal, shown, each = Journal(), board(), watched(fake)
    rounds = await begun(journal, shown, each)
    await rounds.run(each)

    async def broken() -> References:
        raise ZeroDivisionError

    await replace(rounds, references=broken).run(each)

    status = stand(shown)
    assert status.up is False
    assert status.failures == {Reason.INTERNAL: 1}
    assert status.report is not None
    assert not shown.app_state.in_progress


async def test_an_audit_that_begins_while_another_is_put_up_is_seen_to_be_under_way(
    fake: Fake,
) -> None:
    shown, each = board(), watched(fake)
    status = await (await begun(Journal(), shown, each)).restore(each)
    shown.begin(HOST)

    putting_up = asyncio.create_task(shown.show(status))
    await asyncio.sleep(0)
    shown.begin("other.example")
    await putting_up

    assert shown.app_state.in_progress == {"other.example"}


async def test_a_clock_that_is_set_back_makes_no_audit_take_less_than_nothing(fake: Fake) -> None:
    times = iter((10 * HOUR, 2 * HOUR, HOUR))
    shown, each = board(), watched(fake)
    rounds = replace(await begun(Journal(), shown, each), clock=lambda: next(times, 0.0))

    await rounds.run(each)

    duration = stand(shown).duration
    assert duration is not None
    assert 0 <= duration < HOUR
    assert stand(shown).last_attempt == 10 * HOUR


async def test_a_reload_takes_nothing_from_a_registry_that_is_seen(fake: Fake) -> None:
    shown, each = board(), watched(fake, max_staleness=0.0)
    rounds = await begun(Journal(), shown, each)
    await rounds.run(each)

    assert (await rounds.restore(each)).report is truth(shown)


async def test_a_truth_that_no_longer_can_be_judged_costs_history_and_no_start(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    class Odd(Journal):
        def last(self, registry: str) -> Kept | None:
            raise ZeroDivisionError(registry)

    shown, each = board(), watched(fake)

    rounds = await begun(Odd(), shown, each)
    await rounds.run(each)

    assert "stored snapshot is unusable" in caplog.messages
    assert {verdict.state for verdict in truth(shown).verdicts} == {State.PRESENT}


async def test_a_truth_of_an_older_version_starts_afresh_and_says_so(
    fake: Fake, caplog: pytest.LogCaptureFixture
) -> None:
    class Older(Journal):
        def last(self, registry: str) -> Kept | None:  # noqa: ARG002 - of every registry
            return Kept(BytesIO(gzip.compress(start(3) + b"a layout of before")), {})

    shown, each = board(), watched(fake)

    rounds = await begun(Older(), shown, each)
    await rounds.run(each)

    causes = [getattr(record, "cause", "") for record in caplog.records]
    assert any(cause.startswith("a pullproof snapshot of version 3") for cause in causes)
    assert {verdict.state for verdict in truth(shown).verdicts} == {State.PRESENT}


async def test_an_outcome_that_cannot_be_put_up_is_told_beside_the_truth_before_it(
    fake: Fake,
) -> None:
    class Torn(Board):
        torn = False

        async def show(self, status: RegistryStatus) -> None:
            if self.torn and status.up:
                raise ZeroDivisionError
            await super().show(status)

    first = board()
    shown, each = Torn(first.app_state, Limits()), watched(fake)
    rounds = await begun(Journal(), shown, each)
    await rounds.run(each)
    before = truth(shown)
    shown.torn = True

    await rounds.run(each)

    assert truth(shown) is before
    assert stand(shown).up is False
    assert stand(shown).failures == {Reason.INTERNAL: 1}
    assert not shown.app_state.in_progress


async def test_a_reload_keeps_what_is_known_and_takes_the_new_interval(fake: Fake) -> None:
    journal, shown, each = Journal(), board(), watched(fake)
    rounds = await begun(journal, shown, each)
    await rounds.run(each)

    await shown.watch([await rounds.restore(replace(each, interval=5.0))])

    status = stand(shown)
    assert status.interval == 5.0
    assert status.report is not None
    assert status.audits == 1


async def test_facts_are_written_after_a_complete_audit_only(fake: Fake) -> None:
    written: list[str] = []

    def keep(told: Target, audited: Audited) -> ExportResult:
        written.append(f"{told.registry.name} {len(audited.report.verdicts)}")
        return ExportResult("there", "old ones may not be removed")

    shown, each = board(), watched(fake)
    rounds = replace(await begun(Journal(), shown, each), keep_facts=keep)
    await shown.watch([replace(await rounds.restore(each), facts_written=1.0)])
    fake.down = True
    await rounds.run(each)
    assert (written, stand(shown).facts_written) == ([], 1.0)

    fake.down = False
    await rounds.run(each)

    assert written == [f"{HOST} 1"]
    assert stand(shown).facts_written == truth(shown).snapshot.taken_at


@pytest.mark.parametrize("fault", [Unseen("store", Reason.DENIED), OverflowError("of ours")])
async def test_facts_that_fail_take_nothing_from_an_audit_and_grow_old(
    fake: Fake, fault: Exception
) -> None:
    def keep(_told: Target, _audited: Audited) -> ExportResult:
        raise fault

    shown, each = board(), watched(fake)
    rounds = replace(await begun(Journal(), shown, each), keep_facts=keep)
    asked_for = await rounds.restore(each)
    assert (asked_for.facts_written or 0) > 0
    await shown.watch([replace(asked_for, facts_written=1.0)])

    await rounds.run(each)

    assert stand(shown).up is True
    assert truth(shown).verdicts
    assert stand(shown).facts_written == 1.0


async def test_after_a_change_of_settings_the_whole_is_audited_before_any_part(fake: Fake) -> None:
    shown, each = board(), watched(fake)
    rounds = await begun(Journal(), shown, each)
    await rounds.run(each)
    sparse = {"role": Role.SPARSE, "platforms": frozenset({Platform.parse("linux/arm64")})}

    for change in (sparse, {"address": "https://new.example"}):
        changed = replace(each, target=replace(each.target, **change))
        fake.asked.clear()
        await rounds.refresh(changed, Focus())
        assert fake.asked
        assert changed.target.took(truth(shown).snapshot)
        fake.asked.clear()
        await rounds.refresh(changed, Focus())
        assert not fake.asked
