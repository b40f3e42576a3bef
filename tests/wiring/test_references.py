"""Is every source heard, each once at a time, and is none that went away taken for silence?"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, cast

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.reference import Reference
from exporter.ports import KindStatus, Listing, Unseen
from exporter.publish.metrics.rendering import surroundings
from exporter.publish.status import AppState, Reload
from exporter.wiring.references import ReferenceSources
from tests.faulty import FAULTS, Faulty, Injected

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.ports import ReferenceSource
    from exporter.serve.audit_job import References

REFERENCE = Reference.parse("registry.example/app:v1")


def use(source: str) -> Use:
    return Use(f"{source}:1", REFERENCE, ReferenceClass.LIVE)


@dataclass(slots=True)
class Source:
    """A source that wants one image, as long as it is there."""

    name: str
    away: bool = False
    broken: bool = False
    """Does it end in a fault of ours?"""
    read: int = 0
    ready: threading.Event = field(default_factory=threading.Event)
    unread: Reason | None = None
    """Why a part of it cannot be read."""

    def uses(self) -> Listing[Use]:
        self.ready.wait()
        self.read += 1
        if self.broken:
            raise ZeroDivisionError
        if self.away:
            raise Unseen(self.name, Reason.CONNECT, "nothing listens there")
        gap = (Gap(Scope.REFERENCES, self.name, self.unread),) if self.unread else ()
        return Listing((use(self.name),), gap)

    def pull_secrets(self) -> dict[str, tuple[bytes, ...]]:
        return {self.name: (b"{}",)}

    def owns(self, named: Use) -> bool:
        return named.owner.rpartition(":")[0] == self.name

    def recall(self, uses: Iterable[Use], synced: Mapping[str, float]) -> None:
        pass


def source(name: str, *, away: bool = False) -> Source:
    made = Source(name, away)
    made.ready.set()
    return made


async def test_a_source_that_went_away_keeps_its_uses_and_the_others_are_heard() -> None:
    prod, edge = source("prod"), source("edge")
    sources = ReferenceSources([prod, edge])
    await sources()

    prod.away = True
    found = await sources()

    assert found.uses.entries == (use("prod"), use("edge"))
    assert [(gap.subject, gap.reason) for gap in found.uses.gaps] == [("prod", Reason.CONNECT)]
    assert [(each.source, each.up, each.references) for each in found.sources] == [
        ("prod", False, 1),
        ("edge", True, 1),
    ]
    assert found.sources[0].last_sync is not None


async def test_a_fault_with_one_source_costs_no_other() -> None:
    prod, edge = source("prod"), source("edge")
    sources = ReferenceSources([prod, edge])
    await sources()

    prod.broken = True
    found = await sources()

    assert found.uses.entries == (use("prod"), use("edge"))
    assert [(gap.subject, gap.reason) for gap in found.uses.gaps] == [("prod", Reason.INTERNAL)]
    assert [each.up for each in found.sources] == [False, True]


@pytest.mark.parametrize("method", ["uses", "pull_secrets", "owns"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_fault_in_any_call_of_one_source_costs_no_other(fault: str, method: str) -> None:
    injected = Injected(method, FAULTS[fault], every=True)
    broken = cast("ReferenceSource", Faulty(source("prod"), injected))
    sources = ReferenceSources([broken, source("edge")])

    sources.recall([use("edge")], 1_000.0)
    found = await sources()

    assert use("edge") in found.uses.entries
    assert sources.pull_secrets() == {"edge": (b"{}",)} | (
        {} if method == "pull_secrets" else {"prod": (b"{}",)}
    )
    assert injected.calls


async def test_who_asks_while_a_source_is_being_read_is_given_the_same_answer() -> None:
    slow = Source("slow")
    sources = ReferenceSources([slow])
    both = asyncio.gather(sources(), sources())
    await asyncio.sleep(0)

    slow.ready.set()
    first, second = await both

    assert slow.read == 1
    assert first == second
    await sources()
    assert slow.read == 2


async def test_before_a_source_was_seen_what_was_put_away_of_it_stands() -> None:
    prod, edge = source("prod", away=True), source("edge", away=True)
    sources = ReferenceSources([prod, edge])

    sources.recall([use("prod"), use("somebody")], 1_000.0)
    found = await sources()

    assert found.uses.entries == (use("prod"),)
    assert [(each.up, each.last_sync, each.references) for each in found.sources] == [
        (False, 1_000.0, 1),
        (False, None, 0),
    ]


async def test_what_a_source_says_itself_wins_over_what_was_put_away() -> None:
    prod = source("prod")
    sources = ReferenceSources([prod])
    sources.recall([use("prod"), use("prod")], 1_000.0)

    found = await sources()

    assert found.uses.entries == (use("prod"),)
    assert found.uses.complete


async def test_what_was_put_away_stands_as_long_as_a_fault_may_hide_it() -> None:
    prod = source("prod")
    sources = ReferenceSources([prod])
    idle = replace(use("prod"), reference_class=ReferenceClass.IDLE)
    hidden = replace(use("prod"), owner="prod:2")
    sources.recall([idle, hidden], 1_000.0)

    found = []
    for prod.unread in (Reason.TIMEOUT, Reason.RESET, None, Reason.TIMEOUT):
        found.append((await sources()).uses.entries)

    assert found[:2] == [(use("prod"), hidden)] * 2
    assert found[2:] == [(use("prod"),)] * 2


async def test_what_is_never_shown_does_not_keep_what_was_put_away() -> None:
    """A right that a role does not give, a text that is no reference: they last."""
    prod = source("prod")
    sources = ReferenceSources([prod])
    sources.recall([replace(use("prod"), owner="prod:2")], 1_000.0)

    prod.unread = Reason.DENIED

    assert (await sources()).uses.entries == (use("prod"),)


@dataclass(slots=True)
class Cluster:
    """A source that lists pods, as long as its role allows it."""

    name: str = "prod"
    denied: bool = False
    away: bool = False

    def uses(self) -> Listing[Use]:
        if self.away:
            raise Unseen(self.name, Reason.CONNECT)
        gaps = (Gap(Scope.REFERENCES, "prod: pods", Reason.DENIED),) if self.denied else ()
        kinds = KindStatus("pods", not self.denied, 5.0, gaps), KindStatus("nodes", True, 9.0)
        return Listing((use(self.name),), gaps, kinds=kinds)

    def pull_secrets(self) -> dict[str, tuple[bytes, ...]]:
        return {}

    def owns(self, _: Use) -> bool:
        return False

    def recall(self, uses: Iterable[Use], synced: Mapping[str, float]) -> None:
        pass


def series(found: References, name: str) -> dict[str, str]:
    """The series of a metric, by their labels."""
    state = AppState((), found.sources, Reload("", successful=True, last_success=0.0))
    lines = surroundings(state).text.plain.decode().splitlines()
    told = (
        line.partition("{")[2].rpartition(" ") for line in lines if line.startswith(f"{name}{{")
    )
    return {labels.removesuffix("}"): value for labels, _, value in told}


async def test_a_kind_that_cannot_be_listed_is_told_with_its_reason_until_it_can() -> None:
    cluster = Cluster(denied=True)
    sources = ReferenceSources([cluster])

    found = await sources()
    up, gaps = "pullproof_reference_kind_up", "pullproof_reference_gaps"
    assert series(found, up) == {
        'source="prod",kind="pods"': "0",
        'source="prod",kind="nodes"': "1",
    }
    assert series(found, gaps) == {'source="prod",kind="pods",reason="denied"': "1"}
    assert [(each.up, each.complete) for each in found.sources] == [(True, False)]

    cluster.denied = False
    found = await sources()
    assert set(series(found, up).values()) == {"1"}
    assert series(found, gaps) == {}
    assert found.sources[0].complete


async def test_no_kind_of_a_source_that_went_away_is_up_and_the_source_alone_is_the_gap() -> None:
    cluster = Cluster()
    sources = ReferenceSources([cluster])
    await sources()

    cluster.away = True
    found = await sources()

    assert set(series(found, "pullproof_reference_kind_up").values()) == {"0"}
    assert series(found, "pullproof_reference_gaps") == {
        'source="prod",kind="",reason="connect"': "1"
    }


@dataclass(slots=True)
class Times:
    """What outlives a restart."""

    kept: dict[str, dict[str, float]] = field(default_factory=dict)

    def synced(self, source: str) -> dict[str, float]:
        return self.kept.get(source, {})

    def keep_synced(self, source: str, found: Mapping[str, float]) -> None:
        self.kept.setdefault(source, {}).update(found)


async def test_when_the_kinds_of_a_source_were_listed_is_kept() -> None:
    times = Times()

    await ReferenceSources([cast("ReferenceSource", Cluster())], times)()

    assert times.kept == {"prod": {"pods": 5.0, "nodes": 9.0}}


@dataclass(slots=True)
class Followed(Source):
    """A source that tells when it changes."""

    name: str = "prod"
    told: list[Callable[[], None]] = field(default_factory=list)
    uses_now: tuple[Use, ...] = ()
    unseen: bool = False

    @contextmanager
    def watching(self, changed: Callable[[], None]) -> Iterator[None]:
        self.told.append(changed)
        yield
        self.told.clear()

    def latest(self) -> Listing[Use]:
        if self.unseen:
            raise Unseen(self.name, Reason.INCOMPLETE_LIST)
        return Listing(self.uses_now)

    def changes(self, *uses: Use) -> None:
        self.uses_now = uses
        for each in self.told:
            each()


async def test_a_source_that_is_watched_tells_of_changes_once_all_were_read() -> None:
    prod, edge = Followed(), source("edge")
    prod.ready.set()
    sources = ReferenceSources([prod, edge])
    heard: list[tuple[Use, ...]] = []

    with sources.watching(lambda found: heard.append(found.uses.entries)):
        prod.changes(use("early"))
        assert heard == []

        await sources()
        prod.changes(use("late"))
        prod.unseen = True
        prod.changes()

    assert heard == [(use("late"), use("edge"))]


async def test_for_a_refresh_only_what_is_not_watched_is_read_again() -> None:
    prod, edge = Followed(), source("edge")
    prod.ready.set()
    sources = ReferenceSources([prod, edge])
    await sources()

    with sources.watching(lambda _: None):
        prod.changes(use("late"))
        found = await sources.latest()

    assert found.uses.entries == (use("late"), use("edge"))
    assert (prod.read, edge.read) == (1, 2)


async def test_what_is_told_last_is_the_newest_of_every_source() -> None:
    prod, edge = Followed(), Followed("edge")
    prod.ready.set()
    edge.ready.set()
    sources = ReferenceSources([prod, edge])
    await sources()
    heard: list[tuple[Use, ...]] = []
    later = threading.Thread(target=lambda: edge.changes(use("edge-late")))

    def noted(found: References) -> None:
        if later.ident is None:  # the first is held up while the other source changes
            later.start()
            later.join(0.2)
        heard.append(found.uses.entries)

    with sources.watching(noted):
        prod.changes(use("prod-late"))
        later.join()

    assert heard[-1] == (use("prod-late"), use("edge-late"))
