"""Where are facts put, and which are old, or were left behind? Those go, and nothing else."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final, Protocol

from exporter.ports import Unseen
from exporter.publish.exports.release import AUDIT, names_release

_ABANDONED: Final = 3_600.0
"""Seconds: an export that goes on puts its next file sooner, whoever writes it."""
_OF_AUDIT: Final = re.compile(rf"({AUDIT})(?:/.+|\.release\.json(?:#[0-9]+)?)")
"""What an export writes, below its shard's folder; with a `#`, what a killed one was writing."""


class Bucket(Protocol):
    """Where files are put. Every method raises `Unseen`."""

    def put(self, path: str, content: bytes | Path) -> None:
        """Put a file in place, whole or not at all."""
        ...

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """List everything below a prefix, with its bytes."""
        ...

    def times(self, prefix: str) -> dict[str, float]:
        """Say when all below a prefix was written, by the store's own clock, half a file too."""
        ...

    def get(self, path: str) -> bytes:
        """Read a file."""
        ...

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""
        ...


def tidy(bucket: Bucket, beneath: str, keep: int, own: str = "") -> str:
    """Remove a shard's old releases, and what killed exports left; return why that failed, if so.

    The newest `keep` releases stay, and `own`, whatever the clocks of others say. What has no
    release was left behind where nothing was written to it for an hour before the last thing that
    was written at all: a replica may be writing what is younger.
    """
    try:
        times = bucket.times(f"{beneath}/")
        for path in _doomed(beneath, times, keep, own):
            bucket.remove(path)
    except Unseen as unseen:
        return str(unseen)
    return ""


def _doomed(beneath: str, times: Mapping[str, float], keep: int, own: str) -> Iterator[str]:
    """Yield what is to be removed, each release before its files."""
    written: dict[str, list[str]] = {}
    for path in sorted(times):
        if found := _OF_AUDIT.fullmatch(path.removeprefix(f"{beneath}/")):
            written.setdefault(found[1], []).append(path)
    released = [audit for audit, paths in written.items() if any(map(names_release, paths))]
    kept = {*released[-keep:], own.removeprefix(f"{beneath}/").partition(".")[0]}
    last = max(times.values(), default=0.0)
    for audit, paths in written.items():
        abandoned = max(times[path] for path in paths) < last - _ABANDONED
        if audit not in kept and (audit in released or abandoned):
            yield from sorted(paths, key=lambda path: not names_release(path))
