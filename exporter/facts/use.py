"""Who wants an image: one place, the reference it gives, and the platforms that must run it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from exporter.oci.platform import Platform
from exporter.oci.reference import Reference


class ReferenceClass(StrEnum):
    """How much an image matters; exclusive, the highest wins, listed from the highest."""

    LIVE = "live"
    """Runs now, or would run now."""
    IDLE = "idle"
    """Scaled to zero or suspended."""
    ROLLBACK = "rollback"
    """What a rollback within the configured depth would start."""
    LATEST = "latest"
    """The tag named latest, or configured as such."""
    SELECTED = "selected"
    """Any other tag in scope."""

    @property
    def rank(self) -> int:
        """Position from the most important, zero."""
        return tuple(ReferenceClass).index(self)


def highest(first: ReferenceClass, second: ReferenceClass) -> ReferenceClass:
    """Return the class that wins where an image has both."""
    return min(first, second, key=lambda each: each.rank)


@dataclass(frozen=True, slots=True)
class Use:
    """One place that wants an image."""

    owner: str
    """Who, for a person: a file's line, a workload."""
    reference: Reference
    reference_class: ReferenceClass
    platforms: frozenset[Platform] = frozenset()
    """Platforms that must run it; empty where that is not known."""
