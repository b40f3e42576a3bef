"""Limits of requests to a registry: concurrency, rate, and a circuit breaker."""

import asyncio
import logging
import re
from collections import deque
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from aiolimiter import AsyncLimiter

from exporter.facts.gap import UNREACHED, Reason
from exporter.facts.registry_kind import Pulls
from exporter.facts.snapshot import RegistryPart, Role
from exporter.ports import Unseen
from exporter.tally import Tally

_LOG: Final = logging.getLogger("pullproof.registry")
_DEADLY: Final = UNREACHED | {Reason.RATE_LIMITED, Reason.SERVER_ERROR}
"""Statuses of a registry that is down; others concern one request."""
_STATED: Final = re.compile(r"(\d{1,9}) ?;w=(\d{1,6})", re.ASCII)
"""Number of pulls, and their period in seconds."""
_KEPT: Final = 10
"""A tenth of a pull limit is left to real pulls."""


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """Limits for one registry; the defaults suit a registry of one's own."""

    concurrency: int = 16
    """Maximum concurrent requests."""
    requests_per_second: float | None = None
    """Maximum rate; None is limited by concurrency and by the registry alone."""
    tries: int = 3
    """Attempts before a request fails."""
    deadline: float = 30.0
    """Seconds from sending a request to the last byte of its response."""
    list_deadline: float = 300.0
    """Likewise for a page of a list: a catalogue on an object store takes minutes."""
    connect: float = 10.0
    """Seconds to open a connection."""
    backoff: float = 0.5
    """Seconds before the second try; doubled for each further one, with jitter."""
    pause_cap: float = 120.0
    """Maximum seconds for which one Retry-After pauses requests."""
    failures: int = 8
    """Failed requests in a row, each after all attempts, until a registry counts as down."""
    probe_after: float = 10.0
    """Seconds until a request probes whether a registry is up again."""
    manifest_bytes: int = 4 * 2**20
    """Longest manifest or configuration that is read; registries accept no longer one."""
    page_entries: int = 1000
    """Requested page size of the catalogue."""
    repositories: int = 100_000
    """Maximum repositories of the catalogue; beyond it is a gap."""
    tags: int = 100_000
    """Maximum tags of a repository's list; beyond it is a gap."""
    pulls: Pulls = Pulls.ASK
    """May reads change what a cleanup of the registry decides by?"""
    parts: tuple[RegistryPart, ...] = ()
    """Roles of repositories; the first part that matches decides."""
    role: Role = Role.OWNED
    """Role of the other repositories."""

    def named(self, repository: str) -> RegistryPart | None:
        """Return the part that names a repository."""
        return next((each for each in self.parts if each.holds(repository)), None)

    def proxied(self, repository: str) -> bool:
        """Is a repository in a pull-through cache, which must not be requested?"""
        found = self.named(repository)
        return (found.role if found else self.role) is Role.PROXY


class Pace:
    """Rate limiter, as an async context around each request.

    A pause delays all requests and halves the concurrency: else all would be sent together and
    refused together. Each success afterwards restores a part of it.
    """

    def __init__(self, registry: str, limits: RequestLimits, tally: Tally) -> None:
        self._registry = registry
        self._most = float(limits.concurrency)
        self._pause_cap = limits.pause_cap
        rate = limits.requests_per_second
        self._limiter = AsyncLimiter(1, 1 / rate) if rate else None
        self._tally = tally
        self._allowed = self._most
        self._busy = 0
        self._queue: deque[asyncio.Future[None]] = deque()
        self._until = 0.0

    def beside(self, limits: RequestLimits) -> "Pace":
        """Return the limiter of another session with the same registry, at the rate of both."""
        other = Pace(self._registry, limits, self._tally)
        other._limiter = self._limiter
        return other

    def limit(self, most: int) -> None:
        """Lower the maximum concurrency."""
        self._most = min(self._most, float(most))
        self._allowed = min(self._allowed, self._most)

    async def __aenter__(self) -> None:
        """Wait for a free slot, for the end of a pause, and for the rate."""
        while self._busy >= int(self._allowed):
            await self._wait_turn()
        self._busy += 1
        if not self._until and self._limiter is None:
            return
        try:
            await self._hold_back()
        except BaseException:
            self._leave()
            raise

    async def __aexit__(self, *_: object) -> None:
        """Release the slot."""
        self._leave()

    def pause(self, seconds: float) -> None:
        """Pause requests for a while, as the registry asked."""
        now, seconds = asyncio.get_running_loop().time(), min(seconds, self._pause_cap)
        if now >= self._until:
            self._allowed = max(1.0, self._allowed / 2)
            _LOG.warning("%s: throttled, pausing for %.1f seconds", self._registry, seconds)
        self._until = max(self._until, now + seconds)

    def went_well(self) -> None:
        """Note a response that was no refusal: after as many, concurrency rises by one."""
        if self._allowed < self._most:
            self._allowed = min(self._most, self._allowed + 1 / self._allowed)

    async def _hold_back(self) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        while (left := self._until - loop.time()) > 0:  # noqa: ASYNC110 - it may be prolonged
            await asyncio.sleep(left)
        if self._limiter is not None:
            await self._limiter.acquire()
        self._tally.throttled_seconds += loop.time() - began

    async def _wait_turn(self) -> None:
        turn = asyncio.get_running_loop().create_future()
        self._queue.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():
                self._call_next()  # its turn came; somebody else must have it
            raise

    def _leave(self) -> None:
        self._busy -= 1
        self._call_next()

    def _call_next(self) -> None:
        free = int(self._allowed) - self._busy
        while free > 0 and self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                free -= 1


