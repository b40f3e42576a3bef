"""What was a registry asked, and what did answering cost it? Its own access log and clock tell."""

from __future__ import annotations

import os
import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tests.parts.registry import Registry

_LINE: Final = re.compile(rb'"([A-Z]+) (/v2/\S*) HTTP/[\d.]+" \d+ (\d+)')
"""Method, target and bytes of the body, in the combined log format of web servers."""
_KINDS: Final = (
    (re.compile(rb"/manifests/sha\d+:"), "manifest"),
    (re.compile(rb"/manifests/"), "tag"),
    (re.compile(rb"/blobs/"), "blob"),
    (re.compile(rb"/_catalog|/tags/list"), "list"),
)
_TICK: Final = os.sysconf("SC_CLK_TCK")


@dataclass(frozen=True, slots=True)
class Load:
    """What a registry did between two moments."""

    requests: Mapping[str, int]
    """By method and what was asked for: `HEAD tag`, `GET manifest`, `GET blob`, `GET list` …"""
    body_bytes: int
    """Sent, headers apart."""
    cpu: float
    """Seconds."""

    @property
    def total(self) -> int:
        """Requests of every kind."""
        return sum(self.requests.values())


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment in a registry's life."""

    registry: Registry
    offset: int
    """Bytes of its log that were written before."""
    cpu: float

    def load(self) -> Load:
        """Return what the registry did from this moment to now."""
        with self.registry.server.log.open("rb") as log:
            log.seek(self.offset)
            requests, body_bytes = _count(log)
        return Load(requests, body_bytes, cpu_seconds(self.registry.server.process.pid) - self.cpu)


def mark(registry: Registry) -> Mark:
    """Remember this moment."""
    offset = registry.server.log.stat().st_size
    return Mark(registry, offset, cpu_seconds(registry.server.process.pid))


def cpu_seconds(process: int) -> float:
    """Return the processor time that a running process has used (proc(5), `stat`)."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _count(log: Iterable[bytes]) -> tuple[Counter[str], int]:
    requests: Counter[str] = Counter()
    body_bytes = 0
    for line in log:
        if found := _LINE.search(line):
            method, target, size = found.groups()
            kind = next((name for pattern, name in _KINDS if pattern.search(target)), "other")
            requests[f"{method.decode()} {kind}"] += 1
            body_bytes += int(size)
    return requests, body_bytes
