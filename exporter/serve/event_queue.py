"""The events of one registry that wait: united for a moment, then audited together."""

import asyncio
import logging
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from threading import Lock
from typing import Final

from exporter.facts.focus import Focus, ImageEvent
from exporter.oci.reference import Repository
from exporter.serve.loop_thread import in_background
from exporter.tally import EventTally

_log: Final = logging.getLogger("pullproof.events")

_PAUSE: Final = 1.0
"""Seconds from the first event until the audit is requested: others of a push come meanwhile."""
_TRIES: Final = 5
"""Maximum requests if a registry does not answer; then it is left to the next periodic audit."""
_MOST: Final = 1_000
"""Tags, places and repositories that wait; for more, the whole registry is audited."""


@dataclass(slots=True, eq=False)
class EventQueue:
    """The content that events of a registry name, until it is audited. The queue is bounded.

    Events are hints: one that is lost is found by the next periodic audit, and one that is forged
    or doubled costs requests to the registry, no more.
    """

    registry: str
    admits: Callable[[Repository], bool]
    """Are events of a repository audited here?"""
    request: Callable[[Focus | None], Awaitable[bool]]
    """Has a part of the registry audited, or all of it (None): were results published?"""
    wake: Callable[[Callable[[], object]], None]
    """Calls something in the loop that runs this."""
    tally: EventTally
    pause: float = _PAUSE
    _arrived: asyncio.Event = field(default_factory=asyncio.Event, init=False)
    _lock: Lock = field(default_factory=Lock, init=False)
    _waiting: Focus = field(default=Focus(), init=False)
    _whole: bool = field(default=False, init=False)
    """Was more named than may wait?"""
    _since: float | None = field(default=None, init=False)
    """When the first waiting event came; None if none waits."""

    def take(self, events: Iterable[ImageEvent | None]) -> None:
        """Take events, from any thread."""
        for event in events:
            if event is None or not self.admits(event.repository):
                self.tally.note("ignored")
            else:
                self._add(event.focus)

    def _add(self, focus: Focus) -> None:
        with self._lock:
            first = self._since is None
            self.tally.note("requested" if first else "coalesced")
            if first:
                self._since = _now()
            if not self._whole:
                self._waiting |= focus
                self._whole = _size(self._waiting) > _MOST
        if first:
            self.wake(self._arrived.set)

    async def run(self) -> None:
        """Request audits of what waits, again and again; one at a time."""
        while True:
            await self._arrived.wait()
            await asyncio.sleep(self.pause)
            focus, since = self._taken()
            for turn in range(_TRIES):
                if await self._audited(focus):
                    self.tally.durations.note(_now() - since)
                    break
                await asyncio.sleep(self.pause * 2**turn)

    async def _audited(self, focus: Focus | None) -> bool:
        try:
            return await self.request(focus)
        except Exception:  # noqa: BLE001 - a job boundary: the next events must be heard
            _log.exception("events not audited", extra={"registry": self.registry})
            return False

    def _taken(self) -> tuple[Focus | None, float]:
        """Return the focus that waits, None for the whole registry, and since when."""
        with self._lock:
            focus = None if self._whole else self._waiting
            since = self._since or _now()
            self._waiting, self._whole, self._since = Focus(), False, None
            self._arrived.clear()
        return focus, since


@asynccontextmanager
async def heard(queues: Iterable[EventQueue]) -> AsyncIterator[None]:
    """Request audits of what comes in these queues, until left."""
    async with AsyncExitStack() as stack:
        for each in queues:
            await stack.enter_async_context(in_background(each.run()))
        yield


def _now() -> float:
    return time.monotonic()


def _size(focus: Focus) -> int:
    return len(focus.tags) + len(focus.places) + len(focus.repositories)
