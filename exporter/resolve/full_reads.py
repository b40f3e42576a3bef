"""When an audit reads in full what it knows, and how many bytes.

Manifests are cached, and a cached one is requested by HEAD, which a registry may answer for one
that it cannot send: it is read again once a period, where that leaves no trace.
Blobs are read in full where the registry ignores ranges: it answers a request for the last byte
with the whole blob (Gitea 1.26.0 and Quay of 2026-08, run). Each is read once a period.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

from exporter.facts.scrubbed import Scrubbed
from exporter.oci.reference import Place
from exporter.resolve.target import FullReads


@dataclass(slots=True)
class FullReadPlan:
    """The full reads of one audit."""

    registry: str
    terms: FullReads
    now: float
    """Seconds since the epoch."""
    history: Scrubbed = field(default_factory=Scrubbed)
    _left: int = field(init=False)
    _recalled: bool = False

    def __post_init__(self) -> None:
        """Begin with the whole budget."""
        self._left = self.terms.bytes_per_audit

    def recall(self) -> None:
        """Remember what was read before. It may take long the first time."""
        if not self._recalled:
            self._recalled = True
            self.history = self.terms.history(self.registry)

    def ordered(self, places: Iterable[Place]) -> list[Place]:
        """Return places, those first that were never read, then by the age of their proof.

        Of those that were never read, the order stays: live first.
        """
        return sorted(places, key=lambda place: self.history.proven_at(place) or 0.0)

    def proven_at(self, place: Place) -> float | None:
        """Return when a place's bytes were last right, in seconds since the epoch, or None."""
        return self.history.proven_at(place)

    def fresh(self, place: Place) -> bool:
        """Were its bytes right within the period?"""
        return self.history.covers(place, self.now, self.terms.period)

    def afford(self, size: int) -> bool:
        """May so many bytes be read? Then they are taken from the budget."""
        if size > self._left:
            return False
        self._left -= size
        return True
