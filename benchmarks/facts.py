"""Does DuckDB say of facts what the graph in memory says, how quickly, and in how much memory?

    python benchmarks/facts.py [--scale 1.0] [--memory-limit 2GB]

At scale 1: a million manifests and twenty million blobs, which never were. The graph is in memory
already when it is asked, and its time is that of the answer alone; DuckDB begins with the files.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import resource
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.collector import synthetic
from exporter.facts.digests import Digests
from exporter.facts.exports import Capacity
from exporter.facts.holdings import Holdings
from exporter.facts.shard import WHOLE
from exporter.facts.snapshot import Snapshot
from exporter.judge.export_coverage import newest
from exporter.publish.exports.export import AuditData, StorageData, export
from exporter.publish.exports.release import decode, names_release
from exporter.sources.export_folder import ExportFolder
from exporter.sources.exports.duck import duck
from exporter.sources.exports.queries import answer

_BEFORE = 1
_AUDIT = "20260422T100000000000Z-00000000"

Answer = dict[str, int | str]
Cost = tuple[float, float]
"""Seconds on the clock, and of processors."""


def clock() -> Cost:
    return time.perf_counter(), time.process_time()


def since(began: Cost) -> Cost:
    now = clock()
    return now[0] - began[0], now[1] - began[1]


def bucket(folder: Path) -> ExportFolder:
    return ExportFolder.at(str(folder / "facts"), {})


def graph(folder: Path, scale: float) -> tuple[Cost, Answer]:
    """Write the facts of a storage, and say what they mean by the graph in memory."""
    inventory = synthetic(scale)
    chance = np.random.default_rng(11)
    # As of sha256, unlike what the generator makes: no two digests begin alike, nothing compresses.
    packed = inventory.digests.packed.view(np.uint8).reshape(-1, 32)
    keys = np.sort(chance.integers(0, 2**64, len(packed), np.uint64))
    packed.view(">u8")[:, 0] = keys
    inventory = replace(inventory, digests=Digests(packed.view("S32")[:, 0], ()))
    storage = StorageData(inventory, _BEFORE, _BEFORE)
    began = time.perf_counter()
    export(AuditData(Snapshot("bench", 0.0), WHOLE, _AUDIT, False, storage), bucket(folder), 1)
    size = sum(bucket(folder).sizes().values())
    print(f"written      {time.perf_counter() - began:7.1f} s  {size / 1e6:,.0f} MB of Parquet")
    began = clock()
    holdings = Holdings(inventory)
    reclaimable = holdings.reclaimable(_BEFORE, _BEFORE)
    exclusive = {each.repository: each.exclusive for each in holdings.shares()}
    said: Answer = {
        "stored": holdings.stored_bytes,
        "referenced": holdings.referenced_bytes,
        "orphaned": reclaimable.orphaned,
        "untagged": reclaimable.untagged,
        "orphaned blobs": len(holdings.orphaned_blobs(_BEFORE)),
        "orphaned manifests": len(holdings.orphaned_manifests(_BEFORE)),
        "exclusive": _digest(exclusive),
    }
    return since(began), said


def engine(folder: Path, memory_limit: str) -> tuple[Cost, Answer]:
    """Say what the facts mean by DuckDB."""
    began = clock()
    there = bucket(folder)
    paths = [path for path in there.sizes() if names_release(path)]
    (shards,) = newest(decode(there.get(path)) for path in paths).values()
    with duck(memory_limit, folder / "spilled") as opened:
        told = answer(opened, [shards[0]], lambda path: str(folder / "facts" / path))
    cost = since(began)
    assert isinstance(told, Capacity)
    assert told.stored
    stored = told.stored
    return cost, {
        "stored": stored.stored_bytes,
        "referenced": stored.referenced_bytes,
        "orphaned": stored.orphaned_bytes,
        "untagged": stored.untagged_bytes,
        "orphaned blobs": stored.orphaned_blobs,
        "orphaned manifests": stored.orphaned_manifests,
        "exclusive": _digest(dict(stored.exclusive)),
    }


def _digest(exclusive: dict[str, int]) -> str:
    found = {name: size for name, size in exclusive.items() if size}
    return hashlib.sha256(json.dumps(found, sort_keys=True).encode()).hexdigest()[:12]


def one(words: argparse.Namespace) -> None:
    """Run one half in a process of its own, so that its memory is its own."""
    half = graph if words.half == "graph" else engine
    cost, said = half(words.folder, words.scale if half is graph else words.memory_limit)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    print(f"{words.half:12} {cost[0]:7.1f} s  {cost[1]:.1f} s of processors, {peak:.2f} GB at most")
    (words.folder / words.half).write_text(json.dumps([cost, said]))


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--scale", type=float, default=1.0)
    asked.add_argument("--memory-limit", default="2GB")
    asked.add_argument("--half", help=argparse.SUPPRESS)
    asked.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    words = asked.parse_args()
    if words.half:
        one(words)
        return 0
    count = 20_000 * words.scale
    print(f"{count * 50 / 1e6:g} million manifests, {count * 1000 / 1e6:g} million blobs")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for half in ("graph", "duckdb"):
            command = [sys.executable, __file__, *sys.argv[1:], "--half", half]
            subprocess.run([*command, "--folder", name], check=True)
        (known, first), (taken, second) = (
            json.loads((folder / half).read_text()) for half in ("graph", "duckdb")
        )
    clocked, worked = (theirs / ours for theirs, ours in zip(taken, known, strict=True))
    print(f"DuckDB takes {clocked:.1f} times as long, {worked:.1f} times the work (wanted: 3)")
    print("same answer" if first == second else f"DIFFERS: {first} {second}")
    return 0 if first == second else 1


if __name__ == "__main__":
    sys.exit(main())
