"""Events are united for a moment and cause audits: none is lost, and what waits is bounded."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.focus import Focus, ImageEvent
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository, Tag
from exporter.serve.event_queue import EventQueue, heard
from exporter.tally import EVENT_OUTCOMES, EventTally
from tests.fakes import turns

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    import pytest

APP = Repository("shop/app")


def push(tag: str, repository: Repository = APP) -> ImageEvent:
    return ImageEvent(repository, Tag(tag), Digest.of(tag.encode()))


def focus_of(events: list[ImageEvent]) -> Focus:
    found = Focus()
    for each in events:
        found |= each.focus
    return found


@dataclass
class Site:
    """A queue whose requests are noted; each ends when it is told to."""

    asked: list[Focus | None] = field(default_factory=list)
    tally: EventTally = field(default_factory=EventTally)
    held: asyncio.Event | None = None
    fails: int = 0
    """How many requests fail from now on."""
    breaks: bool = False
    """With an exception?"""

    def __post_init__(self) -> None:
        self.queue = EventQueue("main", self._admits, self._request, self._wake, self.tally, 0.0)

    def _admits(self, repository: Repository) -> bool:
        return not repository.startswith("elsewhere/")

    async def _request(self, focus: Focus | None) -> bool:
        self.asked.append(focus)
        if self.held:
            await self.held.wait()
        self.fails -= 1
        if self.fails >= 0 and self.breaks:
            raise RuntimeError
        return self.fails < 0

    def _wake(self, act: Callable[[], object]) -> None:
        asyncio.get_running_loop().call_soon(act)

    async def settled(self) -> None:
        """Let everything happen that may happen by now."""
        for _ in range(3):
            await asyncio.sleep(0)
            await turns()


@asynccontextmanager
async def site() -> AsyncIterator[Site]:
    found = Site()
    async with heard([found.queue]):
        yield found


async def test_events_of_one_push_are_one_request() -> None:
    events = [push("v1"), push("v2"), push("v1")]
    async with site() as found:
        found.queue.take(events)
        await found.settled()

    assert found.asked == [focus_of(events)]
    assert found.tally.received == {"requested": 1, "coalesced": 2}
    assert sum(found.tally.durations.counts) == 1


async def test_what_comes_during_an_audit_is_requested_after_it() -> None:
    async with site() as found:
        found.held = asyncio.Event()
        found.queue.take([push("v1")])
        await found.settled()
        found.queue.take([push("v2")])
        found.queue.take([push("v3")])
        await found.settled()
        before = list(found.asked)
        found.held.set()
        await found.settled()

    assert before == [push("v1").focus]
    assert found.asked == [push("v1").focus, focus_of([push("v2"), push("v3")])]


async def test_what_a_registry_does_not_answer_is_requested_again() -> None:
    async with site() as found:
        found.fails = 2
        found.queue.take([push("v1")])
        await found.settled()

    assert found.asked == [push("v1").focus] * 3
    assert sum(found.tally.durations.counts) == 1


async def test_after_some_tries_that_fail_the_next_events_are_heard(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async with site() as found:
        found.fails, found.breaks = 5, True
        found.queue.take([push("v1")])
        await found.settled()
        found.queue.take([push("v2")])
        await found.settled()

    assert found.asked == [push("v1").focus] * 5 + [push("v2").focus]
    assert caplog.messages.count("events not audited") == 5
    assert sum(found.tally.durations.counts) == 1, "a verdict that was not published took no time"


async def test_of_a_flood_every_event_is_counted_and_what_waits_is_bounded() -> None:
    async with site() as found:
        found.held = asyncio.Event()
        found.queue.take([push("first")])
        await found.settled()
        for number in range(10_000):
            found.queue.take([push(f"v{number}")])
            waiting = found.queue._waiting  # noqa: SLF001 - what it holds is the claim
            assert len(waiting.tags) <= 1_000
        found.held.set()
        await found.settled()

    assert found.asked == [push("first").focus, None], "the whole registry, once"
    assert sum(found.tally.received.values()) == 10_001
    assert found.tally.received["requested"] == 2


async def test_what_is_not_audited_here_is_counted_and_asks_for_nothing() -> None:
    async with site() as found:
        found.queue.take([None, push("v1", Repository("elsewhere/app"))])
        await found.settled()

    assert found.asked == []
    assert found.tally.received == {"ignored": 2}


@given(st.lists(st.lists(st.integers(0, 20), max_size=5), max_size=30))
def test_whatever_the_order_each_event_is_followed_by_a_request_that_holds_it(
    batches: list[list[int]],
) -> None:
    async def run() -> None:
        async with site() as found:
            for number, batch in enumerate(batches):
                events = [push(f"v{each}") for each in batch]
                before = len(found.asked)
                found.queue.take(events)
                if number % 3 == 0:
                    await found.settled()
                    later = [each for each in found.asked[before:] if each is not None]
                    for event in events:
                        assert any(event.focus.tags <= each.tags for each in later)
            await found.settled()
            assert found.tally.received.keys() <= set(EVENT_OUTCOMES)

    asyncio.run(run())
