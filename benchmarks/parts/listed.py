"""What did one listing of a cluster take, imports left aside?"""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

import msgspec

from benchmarks.parts.memory import peak

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


class Listed(msgspec.Struct, frozen=True):
    """What it took."""

    objects: int
    seconds: float
    cpu: float
    """Seconds of processor time."""
    before: int
    """Bytes that were resident at most before it began."""
    peak: int
    """And at its end."""


def measure(listing: Callable[[Path], int], path: Path) -> None:
    """List once with a kubeconfig, and print what that took as one line of JSON."""
    before, began, cpu = peak(), time.perf_counter(), time.process_time()
    objects = listing(path)
    took = (time.perf_counter() - began, time.process_time() - cpu)
    sys.stdout.buffer.write(msgspec.json.encode(Listed(objects, *took, before, peak())) + b"\n")
