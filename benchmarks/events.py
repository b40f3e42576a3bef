"""How soon after a push or a deletion does /metrics say so, and what does a flood of events cost?

    python benchmarks/events.py [--rounds 9] [--events 10000]

Real registries, 2.8 and 3.1, send their notifications to `serve`, whose interval is 15 minutes.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import statistics
import sys
import tempfile
import time
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

import httpx

from exporter.oci.digest import Digest
from tests.parts.ports import held
from tests.parts.process import until
from tests.parts.product import exporter
from tests.parts.registry import Registry, Settings, registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from tests.parts.product import Exporter

TOKEN: Final = "token of the benchmark"
HEADERS: Final = {
    "Authorization": f"Bearer {TOKEN}",
    "Content-Type": "application/vnd.docker.distribution.events.v2+json",
}
AT_ONCE: Final = 8


@contextmanager
def site(folder: Path, version: int) -> Iterator[tuple[Registry, Exporter]]:
    """Run a registry that sends its events, and an exporter that takes them."""
    folder.mkdir()
    token = folder / "token"
    token.write_text(TOKEN)
    with held() as address:
        told = Settings(version, notify=(f"http://{address}/-/events/main", TOKEN))
        with registry(folder / "registry", told) as server:
            server.push("shop/app", two_platforms("first"), "v0")
            entry = {"name": "main", "url": server.url, "plain_http": True}
            entry |= {"tags": {"select": ["*"]}, "events": {"token_file": str(token)}}
            more = {"listen": [address], "interval": "15m", "confirm_after": "5s"}
            with exporter(folder / "exporter", {**more, "registries": [entry]}) as running:
                running.ready()
                yield server, running


def seconds(running: Exporter, state: str, least: int) -> float:
    """Wait until so many tags are in a state; return how long that took."""
    began = time.monotonic()
    until(lambda: running.value("pullproof_tags", state=state) >= least, f"{state} is {least}")
    return time.monotonic() - began


def delays(folder: Path, version: int, rounds: int) -> None:
    """Push and delete by turns, each as soon as the one before is known."""
    pushed, deleted = [], []
    with site(folder, version) as (server, running):
        for number in range(1, rounds + 1):
            made = two_platforms(f"image {number}")
            server.push("shop/app", made, f"v{number}")
            pushed.append(seconds(running, "present", 2))
            with server.client("shop/app") as client:
                client.delete(made.children[0].digest)
            deleted.append(seconds(running, "broken", number))
    for what, took in (("push", pushed), ("deletion", deleted)):
        worst = max(took)
        print(f"{version}.x {what:10} median {statistics.median(took):5.2f} s, worst {worst:.2f} s")


def flood(folder: Path, events: int) -> None:
    """Send many events at once, and as many health checks for comparison."""
    with site(folder, 2) as (_, running):
        before = running.value("process_cpu_seconds_total")
        answered, took = asyncio.run(
            burst(events, lambda http, number: post(http, running, number))
        )
        spent = running.value("process_cpu_seconds_total") - before
        known = {
            each: running.value("pullproof_events_received_total", outcome=each)
            for each in ("requested", "coalesced")
        }
        ping = f"{running.url}/-/healthy"
        idle, _ = asyncio.run(burst(events // 10, lambda http, _: http.get(ping)))
        memory = running.value("process_resident_memory_bytes") / 1e6
    print(f"{events:,} events in {took:.1f} s, {spent:.1f} CPU-s of the exporter, {memory:.0f} MB")
    print(f"answered in {answered:.1f} ms (median); a health check in {idle:.1f} ms")
    print(", ".join(f"{each} {number:,.0f}" for each, number in known.items()))


async def post(http: httpx.AsyncClient, running: Exporter, number: int) -> httpx.Response:
    """Send one event, as distribution does."""
    digest = Digest.of(str(number).encode())
    target = {"repository": f"shop/app{number % 50}", "tag": f"v{number}", "digest": digest}
    body = {"events": [{"id": str(number), "action": "push", "target": target}]}
    return await http.post(f"{running.url}/-/events/main", content=json.dumps(body))


async def burst(
    total: int, send: Callable[[httpx.AsyncClient, int], Awaitable[httpx.Response]]
) -> tuple[float, float]:
    """Send many requests, some at once; return the median in milliseconds, and all seconds."""
    waiting, took = iter(range(total)), list[float]()

    async def work(http: httpx.AsyncClient) -> None:
        for number in waiting:
            began = time.monotonic()
            (await send(http, number)).raise_for_status()
            took.append(time.monotonic() - began)

    began = time.monotonic()
    async with httpx.AsyncClient(headers=HEADERS, trust_env=False, timeout=60) as http:
        await asyncio.gather(*(work(http) for _ in range(AT_ONCE)))
    return 1000 * statistics.median(took), time.monotonic() - began


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--rounds", type=int, default=9)
    options.add_argument("--events", type=int, default=10_000)
    args = options.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        for version in (2, 3):
            delays(Path(folder, str(version)), version, args.rounds)
        flood(Path(folder, "flood"), args.events)


if __name__ == "__main__":
    main()
