"""The schedule of audits: one job per registry; an audit that runs over skips the next ones."""

import asyncio
import logging
import random
from collections.abc import Iterable
from typing import Final

from exporter.serve.audit_job import AuditJob, Watched

_log: Final = logging.getLogger("pullproof.schedule")

_SPREAD: Final = 0.05
"""Share of an interval by which audits are shifted, so that replicas do not ask in step."""


class Schedule:
    """Audits every registry at once, and then at each one's interval.

    It goes by the event loop's clock, which nobody sets.
    """

    def __init__(self, job: AuditJob, watched: Iterable[Watched]) -> None:
        """Nothing runs before `start`."""
        self._job, self._watched = job, tuple(watched)
        self._timers: list[asyncio.Task[None]] = []
        self._running: set[asyncio.Task[None]] = set()
        self._awaited = {each.name for each in self._watched}
        self._once = asyncio.Event()
        """Each registry was audited once."""
        self._stopping = False

    def start(self) -> None:
        """Begin; must be called within the event loop that audits."""
        self._timers = [asyncio.create_task(self._repeat(each)) for each in self._watched]

    async def finished(self, urgent: asyncio.Event, patience: float) -> None:
        """Wait until each registry was audited once, and what runs then has ended.

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
        if running := tuple(self._running):
            await asyncio.wait(running)

    async def stop(self, patience: float) -> None:
        """Start nothing more, give what runs `patience` seconds, then cancel it.

        The report before an audit that is cancelled stays in place.
        """
        self._stopping = True
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=patience)
            for task in late:
                _log.info("audit cancelled", extra={"registry": task.get_name()})
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)
        for timer in self._timers:
            timer.cancel()
        await asyncio.gather(*self._timers, return_exceptions=True)

    async def _repeat(self, watched: Watched) -> None:
        loop, interval = asyncio.get_running_loop(), watched.interval
        due = loop.time()
        while not self._stopping:
            await self._audit(watched)
            now = loop.time()
            due += interval * (1 + max(0.0, now - due) // interval)  # those that it ran over
            shift = random.uniform(-_SPREAD, _SPREAD) * interval  # noqa: S311 - no secret
            await asyncio.sleep(max(0.0, due + shift - now))

    async def _audit(self, watched: Watched) -> None:
        task = asyncio.create_task(self._job.run(watched), name=watched.name)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task})
        self._awaited.discard(watched.name)
        if not self._awaited:
            self._once.set()
        if not task.cancelled() and (error := task.exception()):
            _log.error("audit failed", exc_info=error, extra={"registry": watched.name})
