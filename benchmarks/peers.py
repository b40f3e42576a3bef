"""What does the same truth cost by other tools, and which of them notices a loss?

Prints one run on this machine: the product, `crane validate` and `skopeo copy` on the same images
of the same registry; then what each says of a child that the collector swept, and of a layer that
is gone while the registry's cache still answers for it.
"""

from __future__ import annotations

import resource
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Final

from benchmarks.parts import images
from benchmarks.parts.access import mark
from tests.parts import tree
from tests.parts.needs import asset, program
from tests.parts.registry import registry

if TYPE_CHECKING:
    from benchmarks.parts.access import Load
    from tests.parts.client import Client
    from tests.parts.registry import Registry
    from tests.worlds import Made

_IMAGES: Final = 40
_REPOSITORY: Final = "team/app"
_COLUMNS: Final = "{:24}{:>10}{:>10}{:>10}{:>12}{:>10}"


@dataclass(frozen=True, slots=True)
class Peer:
    """A tool that can tell whether an image could be pulled."""

    name: str
    commands: Callable[[Sequence[str]], list[list[str]]]
    """What to run, so that it looks at these images."""


def main() -> None:
    """Print both tables."""
    with TemporaryDirectory() as folder:
        peers = _peers(Path(folder) / "copy")
        _costs(Path(folder) / "whole", peers)
        _notice(Path(folder), peers)


def _peers(copy: Path) -> tuple[Peer, ...]:
    check = [sys.executable, "-m", "exporter", "check", "--plain-http"]
    crane = [asset("crane"), "validate", "--insecure", "--remote"]
    skopeo = [program("skopeo"), "copy", "--quiet", "--all", "--src-tls-verify=false"]
    return (
        Peer("pullproof check", lambda each: [[*check, *each]]),
        Peer("crane validate", lambda each: [[*crane, image] for image in each]),
        Peer("crane validate --fast", lambda each: [[*crane, image, "--fast"] for image in each]),
        Peer(
            "skopeo copy --all",
            lambda each: [[*skopeo, f"docker://{image}", f"dir:{copy}"] for image in each],
        ),
    )


def _costs(folder: Path, peers: Sequence[Peer]) -> None:
    print(f"{_IMAGES} images of two platforms and {images.BYTES / 1e6:.0f} MB; for each image:")
    print(_COLUMNS.format("", "requests", "MB", "CPU ms", "registry's", "wall ms"))
    with registry(folder) as served, served.client(_REPOSITORY) as client:
        for number in range(_IMAGES):
            client.push(images.image(f"app {number}"), f"v{number}")
        named = [f"{served.host}/{_REPOSITORY}:v{number}" for number in range(_IMAGES)]
        for peer in peers:
            print(_row(peer.name, *_cost(served, peer, named)))


def _cost(served: Registry, peer: Peer, named: Sequence[str]) -> tuple[Load, float, float]:
    """Run a peer on all images: the registry's load, the peer's CPU, and the time, in seconds."""
    before, began, cpu = mark(served), time.perf_counter(), _children_cpu()
    for command in peer.commands(named):
        done = subprocess.run(command, check=False, capture_output=True, text=True)
        assert done.returncode == 0, done.stderr
    return before.load(), _children_cpu() - cpu, time.perf_counter() - began


def _row(name: str, load: Load, cpu: float, seconds: float) -> str:
    times = (1000 * each / _IMAGES for each in (cpu, load.cpu, seconds))
    requests, megabytes = load.total / _IMAGES, load.body_bytes / _IMAGES / 1e6
    return _COLUMNS.format(
        name, f"{requests:.1f}", f"{megabytes:.3f}", *map("{:.0f}".format, times)
    )


def _notice(folder: Path, peers: Sequence[Peer]) -> None:
    """Print which loss each notices, by its exit code."""
    damages = {"a swept child": _sweep, "a lost layer": _hollow_out}
    print("\nnotices")
    columns = [_noticed(folder / act.__name__, peers, act) for act in damages.values()]
    print(f"{'':24}", *(f"{what:16}" for what in damages))
    for peer, *found in zip(peers, *columns, strict=True):
        print(f"{peer.name:24}", *(f"{'yes' if each else 'no':16}" for each in found))


def _noticed(
    folder: Path, peers: Sequence[Peer], damage: Callable[[Registry, Client, Made], None]
) -> list[bool]:
    """Push, pull once so that the registry's cache is warm, damage, and ask every peer."""
    made = images.image("app")
    with registry(folder) as served, served.client(_REPOSITORY) as client:
        client.push(made, "v1")
        for child in made.children:
            client.get("manifests", child.digest).raise_for_status()
            for blob in child.blobs:
                client.bytes_of(blob)
        damage(served, client, made)
        commands = [peer.commands([f"{served.host}/{_REPOSITORY}:v1"])[0] for peer in peers]
        ended = (subprocess.run(each, check=False, capture_output=True) for each in commands)
        return [each.returncode != 0 for each in ended]


def _sweep(served: Registry, client: Client, made: Made) -> None:
    """The collector takes the child at which no tag points."""
    client.put(made.children[0], "v1-amd64").raise_for_status()
    served.collect("--delete-untagged")


def _hollow_out(served: Registry, _: Client, made: Made) -> None:
    """The bytes go, the link and the cached descriptor stay, as after a collection."""
    tree.data(served.root, made.children[0].layers[1].digest).unlink()


def _children_cpu() -> float:
    """Seconds of processor time of every process that was started here and has ended."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
