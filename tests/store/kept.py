"""Ledgers with something in them, and a clock that a test can turn."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.oci.digest import Digest
from exporter.store.ledger import Ledger

if TYPE_CHECKING:
    from pathlib import Path

Truth = tuple[bytes, dict[str, float]]
"""A snapshot's file, and first-seen times."""

DAY: Final = 86_400.0
NOW: Final = 20_000 * DAY
BODY: Final = b'{"schemaVersion":2}'
NAME: Final = Digest.of(BODY)
TRUTH: Final = b"\x00snapshot\xff", {"missing-child team/app:v1": 1234.5}


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> float:
        return self.now


def open_(path: Path | None, clock: Clock | None = None) -> Ledger:
    return Ledger(path, clock or Clock())


def keep(ledger: Ledger, registry: str, truth: Truth) -> None:
    """Keep a truth in two pieces."""
    file, since = truth
    ledger.keep(registry, (file[:1], file[1:]), since)


def last(ledger: Ledger, registry: str) -> Truth | None:
    """The truth that was kept last, read whole."""
    kept = ledger.last(registry)
    if kept is None:
        return None
    with kept.snapshot as file:
        return file.read(), dict(kept.since)


def bodies(count: int) -> dict[Digest, bytes]:
    made = (b'{"schemaVersion":2,"number":%d}' % number for number in range(count))
    return {Digest.of(body): body for body in made}


def aside(path: Path) -> Path:
    return path.with_name("ledger.db.set-aside")


def filled(path: Path, count: int = 1) -> Path:
    with open_(path) as ledger:
        ledger.keep_manifests(bodies(count) | {NAME: BODY})
        keep(ledger, "main", TRUTH)
    return path
