"""The product in a process of its own, so that what it takes can be told from what tests take.

    python -m benchmarks.parts.auditor URL LEDGER [STORAGE]

does one step for each word on its standard input (`audit`, `judge`, `keep`, `render`: a round of
`serve` in its parts) and answers each with one line of JSON. Like `serve` it holds the truth that
is shown until the next one is rendered. `stored` is an audit a quarter of an hour later, which may
read the registry's storage as well.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

import msgspec

from benchmarks.parts.memory import forget_peak, peak
from exporter.audit import audit
from exporter.heap import return_freed
from exporter.judge.judgement import judge
from exporter.judge.report import Report
from exporter.ports import Listing, Storage
from exporter.publish.metrics import family as limits
from exporter.publish.metrics.exposition import Exposition
from exporter.publish.metrics.rendering import render
from exporter.publish.status import AppState, RegistryStatus, Reload
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AuditLimits, Target
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.limits import RequestLimits
from exporter.store import snapshot_file
from exporter.store.ledger import Ledger
from exporter.wiring.registry_storage import RegistryStorage

_INTERVAL: Final = 900.0
_WIDTH: Final = 32
"""Requests under way at once."""

_now: Final = time.time  # noqa: TID251 - this is a program, and may ask the clock


class Step(msgspec.Struct, frozen=True):
    """What one step took."""

    seconds: float
    cpu: float
    """Seconds of processor time, of all threads."""
    peak: int
    """Most bytes resident at any moment of the step."""
    result: str
    """What came of it, for a person."""


@dataclass(slots=True)
class Round:
    """The steps, and what each leaves for the next."""

    target: Target
    ledger: Ledger
    storage: Storage | None = None
    ahead: float = 0.0
    """Seconds by which the clock was put forward."""
    clock: Callable[[], float] = _now
    shown: Report | None = None
    fresh: Report | None = None
    exposition: Exposition | None = None

    async def audit(self) -> str:
        """Audit; the truth that is shown stands until the next one is rendered."""
        return await self._audit(self.target)

    async def stored(self) -> str:
        """Audit with the storage, a quarter of an hour later."""
        self.ahead += _INTERVAL
        return await self._audit(replace(self.target, storage=self.storage))

    async def _audit(self, target: Target) -> str:
        self.fresh = await audit(target, Listing(()), self.shown, self.clock() + self.ahead)
        verdicts = Counter(each.state.value for each in self.fresh.verdicts)
        seen = len(self.fresh.snapshot.sightings)
        states = ", ".join(f"{count:,} {state}" for state, count in verdicts.items())
        return f"{seen:,} objects seen; tags: {states}; {len(self.fresh.snapshot.gaps)} gaps"

    async def judge(self) -> str:
        """Judge once more what was seen."""
        again = await asyncio.to_thread(judge, self._report.snapshot, self._report.since)
        return f"{len(again.findings):,} findings"

    async def keep(self) -> str:
        """Put the truth away."""
        size = await asyncio.to_thread(self._keep)
        return f"{size / 1e6:.1f} MB put away"

    async def render(self) -> str:
        """Show it, and return what was freed, as after each audit."""
        reload = Reload("", successful=True, last_success=0.0)
        app_state = AppState((RegistryStatus.once(self._report),), (), reload)
        exposition = await asyncio.to_thread(render, app_state, limits.Limits())
        self.shown, self.exposition = self._report, exposition
        return_freed()
        text = exposition.text
        return f"{text.size / 1e6:.1f} MB, {sum(map(len, text.deflated)) / 1e6:.1f} MB packed"

    def _keep(self) -> int:
        report, size = self._report, 0

        def counted() -> Iterator[bytes]:
            nonlocal size
            for piece in snapshot_file.encode(report.snapshot):
                size += len(piece)
                yield piece

        self.ledger.keep(report.snapshot.registry, counted(), report.since)
        return size

    @property
    def _report(self) -> Report:
        assert self.fresh, "audit first"
        return self.fresh


async def main(url: str, ledger: Path, storage: str = "") -> None:
    """Do a step for every word, until there are no more."""
    asked = RequestLimits(concurrency=_WIDTH)
    with Ledger(ledger, _now) as memory:
        async with Distribution.open("benchmark", url, limits=asked) as registry:
            scope, limits = AuditScope(select=("*",)), AuditLimits(width=_WIDTH)
            target = Target(registry, memory, frozenset(), scope=scope, limits=limits)
            folder = RegistryStorage(storage, outlines=memory)
            steps = Round(target, memory, folder)
            words = (steps.audit, steps.stored, steps.judge, steps.keep, steps.render)
            acts = {each.__name__: each for each in words}
            while word := (await asyncio.to_thread(sys.stdin.readline)).strip():
                forget_peak()
                began, cpu = time.perf_counter(), time.process_time()
                result = await acts[word]()
                took = time.perf_counter() - began, time.process_time() - cpu
                answer = msgspec.json.encode(Step(*took, peak(), result))
                print(answer.decode(), flush=True)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], Path(sys.argv[2]), *sys.argv[3:]))
