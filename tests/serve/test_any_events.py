"""What holds of what is shown, whatever happens to registries, clocks, ledgers and the process.

A model remembers every state in which a registry ever was. What the board shows must have been
so at some moment of the audit that it speaks of, or say that it is older, or not known.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, State
from exporter.judge.finding import FindingKey
from exporter.oci.reference import Tag
from exporter.ports import Listing, Wrong
from exporter.publish.metrics.exposition import Format
from exporter.serve.audit_job import AuditJob, References, Watched
from exporter.tally import Tally
from tests.fakes import APP, HOST, NO_BLOB, NO_MANIFEST, NO_NAME, NOW, TRUTH, Fake, target, use
from tests.serve.moments import (
    BUILT,
    MADE,
    NEXT,
    PLAIN,
    THINGS,
    Audit,
    Frail,
    Known,
    Moment,
    needs,
    stayed,
    stayed_unprotected,
)
from tests.serve.test_audit_job import HOUR, board

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.facts.proof import Sighting
    from exporter.facts.snapshot import Root
    from exporter.judge.report import Report
    from exporter.judge.tag_verdict import TagVerdict
    from exporter.oci.digest import Digest
    from exporter.publish.status import RegistryStatus
    from tests import worlds
    from tests.fakes import Answer

TAGS = ("v1", "v2", "v3")
NAMES = (HOST, "other.example")
STALE: Final = 2.5 * HOUR
"""No whole number of hours, by which clocks are set here: an age is never at the limit."""

names = st.sampled_from(NAMES)
tags = st.sampled_from(TAGS)
tops = st.sampled_from((BUILT, NEXT, PLAIN))
things = st.sampled_from(THINGS)
places = st.sampled_from([*TAGS, *THINGS, "*"])
stumbles = st.sampled_from((Reason.TIMEOUT, Reason.SERVER_ERROR, Reason.DENIED, Reason.MALFORMED))


async def wanted() -> References:
    return References(Listing((use("app:v1", "linux/amd64"),)), ())


class Events(RuleBasedStateMachine):
    """Two registries under watch, and all that may happen to them."""

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.offset, self.ticks = NOW, 0
        self.journal = Frail()
        self.registries = {name: Known(Fake(name=name)) for name in NAMES}
        for each in self.registries.values():
            each.fake.push(BUILT, "v1")
            each.fake.push(PLAIN, "v2")
            each.note()
        self.watched: tuple[str, ...] = NAMES
        self.put_away: dict[str, Report] = {}
        self.counted: Counter[str] = Counter()
        self.restart()

    def teardown(self) -> None:
        self.runner.close()

    def clock(self) -> float:
        """No two audits begin at one time, whichever way the clock is set."""
        self.ticks += 1
        return self.offset + self.ticks / 1000

    # What happens to registries.

    @rule(name=names, tag=tags, made=tops)
    def push(self, name: str, tag: str, made: worlds.Made) -> None:
        known = self.registries[name]
        known.change(lambda: known.fake.push(made, tag))

    @rule(name=names, tag=tags)
    def untag(self, name: str, tag: str) -> None:
        known = self.registries[name]
        known.change(lambda: known.fake.tagged[APP].pop(Tag(tag), None))

    @rule(name=names, what=things)
    def lose(self, name: str, what: Digest) -> None:
        known = self.registries[name]
        known.change(lambda: known.fake.sweep(what))

    @rule(name=names, reason=stumbles)
    def hide_what_is_lost(self, name: str, reason: Reason) -> None:
        """As a proxy does that fails for whatever it would have to deny."""
        known = self.registries[name]
        for what in set(THINGS) - known.states[-1].things:
            known.fake.spoil(what, reason)

    @rule(name=names, reason=stumbles)
    def hide_all_tags(self, name: str, reason: Reason) -> None:
        for tag in TAGS:
            self.registries[name].fake.spoil(tag, reason)

    @rule(name=names, place=places, what=things)
    def lose_while_it_is_looked_at(self, name: str, place: str, what: Digest) -> None:
        known = self.registries[name]
        known.fake.spoil(place, lambda: known.change(lambda: known.fake.sweep(what)))

    @rule(name=names, place=places, tag=tags, made=tops)
    def push_while_it_is_looked_at(
        self, name: str, place: str, tag: str, made: worlds.Made
    ) -> None:
        known = self.registries[name]
        known.fake.spoil(place, lambda: known.change(lambda: known.fake.push(made, tag)))

    @rule(name=names, place=places, reason=stumbles, for_ever=st.booleans())
    def stumble(self, name: str, place: str, reason: Reason, *, for_ever: bool) -> None:
        answers: Sequence[Answer] = [reason] if for_ever else [reason, TRUTH]
        self.registries[name].fake.spoil(place, *answers)

    @rule(name=names, place=places, short=st.booleans())
    def lie_once(self, name: str, place: str, *, short: bool) -> None:
        lies: dict[str, Answer] = {"*": NO_NAME, **dict.fromkeys((*TAGS, *MADE), NO_MANIFEST)}
        lie = Wrong("1 of 9 bytes") if short and place in THINGS else lies.get(place, NO_BLOB)
        self.registries[name].fake.spoil(place, lie, TRUTH)

    @rule(name=names, place=places)
    def fault_of_ours(self, name: str, place: str) -> None:
        def fault() -> None:
            raise ZeroDivisionError

        self.registries[name].fake.spoil(place, fault)

    @rule(name=names)
    def recover(self, name: str) -> None:
        self.registries[name].fake.scripts.clear()

    # What happens to the machine and to the process.

    @rule(hours=st.sampled_from((1, 1, 1, 5, -1, -5, 24 * 400)))
    def set_the_clock(self, hours: int) -> None:
        self.offset += hours * HOUR

    @rule()
    def all_are_away_for_hours(self) -> None:
        """Longer than their last truth is shown, and then they are back."""
        for known in self.registries.values():
            known.fake.down = True
        self.offset += 3 * HOUR
        self.audit_all_at_once()
        for known in self.registries.values():
            known.fake.down = False

    @rule(away=st.booleans())
    def lock_the_ledger(self, *, away: bool) -> None:
        self.journal.away = away

    @rule(name=names)
    def damage_a_row(self, name: str) -> None:
        self.journal.pages.pop(name, None)
        self.put_away.pop(name, None)

    @rule()
    def restart(self) -> None:
        self.board = board()
        self.counted.clear()
        for each in self.registries.values():
            each.known = None
        self._watch()

    @rule(which=st.sampled_from(((NAMES[0],), (NAMES[1],), NAMES)))
    def reload(self, which: tuple[str, ...]) -> None:
        self.watched = which
        for name in set(NAMES) - set(which):
            self.registries[name].known = None
            self.counted[name] = 0
        self._watch()

    def _watch(self) -> None:
        self.rounds = AuditJob(self.board, self.journal, wanted, clock=self.clock)
        self.runner.run(self._restored())

    async def _restored(self) -> None:
        statuses = [await self.rounds.restore(self._of(name)) for name in self.watched]
        for each in statuses:
            model = self.registries[each.registry]
            if self.board.find(each.registry) is None:
                model.known = None if self.journal.away else self.put_away.get(each.registry)
                self._check_age(each)
            assert (each.known is None) is (model.known is None)
            if each.known and model.known:
                assert each.known.verdicts == model.known.verdicts
                assert each.known.since == model.known.since
        await self.board.watch(statuses)

    def _of(self, name: str) -> Watched:
        asked = target(self.registries[name].fake)
        return Watched(replace(asked, hosts=frozenset({name})), Tally(), 60.0, STALE)

    # Audits.

    @precondition(lambda self: self.watched)
    @rule(data=st.data())
    def audit(self, data: st.DataObject) -> None:
        name = data.draw(st.sampled_from(self.watched))
        first = self.registries[name].last
        self.runner.run(self.rounds.run(self._of(name)))
        self._audited(name, first)

    @rule(data=st.data())
    def audit_undisturbed(self, data: st.DataObject) -> None:
        """Where nothing stumbles, everything is found as it is, whatever was known before."""
        name = data.draw(st.sampled_from(self.watched))
        model = self.registries[name]
        model.fake.scripts.clear()
        model.fake.down = False
        self.runner.run(self.rounds.run(self._of(name)))
        self._audited(name, model.last)
        now, report = model.states[-1], self._standing(name).report
        assert report is not None
        used = {Tag("v1")} if name == HOST else set()
        assert {verdict.root.tag for verdict in report.verdicts} == used | set(now.tags)
        for verdict in report.verdicts:
            assert verdict.root.sighting.seen_at is None
            for child in verdict.children:
                whole = child.digest is not None and needs(child) <= now.things
                assert child.state is State.PRESENT if whole else child.state in GONE
        assert not any(seen.seen_at for seen in report.snapshot.sightings.values())
        assert report.since.keys() == {each.key for each in report.findings}, "nothing waits"

    @rule()
    def audit_all_at_once(self) -> None:
        first = {name: self.registries[name].last for name in self.watched}

        async def all_of_them() -> None:
            await asyncio.gather(*(self.rounds.run(self._of(name)) for name in self.watched))

        self.runner.run(all_of_them())
        for name in self.watched:
            self._audited(name, first[name])

    @rule(data=st.data(), questions=st.integers(0, 12), again=st.booleans())
    def cut_an_audit_off(self, data: st.DataObject, questions: int, *, again: bool) -> None:
        """End the process, or reload, while a registry hangs."""
        name = data.draw(st.sampled_from(self.watched))
        model, first = self.registries[name], self.registries[name].last
        before = self.board.app_state.statuses
        fake, model.fake.stuck = model.fake, asyncio.Event()
        fake.patience = len(fake.asked) + questions

        async def cut() -> bool:
            running = asyncio.create_task(self.rounds.run(self._of(name)))
            stuck = asyncio.create_task(fake.stuck.wait())
            await asyncio.wait({running, stuck}, return_when=asyncio.FIRST_COMPLETED)
            for task in (running, stuck):
                task.cancel()
            await asyncio.gather(running, stuck, return_exceptions=True)
            return running.cancelled()

        cut_off = self.runner.run(cut())
        fake.patience = None
        if not cut_off:
            self._audited(name, first)
        else:
            assert self.board.app_state.statuses == before
            self.restart() if again else self.reload(self.watched)

    def _audited(self, name: str, first: int) -> None:
        """Learn what a round found, after it is checked against the round before."""
        model, status = self.registries[name], self._standing(name)
        self.counted[name] += 1
        assert status.audits == self.counted[name]
        if status.up:
            assert status.report is not None
            assert status.report.snapshot.taken_at not in model.audits
            found = Audit(status.report, first, model.last)
            self._check_memory(model, found)
            model.known = status.report
            model.audits[status.report.snapshot.taken_at] = found
            if not self.journal.away:
                self.put_away[name] = status.report
        else:
            assert status.failures
            self._check_age(status)

    def _standing(self, name: str) -> RegistryStatus:
        found = self.board.find(name)
        assert found is not None
        return found

    def _check_age(self, status: RegistryStatus) -> None:
        """Old truth is shown with its age, and not for too long, in either direction of time."""
        old = bool(status.last_success and abs(self.offset - status.last_success) > STALE)
        assert status.report is (None if old else status.known)

    def _check_memory(self, model: Known, now: Audit) -> None:
        """A loss that stayed is told on, and nothing that stayed is first seen a second time."""
        before = model.known
        if before is None:
            return
        for key, since in before.since.items():
            assert now.report.since.get(key, since) == since
        then = model.audits[before.snapshot.taken_at]
        passed = model.states[then.first : now.last + 1]
        told = {verdict.root.tag: verdict for verdict in now.report.verdicts}
        for text, since in before.since.items():
            key = FindingKey.parse(text)
            if key and key.code == "unprotected-child" and stayed_unprotected(key, passed):
                assert now.report.since.get(text) == since
        for verdict in before.verdicts:
            tag = verdict.root.tag
            if verdict.overall in GONE and tag and stayed(verdict, passed):
                assert told[tag].overall in GONE

    # What is shown.

    @invariant()
    def what_is_shown_was_so_or_is_marked(self) -> None:
        assert [each.registry for each in self.board.app_state.statuses] == sorted(self.watched)
        for status in self.board.app_state.statuses:
            model = self.registries[status.registry]
            assert status.duration is None or 0 <= status.duration < HOUR
            if status.report is None:
                assert status.up is not True
                continue
            assert status.last_success == status.report.snapshot.taken_at
            assert model.known is not None
            assert status.report.verdicts == model.known.verdicts
            audit = model.audits[status.report.snapshot.taken_at]
            for verdict in status.report.verdicts:
                self._check(model, audit, verdict)

    @invariant()
    def nothing_is_told_twice(self) -> None:
        assert not self.board.app_state.in_progress
        lines = self.board.exposition.rendered(Format.TEXT).plain.decode().splitlines()
        series = Counter(line.rpartition(" ")[0] for line in lines if not line.startswith("#"))
        assert series.total() == len(series)

    def _check(self, model: Known, audit: Audit, verdict: TagVerdict) -> None:
        root = verdict.root
        passed = model.states[audit.first : audit.last + 1]
        if root.tag and root.sighting.state is State.PRESENT:
            assert root.digest in {each.leads(root.tag) for each in passed}
        if root.tag and root.sighting.state in GONE:
            since = self._since(model, audit, root.sighting)
            assert any(each.leads(root.tag) is None for each in since)
        if verdict.overall is State.PRESENT:
            assert root.sighting.state is State.PRESENT
        for child in verdict.children:
            if child.state is State.PRESENT:
                for each in needs(child):
                    assert any(each in state.things for state in passed)
            if child.state is State.UNKNOWN:
                assert child.reason is not None
            for lack in child.lacks:
                if lack.state in GONE:
                    self._check_loss(model, audit, root, lack.digest)

    def _check_loss(self, model: Known, audit: Audit, root: Root, lost: Digest) -> None:
        """It was not there; and if nothing of this is older, then while the tag led there."""
        seen = audit.report.snapshot.sightings.get((APP, lost), root.sighting)
        without = [each for each in self._since(model, audit, seen) if lost not in each.things]
        assert without
        if root.tag and root.sighting.state is State.PRESENT and seen.seen_at is None:
            assert root.digest in {each.tags.get(root.tag) for each in without}

    def _since(self, model: Known, audit: Audit, seen: Sighting) -> list[Moment]:
        """The states in which something was seen: of this audit, or of the one it is kept from."""
        source = audit if seen.seen_at is None else model.audits[seen.seen_at]
        return model.states[source.first : source.last + 1]


TestEvents: Any = Events.TestCase
TestEvents.settings = settings(max_examples=60, stateful_step_count=30, derandomize=True)
