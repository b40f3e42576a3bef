"""A cluster's pods, listed and read in a process of its own.

    python -m benchmarks.parts.lister VARIANT KUBECONFIG

lists `pods` as the product reads them, or the `whole` that it asks for.
"""

from __future__ import annotations

import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Final

from benchmarks.parts.listed import measure
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.api import Api
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.cluster.resources import PODS

if TYPE_CHECKING:
    from collections.abc import Callable


def _pods(path: Path) -> int:
    with Access("bench", {}, kubeconfig=path).open() as opened:
        api = Api("bench", opened, 60, time.monotonic() + 600)
        return len(api.listed(PODS)[0])


def _whole(path: Path) -> int:
    access = Access("bench", {}, kubeconfig=path)
    found = Cluster(access, ClusterOptions(), lambda: 0.0).uses()
    assert found.complete
    return sum(use.alive for use in found.entries)


VARIANTS: Final[dict[str, Callable[[Path], int]]] = {"pods": _pods, "whole": _whole}


if __name__ == "__main__":
    measure(VARIANTS[sys.argv[1]], Path(sys.argv[2]))
