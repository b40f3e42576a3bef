"""How much memory does an audit take, at 20,000 tags and at 200,000?

The registry is computed as it is asked, in the same process, so that a first audit of 200,000
tags takes minutes and not hours. Each size has a process of its own.

    python benchmarks/memory.py --tags 1000000
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
from benchmarks.parts.content import BLOBS, MANIFESTS, TAGS
from benchmarks.parts.memory import forget_peak, peak
from benchmarks.parts.synthetic import Synthetic
from exporter.resolve.scope import AuditScope
from exporter.resolve.target import AuditLimits, Target
from exporter.store.ledger import Ledger

_SIZES: Final = (20_000, 200_000)
_UNLIMITED: Final = 10**9
_now: Final = time.time  # noqa: TID251 - this is a program, and may ask the clock
_COLUMNS: Final = "{:10}{:>9}{:>9}{:>9}{:>9}  {}"


def main(sizes: tuple[int, ...], audits: int) -> None:
    """Measure each size in a process of its own."""
    for tags in sizes:
        repositories = tags // TAGS
        counts = [repositories * each for each in (TAGS, MANIFESTS, BLOBS)]
        print("\n{:,} tags, {:,} manifests, {:,} blobs".format(*counts))
        print(_COLUMNS.format("", "seconds", "CPU", "peak MB", "a tag", ""), flush=True)
        command = [sys.executable, "-m", "benchmarks.memory", "--alone", str(tags)]
        command += ["--audits", str(audits)]
        subprocess.run(command, check=True)


async def alone(tags: int, audits: int) -> None:
    """Measure audits one after the other in this process, each with all that follows of it."""
    registry = Synthetic(tags // TAGS)
    with TemporaryDirectory() as folder, Ledger(Path(folder) / "ledger", _now) as memory:
        limits = AuditLimits(width=32, deadline=_UNLIMITED, entries=_UNLIMITED, tags=_UNLIMITED)
        scope = AuditScope(select=("*",))
        steps = Round(Target(registry, memory, frozenset(), scope=scope, limits=limits), memory)
        idle = peak()
        print(_COLUMNS.format("idle", "", "", f"{idle / 1e6:.0f}", "", ""))
        for _ in range(audits):
            for act in (steps.audit, steps.keep, steps.render):
                forget_peak()
                began, cpu = time.perf_counter(), time.process_time()
                result = await act()
                took = time.perf_counter() - began, time.process_time() - cpu
                each = f"{(peak() - idle) / tags / 1e3:.2f} kB"
                numbers = (*(f"{part:.2f}" for part in took), f"{peak() / 1e6:.0f}", each)
                print(_COLUMNS.format(act.__name__, *numbers, result), flush=True)


if __name__ == "__main__":
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--tags", type=int, nargs="*", default=_SIZES)
    arguments.add_argument("--audits", type=int, default=2)
    arguments.add_argument("--alone", type=int, help=argparse.SUPPRESS)
    told = arguments.parse_args()
    if told.alone:
        asyncio.run(alone(told.alone, told.audits))
    else:
        main(tuple(told.tags), told.audits)
