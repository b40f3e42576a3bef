"""What does an audit with the registry's storage take at 200,000 tags, and at a million?

Registry and storage are known from a first audit that is made without requests, so that a million
tags take minutes. The storage is listed, numbered and compared at each audit, and the registry is
asked about a ninety-sixth of it, as a quarter of an hour later. Each size has a process of its own.

    python benchmarks/million.py --tags 1000000 --blobs 20 --shard 0/4
"""

from __future__ import annotations

import argparse
import asyncio
import subprocess
import sys
import time
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

from benchmarks.parts.auditor import Round
from benchmarks.parts.content import MANIFESTS, TAGS
from benchmarks.parts.memory import forget_peak, peak
from benchmarks.parts.stored import BEGAN, Known, KnownStorage, first_audit
from benchmarks.parts.synthetic import Synthetic
from exporter.facts.shard import WHOLE, Shard
from exporter.facts.snapshot import Snapshot
from exporter.heap import return_freed
from exporter.judge.judgement import judge
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AuditLimits, Target
from exporter.store.ledger import Ledger

_UNLIMITED: Final = 10**9
_COLUMNS: Final = "{:10}{:>9}{:>9}{:>9}  {}"


def main(tags: list[int], blobs: int, shard: Shard, audits: int) -> None:
    """Measure each size in a process of its own."""
    for each in tags:
        repositories = each // TAGS
        counts = (each, repositories * MANIFESTS, each * blobs)
        print("\n{:,} tags, {:,} manifests, {:,} blobs".format(*counts), end="")
        print("" if shard == WHOLE else f", shard {shard}")
        print(_COLUMNS.format("", "seconds", "CPU", "peak MB", ""), flush=True)
        command = [sys.executable, "-m", "benchmarks.million", "--alone", "--tags", str(each)]
        command += ["--blobs", str(blobs), "--shard", str(shard)]
        command += ["--audits", str(audits)]
        subprocess.run(command, check=True)


async def alone(tags: int, blobs: int, shard: Shard, audits: int) -> None:
    """Measure audits in this process, each with all that follows of it."""
    registry = Known(tags // TAGS, shard=shard)
    with TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger", lambda: BEGAN) as memory:
        limits = AuditLimits(width=32, deadline=_UNLIMITED, entries=_UNLIMITED, tags=_UNLIMITED)
        scope = AuditScope(select=("*",), shard=shard)
        target = Target(registry, memory, frozenset(), scope=scope, limits=limits)
        steps = Round(target, memory, KnownStorage(registry), clock=lambda: BEGAN)

        first: list[Snapshot] = []

        async def seen() -> str:
            first.append(first_audit(Synthetic(tags // TAGS), blobs * TAGS, shard))
            registry.know(first[0])
            return f"{len(first[0].sightings):,} objects"

        async def judged() -> str:
            steps.shown = judge(first.pop(), {})
            return_freed()
            return f"{len(steps.shown.tags):,} tags"

        again = (steps.stored, steps.keep, steps.render)
        for act in (seen, judged, *again * audits):
            forget_peak()
            asked, began, cpu = registry.requests, time.perf_counter(), time.process_time()
            result = await act()
            took = time.perf_counter() - began, time.process_time() - cpu
            numbers = (*(f"{part:.2f}" for part in took), f"{peak() / 1e6:.0f}")
            if requests := registry.requests - asked:
                result += f"; {requests:,} requests"
            print(_COLUMNS.format(act.__name__, *numbers, result), flush=True)


def _shard(text: str) -> Shard:
    index, _, count = text.partition("/")
    return Shard(int(index), int(count))


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tags", type=int, nargs="*", default=[200_000])
    arguments.add_argument("--blobs", type=int, default=10, help="of each tag")
    arguments.add_argument("--shard", type=_shard, default=WHOLE)
    arguments.add_argument("--audits", type=int, default=2)
    arguments.add_argument("--alone", action="store_true", help=argparse.SUPPRESS)
    told = arguments.parse_args()
    if told.alone:
        asyncio.run(alone(told.tags[0], told.blobs, told.shard, told.audits))
    else:
        main(told.tags, told.blobs, told.shard, told.audits)
