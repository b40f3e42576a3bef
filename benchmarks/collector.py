"""How long do inventory and simulation take, beside what the real collectors' dry runs take?

    python benchmarks/collector.py [--tree DIR] [--scale]

Plants one tree of 20,000 manifests and 200,000 blobs (in DIR, if given, and leaves it there), and
compares results and times with every real collector at hand. `--scale` adds the synthetic million.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeVar

import numpy as np

from exporter.facts.digests import Digests
from exporter.facts.inventory import Driver, Folder, Graph, Inventory, Links, Tags
from exporter.judge.gc.dialect import DIALECTS, DISTRIBUTION_2, DISTRIBUTION_3, Dialect, Mode
from exporter.judge.gc.outcome import Completed
from exporter.judge.gc.simulate import simulate
from exporter.sources.storage.filesystem import read
from exporter.store.ledger import Ledger
from tests.judge.gc.narration import log

if TYPE_CHECKING:
    from collections.abc import Callable

_REPOSITORIES: Final = 100
_INDEXES: Final = 50
_PLATFORMS: Final = ("amd64", "arm64", "arm")
_OWN_LAYERS: Final = 10
_BASES: Final = 8
_ORPHANS: Final = 143

Answer = TypeVar("Answer")


@dataclass
class Planter:
    root: Path

    def plant(self) -> None:
        for number in range(_REPOSITORIES):
            name = f"team{number % 10}/app{number}"
            bases = [self._blob(f"base {number} {at}".encode()) for at in range(_BASES)]
            self._links(f"{name}/_layers", bases)
            for version in range(_INDEXES):
                self._index(name, version, bases)
            for orphan in range(_ORPHANS):
                self._blob(f"orphan {number} {orphan}".encode())

    def _index(self, name: str, version: int, bases: list[str]) -> None:
        kinds = "application/vnd.oci.image."
        children = []
        for platform in _PLATFORMS:
            words = f"{name} {version} {platform}"
            own = [self._blob(f"{words} {at}".encode()) for at in range(_OWN_LAYERS + 1)]
            self._links(f"{name}/_layers", own)
            layers = [_descriptor(each, f"{kinds}layer.v1.tar+gzip") for each in (*bases, *own[1:])]
            config = _descriptor(own[0], f"{kinds}config.v1+json")
            image = {"schemaVersion": 2, "mediaType": f"{kinds}manifest.v1+json"}
            digest = self._manifest(name, {**image, "config": config, "layers": layers})
            entry = _descriptor(digest, f"{kinds}manifest.v1+json")
            children.append({**entry, "platform": {"os": "linux", "architecture": platform}})
        index = {"schemaVersion": 2, "mediaType": f"{kinds}index.v1+json", "manifests": children}
        digest = self._manifest(name, index)
        if version % 5:
            tag = f"{name}/_manifests/tags/v{version}"
            self._links(f"{tag}/index", [digest])
            self._write(f"repositories/{tag}/current/link", f"sha256:{digest}".encode())

    def _manifest(self, name: str, document: dict[str, object]) -> str:
        digest = self._blob(json.dumps(document).encode())
        self._links(f"{name}/_manifests/revisions", [digest])
        return digest

    def _blob(self, content: bytes) -> str:
        digest = hashlib.sha256(content).hexdigest()
        self._write(f"blobs/sha256/{digest[:2]}/{digest}/data", content)
        return digest

    def _links(self, folder: str, digests: list[str]) -> None:
        for digest in digests:
            self._write(f"repositories/{folder}/sha256/{digest}/link", f"sha256:{digest}".encode())

    def _write(self, path: str, content: bytes) -> None:
        file = self.root / "docker/registry/v2" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content)


def _descriptor(digest: str, media_type: str) -> dict[str, object]:
    return {"mediaType": media_type, "digest": f"sha256:{digest}", "size": 1}


@dataclass(frozen=True, slots=True)
class Cost:
    """Seconds that something took: on the clock, and of all processors, children's included."""

    clock: float
    processor: float

    def __add__(self, other: Cost) -> Cost:
        return Cost(self.clock + other.clock, self.processor + other.processor)

    def times(self, other: Cost) -> str:
        """Say how often another fits into this one."""
        clock, processor = self.clock / other.clock, self.processor / other.processor
        return f"1/{clock:.1f} (1/{processor:.1f} in processor seconds)"

    def __str__(self) -> str:
        return f"{self.clock:.2f} s ({self.processor:.2f} s of processors)"


