"""What does the audit of one changed tag cost, and what a day on which nothing changes?

The registry is computed as it is asked, in the same process: its part is in the seconds.

    python benchmarks/change.py --tags 2000
"""

from __future__ import annotations

import argparse
import asyncio
import time
from collections.abc import Coroutine
from dataclasses import dataclass, replace
from typing import Final

from benchmarks.parts.content import TAGS
from benchmarks.parts.synthetic import Synthetic
from exporter.audit import audit, refresh
from exporter.config.registry import VerifySettings
from exporter.facts.focus import Focus
from exporter.judge.report import Report
from exporter.oci.reference import Repository, Tag
from exporter.ports import Listing
from exporter.publish.metrics import family
from exporter.publish.metrics.rendering import render
from exporter.publish.status import AppState, RegistryStatus, Reload
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AuditLimits, Target
from exporter.store.ledger import Ledger

_INTERVAL: Final = 900.0
_DAY: Final = 86_400.0
_FOCUS: Final = Focus(tags=frozenset({(Repository("team-0/app-0"), Tag("v0"))}))
_UNLIMITED: Final = 10**9
_LINE: Final = "{:32}{:>9}{:>9}{:>12}"


@dataclass(slots=True)
class Measured:
    """What steps take, over one registry."""

    registry: Synthetic
    last: Report | None = None

    async def step(self, name: str, work: Coroutine[object, object, Report | None]) -> Report:
        """Do one, print what it took, and return its report."""
        asked, began, cpu = self.registry.requests, time.perf_counter(), time.process_time()
        report = await work
        assert report, "the registry always answers"
        took = (time.perf_counter() - began, time.process_time() - cpu)
        requests = f"{self.registry.requests - asked:,}"
        print(_LINE.format(name, *(f"{each:.2f}" for each in took), requests), flush=True)
        return report


async def main(tags: int) -> None:
    """Audit all, then one tag, then a day with the default periods."""
    registry = Synthetic(tags // TAGS)
    limits = AuditLimits(width=32, deadline=_UNLIMITED, entries=_UNLIMITED, tags=_UNLIMITED)
    scope = AuditScope(select=("*",))
    print(f"{tags:,} tags\n" + _LINE.format("", "seconds", "CPU", "requests"))
    with Ledger(None, lambda: 0.0) as memory:
        always = Target(registry, memory, frozenset(), scope=scope, limits=limits)
        measured, none = Measured(registry), Listing(())
        first = await measured.step("first audit", audit(always, none, None, 0.0))
        whole = audit(always, none, first, _INTERVAL)
        report = await measured.step("audit, nothing changed", whole)
        part = refresh(always, none, report, _FOCUS, _INTERVAL)
        report = await measured.step("audit of one tag", part)
        await measured.step("its metrics", _rendered(report))
        target = replace(always, periods=VerifySettings().periods)
        asked, now = registry.requests, _INTERVAL
        while now < _INTERVAL + _DAY:
            now += _INTERVAL
            report = await audit(target, none, report, now)
        audits = _DAY / _INTERVAL
        each = (registry.requests - asked) / audits
        oldest = now - min(report.counts.oldest_proof.values())
        print(f"a day of audits every 15 minutes: {each:,.0f} requests each, on average")
        print(f"oldest proof at its end: {oldest / 3600:.1f} hours")


async def _rendered(report: Report) -> Report:
    state = AppState((RegistryStatus.once(report),), (), Reload("", True, 0.0))
    await asyncio.to_thread(render, state, family.Limits())
    return report


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tags", type=int, default=20_000)
    asyncio.run(main(arguments.parse_args().tags))
