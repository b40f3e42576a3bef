"""The schedule of audits: one job per registry; an audit that runs over skips the next ones.

An audit that is asked for begins at once, or when the registry was left alone for long enough.
"""

import asyncio
import logging
from collections.abc import Iterable
from contextlib import suppress
from datetime import UTC, datetime, timedelta
from typing import Final

from apscheduler.schedulers.asyncio import AsyncIOScheduler
from apscheduler.triggers.interval import IntervalTrigger

from exporter.facts.focus import Focus
from exporter.publish.web.audit_request import ScheduledAudit
from exporter.serve.audit_job import AuditJob, Watched

_log: Final = logging.getLogger("pullproof.schedule")

_SPREAD: Final = 0.05
"""Audits are shifted by this share of their interval, so that replicas do not ask in step."""
_LOOK: Final = 10.0
"""Seconds between two checks of the system clock."""
_SET: Final = 1.0
"""Smallest change in seconds that counts: NTP makes smaller ones all the time."""
_REST: Final = 10.0
"""Minimum seconds between the end of an audit and the start of a requested one."""

_PAUSE: Final = 1.0
"""The same after an audit of a part."""


class Schedule:
    """Audits every registry at once, and then at each one's interval.

    APScheduler waits for a time of day. Where that is set, what is due is set with it: else no
    audit would run for as long as it was set back, with ages that look young meanwhile.
    """

    def __init__(self, job: AuditJob, watched: Iterable[Watched]) -> None:
        """Set the jobs; nothing runs before `start`."""
        self._job = job
        self._running: dict[str, asyncio.Task[None]] = {}
        self._requested: dict[str, asyncio.Task[None]] = {}
        self._focus: dict[str, Focus | None] = {}
        """The focus of a requested audit; None is the whole registry."""
        self._rested: dict[tuple[str, bool], float] = {}
        """When a requested audit may begin, of the whole or not, by the loop's clock."""
        self._partial: set[str] = set()
        """The registries that are audited in part now."""
        self._watched = {each.name: each for each in watched}
        self._awaited = set(self._watched)
        self._once = asyncio.Event()
        """Each registry was audited once."""
        self._following: asyncio.Task[None] | None = None
        # Late is better than never: by default APScheduler drops a run that is a second late.
        # The second instance is told from the first here, and ends at once.
        defaults = {"misfire_grace_time": None, "coalesce": True, "max_instances": 2}
        self._scheduler = AsyncIOScheduler(job_defaults=defaults, timezone=UTC)
        for each in self._watched.values():
            spread = int(each.interval * _SPREAD) or None
            trigger = IntervalTrigger(seconds=each.interval, jitter=spread, timezone=UTC)
            first = datetime.now(UTC)
            self._scheduler.add_job(
                self._audit, trigger, (each,), id=each.name, next_run_time=first
            )

    def start(self) -> None:
        """Begin; must be called within the event loop that audits."""
        self._scheduler.start()
        self._following = asyncio.create_task(self._follow())

    def request(self, registry: str, focus: Focus | None = None) -> ScheduledAudit:
        """Audit a registry, or a focus in it, as soon as possible.

        Requests that wait are united. The registry rests for as long as the last audit of that
        extent took: a flood of requests keeps it busy for half of the time at most.
        """
        running, repeated = registry in self._running, registry in self._requested
        waiting = self._focus.get(registry, focus)
        self._focus[registry] = None if waiting is None or focus is None else waiting | focus
        if not repeated:
            self._requested[registry] = asyncio.create_task(self._as_requested(registry))
        return ScheduledAudit(registry, self._rest(registry), running, repeated)

    async def audited(self, registry: str, focus: Focus | None) -> None:
        """Request an audit likewise, and return when it has ended."""
        self.request(registry, focus)
        await asyncio.wait({self._requested[registry]})

    def is_running(self, registry: str) -> bool:
        """Is a registry being audited, or a part of it?"""
        return registry in self._running

    def _rest(self, registry: str) -> float:
        """Return the seconds until a requested audit may begin."""
        until = self._rested.get((registry, self._focus.get(registry) is None), 0.0)
        return max(0.0, until - asyncio.get_running_loop().time())

    async def _as_requested(self, registry: str) -> None:
        while (running := self._running.get(registry)) or self._rest(registry):
            if running:
                await asyncio.wait({running})
            await asyncio.sleep(self._rest(registry))
        self._requested.pop(registry, None)
        watched, focus = self._watched[registry], self._focus.pop(registry)
        await (self._audit(watched) if focus is None else self._audit(watched, focus))

    async def finished(self, urgent: asyncio.Event, patience: float) -> None:
        """Wait until each registry was audited once, and running audits have ended.

        Wait no longer than `patience` seconds, nor once it is urgent. Each audit has a deadline.
        """
        ended = asyncio.ensure_future(self._settled())
        hurry = asyncio.ensure_future(urgent.wait())
        try:
            await asyncio.wait(
                {ended, hurry}, timeout=patience, return_when=asyncio.FIRST_COMPLETED
            )
        finally:
            for each in (ended, hurry):
                each.cancel()
            await asyncio.gather(ended, hurry, return_exceptions=True)

    async def _settled(self) -> None:
        if self._awaited:
            await self._once.wait()
        if running := tuple(self._running.values()):
            await asyncio.wait(running)

    async def stop(self, patience: float) -> None:
        """Start nothing more, give running audits `patience` seconds, then cancel them.

        The report before an audit that is cancelled stays in place.
        """
        self._scheduler.pause()
        if self._following:
            self._following.cancel()
            with suppress(asyncio.CancelledError):
                await self._following
        for waiting in self._requested.values():
            waiting.cancel()
        await asyncio.gather(*self._requested.values(), return_exceptions=True)
        if self._running:
            _, late = await asyncio.wait(self._running.values(), timeout=patience)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        self._scheduler.shutdown(wait=False)

    async def _follow(self) -> None:
        ahead = _ahead()
        while True:
            await asyncio.sleep(_LOOK)
            moved = _ahead() - ahead
            if abs(moved) >= _SET:
                _log.warning("system clock changed", extra={"seconds": round(moved)})
                ahead += moved
                for job in self._scheduler.get_jobs():
                    job.modify(next_run_time=job.next_run_time + timedelta(seconds=moved))

    async def _audit(self, watched: Watched, focus: Focus | None = None) -> None:
        while watched.name in self._partial:
            await asyncio.wait({self._running[watched.name]})
        if watched.name in self._running:
            told = {"registry": watched.name, "interval": watched.interval}
            _log.warning("audit skipped: the one before it is still running", extra=told)
            return
        loop = asyncio.get_running_loop()
        began = loop.time()
        work = self._job.run(watched) if focus is None else self._job.refresh(watched, focus)
        task = asyncio.create_task(work, name=watched.name)
        self._running[watched.name] = task
        if focus is not None:
            self._partial.add(watched.name)
        await asyncio.wait({task})
        del self._running[watched.name]
        self._partial.discard(watched.name)
        took = loop.time() - began
        if focus is None:
            rest = max(_REST, took)
        else:  # its pause before a second look loads nobody
            rest = max(_PAUSE, took - watched.target.limits.confirm_after)
        self._rested[watched.name, focus is None] = loop.time() + rest
        self._awaited.discard(watched.name)
        if not self._awaited:
            self._once.set()
        if task.cancelled():  # by `stop`; APScheduler would log it as an error
            _log.info("audit cancelled", extra={"registry": watched.name})
        else:
            task.result()


def _ahead() -> float:
    """Return the seconds by which the system clock is ahead of the monotonic clock."""
    return datetime.now(UTC).timestamp() - asyncio.get_running_loop().time()