def timed(work: Callable[[], Answer]) -> tuple[Cost, Answer]:
    clock, processor = time.perf_counter(), _processor()
    answer = work()
    return Cost(time.perf_counter() - clock, _processor() - processor), answer


def _standing() -> float:
    """Tell a ledger the time: nothing in it grows old while this runs."""
    return 0.0


def _processor() -> float:
    spent = os.times()
    return spent.user + spent.system + spent.children_user + spent.children_system


def _median(costs: list[Cost]) -> Cost:
    return sorted(costs, key=lambda cost: cost.clock)[len(costs) // 2]


def collectors() -> dict[str, str]:
    """The real collectors at hand, by dialect."""
    script = Path(__file__).parents[1] / "scripts" / "assets"
    assets = subprocess.run([script, "--path"], capture_output=True, text=True, check=True)
    candidates = {
        DISTRIBUTION_2.name: shutil.which("docker-registry"),
        DISTRIBUTION_3.name: f"{assets.stdout.strip()}/registry",
    }
    return {name: path for name, path in candidates.items() if path and Path(path).exists()}


def dry_run(program: str, root: Path, mode: Mode) -> list[str]:
    configuration = {
        "version": "0.1",
        "log": {"level": "error"},
        "http": {"addr": "127.0.0.1:0"},
        "storage": {"filesystem": {"rootdirectory": str(root)}},
    }
    with tempfile.NamedTemporaryFile("w", suffix=".yml") as file:
        file.write(json.dumps(configuration))
        file.flush()
        flags = ["--delete-untagged"] * (mode is Mode.DELETE_UNTAGGED)
        command = [program, "garbage-collect", "--dry-run", *flags, file.name]
        variables = os.environ | {"OTEL_TRACES_EXPORTER": "none"}
        ran = subprocess.run(command, capture_output=True, text=True, check=True, env=variables)
    return ran.stdout.splitlines()


def agrees(inventory: Inventory, dialect: Dialect, mode: Mode, printed: list[str]) -> bool:
    plan = simulate(inventory, dialect, mode)
    assert isinstance(plan, Completed)
    return sorted(log(inventory, plan)) == sorted(printed)


def simulate_all(inventory: Inventory) -> None:
    for dialect in DIALECTS.values():
        for mode in Mode:
            simulate(inventory, dialect, mode)


def compare(root: Path) -> bool:
    """Measure on one tree, our rounds among the real runs; say whether the results agree."""
    real: list[Cost] = []
    cold: list[Cost] = []
    warm: list[Cost] = []
    with tempfile.TemporaryDirectory() as folder, Ledger(Path(folder, "kept"), _standing) as kept:
        read(str(root), kept)  # so that nobody pays for a cold disk
        for name, program in collectors().items():
            for mode in Mode:
                cost, printed = timed(lambda p=program, m=mode: dry_run(p, root, m))
                reading, inventory = timed(lambda: read(str(root)))
                again, recalled = timed(lambda: read(str(root), kept))
                simulating, _ = timed(lambda i=inventory: simulate_all(i))
                real.append(cost)
                cold.append(reading + simulating)
                warm.append(again + simulating)
                readings = (inventory, recalled)
                same = all(agrees(each, DIALECTS[name], mode, printed) for each in readings)
                print(f"{name:15} {mode:16} {cost}   {'same result' if same else 'DIFFERS'}")
                if not same:
                    return False
    _print_ratios(real, _median(cold), _median(warm))
    return True


def _print_ratios(real: list[Cost], cold: Cost, warm: Cost) -> None:
    total, fastest = sum(real[1:], real[0]), min(real, key=lambda cost: cost.clock)
    print(f"inventory and all four simulations: cold {cold}, warm {warm} (medians)")
    print(f"cold: {total.times(cold)} of all real dry runs (wanted: 1/20 with both collectors)")
    print(f"cold: {fastest.times(cold)} of the fastest one (wanted: 1/3)")
    print(f"warm: {fastest.times(warm)} of the fastest one (wanted: 1/6)")


def synthetic(scale: float) -> Inventory:
    """A storage that never was: at scale 1, a million manifests and twenty million blobs."""
    chance = np.random.default_rng(7)
    count = int(20_000 * scale)
    numbers = chance.permutation(count * 1000).astype(np.int32)
    manifests, others = numbers[: count * 50].reshape(count, 50), numbers[count * 50 :]
    others = others.reshape(count, 950)
    indexes, images = manifests[:, :13], manifests[:, 13:]
    bases = np.repeat(others[:, None, 925:927], 37, axis=1)
    content = np.concatenate([bases, others[:, :925].reshape(count, 37, 25)], axis=2)
    rows = np.full(count * 1000, -1, np.int32)
    rows[indexes.ravel()] = np.arange(count * 13)
    rows[images.ravel()] = np.arange(count * 37) + count * 13
    counts = np.concatenate([np.tile([3] * 11 + [2] * 2, count), np.full(count * 37, 27)])
    is_index = np.arange(count * 50) < count * 13
    graph = Graph(
        rows,
        np.concatenate([[0], np.cumsum(counts)]),
        np.concatenate([images.ravel(), content.ravel()]),
        is_index,
    )
    current = np.ascontiguousarray(indexes[:, :10]).ravel()
    return _inventory(chance, graph, current, manifests, others)


def _inventory(
    chance: np.random.Generator,
    graph: Graph,
    current: np.ndarray,
    manifests: np.ndarray,
    others: np.ndarray,
) -> Inventory:
    count = len(manifests)
    packed = chance.integers(0, 256, (count * 1000, 32), np.uint8)
    keys = np.arange(count * 1000, dtype=np.uint64) << np.uint64(32)
    packed.view(">u8")[:, 0] = keys
    revisions = np.sort(manifests, axis=1).ravel()
    layers = np.sort(others[:, :927], axis=1).ravel()
    names = tuple(f"v{at}" for at in range(10)) * count
    every = Folder.LAYERS | Folder.MANIFESTS | Folder.REVISIONS | Folder.TAGS
    return Inventory(
        driver=Driver.FILESYSTEM,
        digests=Digests(packed.view("S32")[:, 0], ()),
        sizes=np.full(count * 1000, 1 << 20, np.int64),
        modified=np.zeros(count * 1000, np.int64),
        repositories=tuple(f"team{at % 100}/app{at}" for at in range(count)),
        folders=np.full(count, int(every), np.uint8),
        revisions=Links(np.arange(count + 1) * 50, revisions, revisions),
        layers=Links(np.arange(count + 1) * 927, layers, layers),
        tags=Tags(np.arange(count + 1) * 10, names, current, np.arange(len(names) + 1), current),
        graph=graph,
        faults={},
    )


def scale_one(scale: float) -> None:
    inventory = synthetic(scale)
    built = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    seconds, _ = timed(lambda: simulate_all(inventory))
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    million = len(inventory.digests) / 1e6
    print(
        f"{million:.0f} million blobs: all four simulations {seconds},"
        f" peak {peak:.1f} GB ({built:.1f} GB before)"
    )


def main() -> int:
    asked = argparse.ArgumentParser(description=__doc__)
    asked.add_argument("--tree", type=Path)
    asked.add_argument("--scale", action="store_true")
    asked.add_argument("--scale-one", type=float, help=argparse.SUPPRESS)
    words = asked.parse_args()
    if words.scale_one:
        scale_one(words.scale_one)
        return 0
    with tempfile.TemporaryDirectory() as folder:
        root = words.tree or Path(folder)
        if not (root / "docker").exists():
            Planter(root).plant()
        agreed = compare(root)
    for scale in (0.25, 1.0) if words.scale else ():
        subprocess.run([sys.executable, __file__, "--scale-one", str(scale)], check=True)
    return 0 if agreed else 1


if __name__ == "__main__":
    sys.exit(main())
