"""Who is the bottleneck, the auditor or the registry? Requests a second and CPU, beside `ab -k`.

Run: .venv/bin/python benchmarks/requests.py [requests] [rounds]
"""

from __future__ import annotations

import asyncio
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.parts.access import cpu_seconds
from exporter.oci.digest import Digest
from exporter.oci.links import ACCEPT, Descriptor
from exporter.oci.reference import Repository, Tag
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.limits import RequestLimits
from tests.parts.needs import program
from tests.parts.registry import Registry, registry
from tests.worlds import image

CONCURRENCY = 32
REPOSITORY = Repository("team/app")


class Run(NamedTuple):
    """One round of one client."""

    rate: float
    """Requests a second."""
    client: float
    """CPU seconds of the client per 1,000 requests."""
    server: float
    """CPU seconds of the registry per 1,000 requests."""


@dataclass(frozen=True)
class Course:
    """One kind of request, for both clients."""

    name: str
    ask: Callable[[Distribution], Awaitable[object]]
    ab: tuple[str, ...]
    """What makes `ab` ask the same; the path comes last."""


async def ours(course: Course, url: str, count: int) -> None:
    limits = RequestLimits(concurrency=CONCURRENCY)
    async with Distribution.open("bench", url, limits=limits, environ={}) as opened:
        turns = iter(range(count))

        async def work() -> None:
            for _ in turns:
                answer = await course.ask(opened)
                assert isinstance(answer, str | bytes), answer

        async with asyncio.TaskGroup() as workers:
            for _ in range(CONCURRENCY):
                workers.create_task(work())


def measured(up: Registry, count: int, act: Callable[[], None]) -> Run:
    pid = up.server.process.pid
    server, began = cpu_seconds(pid), time.perf_counter()
    times = os.times()
    act()
    seconds, after = time.perf_counter() - began, os.times()
    client = sum(after[:4]) - sum(times[:4])  # own and children's, user and system
    return Run(count / seconds, client / count * 1000, (cpu_seconds(pid) - server) / count * 1000)


def ab(course: Course, url: str, count: int) -> None:
    *options, path = course.ab
    command = [program("ab"), "-q", "-k", "-c", str(CONCURRENCY), "-n", str(count), *options]
    done = subprocess.run([*command, url + path], check=True, capture_output=True, text=True)
    failed = re.search(r"Non-2xx responses:\s+(\d+)", done.stdout)
    assert failed is None, done.stdout


def compare(course: Course, up: Registry, count: int, rounds: int) -> None:
    mine, theirs = [], []
    for _ in range(rounds):  # interleaved: both feel the same weather
        mine.append(measured(up, count, lambda: asyncio.run(ours(course, up.url, count))))
        theirs.append(measured(up, count, lambda: ab(course, up.url, count)))
    for name, runs in (("pullproof", mine), ("ab -k", theirs)):
        rate, client, server = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{course.name:12} {name:10} {rate:7.0f} {client:10.3f} {server:10.3f}")
    rates = statistics.median(m.rate / t.rate for m, t in zip(mine, theirs, strict=True))
    share = statistics.median(run.client / run.server for run in mine)
    print(f"{course.name:12} rate {rates:.2f} of ab's (wanted: at least 0.70), ", end="")
    print(f"CPU {share:.2f} of the registry's (wanted: at most 0.50)")


def main(count: int = 10_000, rounds: int = 5) -> None:
    made = image("bench")
    layer = made.layers[0]
    blob = Descriptor(layer.media_type, Digest.of(layer.body), len(layer.body))
    last = len(layer.body) - 1
    base = f"/v2/{REPOSITORY}"
    heads = Course(
        "HEAD tag",
        lambda opened: opened.head(REPOSITORY, Tag("v1")),
        ("-i", "-H", f"Accept: {', '.join(ACCEPT)}", f"{base}/manifests/v1"),
    )
    bytes_ = Course(
        "last byte",
        lambda opened: opened.read(REPOSITORY, blob),
        ("-H", f"Range: bytes={last}-{last}", f"{base}/blobs/{blob.digest}"),
    )
    with tempfile.TemporaryDirectory() as folder, registry(Path(folder)) as up:
        with up.client(REPOSITORY) as client:
            client.push(made, "v1")
        print(f"{count} requests, {CONCURRENCY} at once, medians of {rounds} rounds")
        print(f"{'':12} {'':10} {'req/s':>7} {'CPU s/1k':>10} {'registry':>10}")
        for course in (heads, bytes_):
            compare(course, up, count, rounds)


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
