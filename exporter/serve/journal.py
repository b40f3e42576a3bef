"""What must a restart still know? The last complete truth of each registry, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Kept:
    """One registry's last complete truth, as it was put away."""

    snapshot: bytes
    since: Mapping[str, float]
    """First-seen times by finding, in seconds since the epoch."""


class Journal(Protocol):
    """Where complete audits are put away, each whole or not at all."""

    def last(self, registry: str) -> Kept | None:
        """Return what was put away last, or None."""
        ...

    def keep(self, registry: str, kept: Kept) -> None:
        """Put away one registry's truth in place of the one before."""
        ...