class PullBudget:
    """Pull limit of a registry that states one.

    Docker Hub does, in every response about a manifest; HEAD is not counted (Docker Hub pull usage
    and limits, read).
    """

    def __init__(self) -> None:
        """Nothing was stated yet."""
        self._limit = self._left = self._window = self._reading = 0
        self._until = 0.0

    @property
    def stated(self) -> bool:
        """Does the registry state a pull limit?"""
        return self._window > 0

    def note(self, headers: Mapping[str, str], now: float) -> None:
        """Note the limit in the headers of a response about a manifest; `now` is in seconds."""
        limit = _STATED.fullmatch(headers.get("ratelimit-limit", ""))
        left = _STATED.fullmatch(headers.get("ratelimit-remaining", ""))
        if limit and left:
            self._limit, self._window = int(limit[1]), int(limit[2])
            self._left, self._until = int(left[1]), now + self._window

    @contextmanager
    def reading(self, subject: str, now: float) -> Iterator[None]:
        """Read a manifest; raise `Unseen` where less than a tenth of the limit remains."""
        if now < self._until and (self._left - self._reading) * _KEPT < self._limit:
            hours = f"{self._window / 3600:.3g} hours"
            words = f"less than a tenth of its limit of {self._limit} pulls in {hours} remains"
            again = f"new manifests are read when more does, without other pulls within {hours}"
            raise Unseen(subject, Reason.RATE_LIMITED, f"{words}; {again}")
        self._reading += 1
        try:
            yield
        finally:
            self._reading -= 1


class Breaker:
    """Circuit breaker: opens after failures in a row without a response; `now` is in seconds."""

    def __init__(self, registry: str, limits: RequestLimits) -> None:
        self._registry = registry
        self._most = limits.failures
        self._probe_after = limits.probe_after
        self._count = 0
        self._signs = 0
        self._last: Unseen | None = None
        self._next_probe = 0.0

    def admit(self, subject: str, now: float) -> None:
        """Let a request pass, or raise the last failure for it; some pass as probes."""
        if self._last is None:
            return
        if now >= self._next_probe:
            self._next_probe = now + self._probe_after
            return
        raise Unseen(subject, self._last.reason, self._last.detail)

    def failed(self, failure: Unseen, signs: int, now: float) -> None:
        """Note a failed request; `signs` counts the responses of a working server so far."""
        alive, self._signs = signs != self._signs, signs
        if failure.reason not in _DEADLY:
            if alive:
                self.answered()
            return
        self._count = 0 if alive else self._count + 1
        if self._count >= self._most:
            if self._last is None:
                _LOG.warning("%s: unreachable (%s)", self._registry, failure.reason)
            self._last = failure
            self._next_probe = now + self._probe_after

    def answered(self) -> None:
        """Note a response: all requests may pass again."""
        if self._last is not None:
            _LOG.info("%s: reachable again", self._registry)
        self._count, self._last = 0, None
