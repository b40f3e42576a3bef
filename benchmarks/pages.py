"""What does a page over 20,000 tags take, and does anything else wait for it?

Prints one run on this machine, by one connection: the first page after an audit, which sorts all
tags once, then pages that find that done. `stall` is the longest that the event loop, and so a
scrape, was kept from going on.
"""

from __future__ import annotations

import asyncio
import http.client
import resource
import statistics
import time
from typing import Final

from benchmarks.parts.many import many, shell
from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from exporter.publish.web.access_control import AccessControl
from exporter.publish.web.app import application
from exporter.publish.web.server import listening
from tests.publish.reports import TAKEN_AT

_TAGS: Final = 20_000
_REPOSITORIES: Final = 200
_TIMES: Final = 20
_LOOPBACK: Final = "127.0.0.1"
_COLUMNS: Final = "{:34}{:>8}{:>10}{:>10}{:>10}"
_PAGES: Final = (
    ("status page, the first", "/", 1),
    ("status page", "/", _TIMES),
    ("its last page", "/?page=200", _TIMES),
    ("narrowed to what is broken", "/?state=gone&repository=app-7", _TIMES),
    ("page of one tag", "/tag/registry.example/team-0/app-0:v1.0", _TIMES),
    ("JSON, narrowed", "/report.json?state=gone", _TIMES),
    ("JSON, whole, the first", "/report.json", 1),
    ("JSON, whole", "/report.json", _TIMES),
)


async def main() -> None:
    """Print a line for every kind of page."""
    shown, access = many(_TAGS, _REPOSITORIES), AccessControl({})
    app = application(shell(shown, render(shown, Limits()), TAKEN_AT + 60), access)
    print(f"{_TAGS:,} tags, one in ten broken; milliseconds")
    print(_COLUMNS.format("", "kB", "median", "worst", "stall"))
    before = _peak()
    async with listening(app, access, [(_LOOPBACK, 0)], None) as web_server:
        connection = http.client.HTTPConnection(_LOOPBACK, web_server.addresses[0][1])
        for name, path, times in _PAGES:
            await _measure(name, connection, path, times)
        connection.close()
    print(f"memory at its peak: {_peak() - before:+.0f} MB over the {before:.0f} MB of the report")


async def _measure(
    name: str, connection: http.client.HTTPConnection, path: str, times: int
) -> None:
    took: list[float] = []
    size = 0
    watch = asyncio.create_task(_stall())
    for _ in range(times):
        began = time.perf_counter()
        size = await asyncio.to_thread(_get, connection, path)
        took.append(1000 * (time.perf_counter() - began))
    watch.cancel()
    (stall,) = await asyncio.gather(watch)
    numbers = (f"{each:.1f}" for each in (size / 1e3, statistics.median(took), max(took), stall))
    print(_COLUMNS.format(name, *numbers))


def _get(connection: http.client.HTTPConnection, path: str) -> int:
    connection.request("GET", path, headers={"Accept-Encoding": "gzip"})
    answer = connection.getresponse()
    body = answer.read()
    assert answer.status == 200, body
    return len(body)


async def _stall() -> float:
    """Return the longest time in milliseconds by which a short sleep was late."""
    longest = 0.0
    try:
        while True:
            began = time.perf_counter()
            await asyncio.sleep(0.001)
            longest = max(longest, time.perf_counter() - began - 0.001)
    except asyncio.CancelledError:
        return 1000 * longest


def _peak() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e3


if __name__ == "__main__":
    asyncio.run(main())
