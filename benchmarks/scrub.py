"""How fast is content read whole, what does that cost, and are rate and budget kept?

    python benchmarks/scrub.py [--mebibytes 512] [--seconds 30]

One registry of Debian's, its folder, and everything in it read over the API and from the folder.
"""

from __future__ import annotations

import argparse
import asyncio
import hashlib
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

sys.path.insert(0, str(Path(__file__).parents[1]))

from benchmarks.parts.access import cpu_seconds
from exporter.facts.use import ReferenceClass
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.resolve.scrub.reading import FullReader, Throttle
from exporter.resolve.scrub.selection import ReadPlace, ScrubItem
from exporter.resolve.target import AuditLimits
from exporter.sources.registry.distribution import Distribution
from exporter.wiring.registry_storage import RegistryStorage
from tests.parts import tree
from tests.parts.product import exporter
from tests.parts.registry import Registry, registry
from tests.worlds import Blob, Made, image

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from exporter.ports import Bytes

APP: Final = Repository("team/app")
MIB: Final = 2**20
LAYER: Final = 16 * MIB
RATE: Final = 20 * MIB


@dataclass
class Meter:
    """When did how many bytes come?"""

    came: list[tuple[float, int]] = field(default_factory=list)

    def __call__(self, size: int) -> None:
        self.came.append((time.monotonic(), size))

    @property
    def size(self) -> int:
        return sum(size for _, size in self.came)

    def most(self, seconds: float) -> int:
        """The most bytes of any stretch of so many seconds."""
        most, first, inside = 0, 0, 0
        for at, size in self.came:
            inside += size
            while self.came[first][0] < at - seconds:
                inside -= self.came[first][1]
                first += 1
            most = max(most, inside)
        return most


def subject(blob: Blob) -> ScrubItem:
    target = Descriptor(blob.media_type, blob.digest, len(blob.body))
    return ScrubItem(target, ReferenceClass.LIVE, (ReadPlace(APP, None),))


async def read(source: Bytes, subjects: list[ScrubItem], rate: float | None, meter: Meter) -> None:
    reading = FullReader(source, Throttle(rate, meter), AuditLimits())
    for each in subjects:
        found = await reading.prove(each)
        assert all(seen.hashed for seen in found.sightings.values()), found


async def over_the_api(running: Registry, act: Callable[[Bytes], Awaitable[None]]) -> None:
    async with Distribution.open("bench", running.url, environ={}) as opened:
        await act(opened)


def row(name: str, running: Registry, size: int, act: Callable[[], object]) -> None:
    server, began, before = cpu_seconds(running.server.process.pid), time.monotonic(), os.times()
    act()
    seconds, after = time.monotonic() - began, os.times()
    ours = sum(after[:4]) - sum(before[:4])
    theirs = cpu_seconds(running.server.process.pid) - server
    print(
        f"{name:<28}{size / MIB / seconds:>8.0f}{ours / size * 2**30:>10.2f}"
        f"{theirs / size * 2**30:>12.2f}"
    )


def speed(running: Registry, made: Made) -> None:
    subjects = [subject(each) for each in made.layers]
    size = sum(each.size for each in subjects)
    files = [str(tree.data(running.root, each.digest)) for each in subjects]
    print(f"{len(subjects)} layers of {LAYER // MIB} MiB; CPU in seconds for each GiB")
    print(f"{'':<28}{'MiB/s':>8}{'CPU':>10}{'its CPU':>12}")
    row(
        "over the API",
        running,
        size,
        lambda: asyncio.run(over_the_api(running, lambda it: read(it, subjects, None, Meter()))),
    )
    stored = RegistryStorage(str(running.root))
    row(
        "from the folder", running, size, lambda: asyncio.run(read(stored, subjects, None, Meter()))
    )
    row(
        "sha256sum",
        running,
        size,
        lambda: subprocess.run(["sha256sum", *files], check=True, stdout=subprocess.DEVNULL),
    )


def rate_kept(running: Registry, made: Made) -> None:
    subjects = [subject(each) for each in made.layers][:8]
    print(f"\nrate of {RATE // MIB} MiB/s")
    print(f"{'':<28}{'average':>8}{'most in 1 s':>14}{'most in 5 s':>14}")
    sources: dict[str, Callable[[Meter], Awaitable[None]]] = {
        "over the API": lambda meter: over_the_api(
            running, lambda it: read(it, subjects, RATE, meter)
        ),
        "from the folder": lambda meter: read(
            RegistryStorage(str(running.root)), subjects, RATE, meter
        ),
    }
    for name, act in sources.items():
        meter, began = Meter(), time.monotonic()

        async def acted(
            meter: Meter = meter, act: Callable[[Meter], Awaitable[None]] = act
        ) -> None:
            await act(meter)

        asyncio.run(acted())
        average = meter.size / (time.monotonic() - began) / MIB
        print(f"{name:<28}{average:>8.2f}{meter.most(1) / MIB:>14.2f}{meter.most(5) / MIB:>14.2f}")


def budget_kept(running: Registry, folder: Path, seconds: int) -> None:
    """A day's budget in a minute's light: two of these layers every five seconds."""
    small = [Blob("application/octet-stream", os.urandom(MIB // 4)) for _ in range(200)]
    running.push("team/small", image("small", layers=tuple(small)), "latest")
    earned = MIB // 10
    entry = {"url": running.url, "name": "main", "plain_http": True}
    entry["repositories"] = {"only": ["team/small"]}
    entry["scrub"] = {"period": "1d", "bytes_per_day": earned * 86_400}
    with exporter(folder / "exporter", {"registries": [entry], "interval": "1h"}) as scrubbing:
        scrubbing.ready()
        counted = "pullproof_scrub_bytes_total"
        began, points = time.monotonic(), list[tuple[float, float]]()
        while time.monotonic() - began < seconds:
            time.sleep(1)  # one point a second: the budget is judged over seconds
            points.append((time.monotonic() - began, scrubbing.value(counted)))
        requests = scrubbing.value("pullproof_registry_requests_total", resource="blob")
    print(f"\nbudget of {earned * 86_400 / 2**30:.1f} GiB a day, which is {earned // 1024} KiB/s")
    print(f"{'seconds':>10}{'earned KiB':>14}{'read KiB':>12}")
    for at, size in points[4 :: max(1, len(points) // 6)]:
        print(f"{at:>10.0f}{at * earned / 1024:>14.0f}{size / 1024:>12.0f}")
    over = max(size - at * earned for at, size in points)
    print(f"most read ahead of what was earned: {over / 1024:.0f} KiB; a layer has 256 KiB")
    print(f"{requests:.0f} requests for blobs, the audit's own included")


def main() -> None:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--mebibytes", type=int, default=512)
    words.add_argument("--seconds", type=int, default=30)
    asked = words.parse_args()
    with tempfile.TemporaryDirectory() as name, registry(Path(name) / "registry") as running:
        layers = tuple(
            Blob("application/octet-stream", hashlib.shake_256(bytes([n])).digest(LAYER))
            for n in range(asked.mebibytes * MIB // LAYER)
        )
        made = image("large", layers=layers)
        running.push(APP, made, "v1")
        speed(running, made)
        rate_kept(running, made)
        budget_kept(running, Path(name), asked.seconds)


if __name__ == "__main__":
    main()
