"""What is read whole next, how fast may that be, and how far is it? Pure: time is a parameter."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.facts.scrubbed import Scrubbed
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.resolve.scrub.subjects import Subject

DAY: Final = 86_400.0
_RESERVE: Final = 1.25
"""Without a budget, so much more than the period needs: for pauses, and for what is pushed."""
_RETRY: Final = 6 * 3600.0
"""Seconds before something that could not be read is tried again, others going first."""


@dataclass(frozen=True, slots=True)
class Terms:
    """How often, and how hard."""

    period: float = 30 * DAY
    """Seconds within which everything is to be read."""
    bytes_per_day: int | None = None
    """The budget; None is as much as the period needs."""
    bytes_per_second: int | None = None
    """The fastest at which bytes are read; None is as fast as they come."""

    def budget(self, needed: int) -> float:
        """Bytes a day, where so many are needed in all."""
        if self.bytes_per_day is not None:
            return float(self.bytes_per_day)
        return _RESERVE * needed * DAY / self.period

    def paid(self, debt: float, now: float, size: int, needed: int) -> float:
        """When will bytes that are read now be paid for, with what is owed already?

        The day's budget is earned evenly over the day, so no rest of it is ever spent at once.
        """
        return max(debt, now) + size * DAY / max(self.budget(needed), 1.0)

    def owed(self, debt: float, now: float, largest: int, needed: int) -> float:
        """Return what is owed: no more than the largest thing costs, as nothing is read on credit.

        More than that is from a clock that was ahead, and would rest for as long as it was.
        """
        return min(debt, self.paid(now, now, largest, needed))


def due(
    subjects: Iterable[Subject],
    scrubbed: Scrubbed,
    now: float,
    period: float,
    tried: Mapping[Digest, float] | None = None,
) -> list[Subject]:
    """Return what must be read, in order: corrupt, then by class, then the oldest proof first.

    Nothing is read twice within a period, in seconds, but what is corrupt, and what is to be
    unpacked and was not, or once to something else than an image says. `tried` says when
    something could not be read, in seconds since the epoch: it waits, and others go first.
    """
    failed = {digest for digest, at in (tried or {}).items() if abs(now - at) < _RETRY}
    open_to = (
        each
        for each in subjects
        if each.digest not in failed
        and (each.corrupt or each.owed or not scrubbed.fresh(each.digest, now, period))
    )
    return sorted(open_to, key=lambda each: _turn(each, scrubbed))


def _turn(subject: Subject, scrubbed: Scrubbed) -> tuple[bool, bool, int, float, str]:
    """What was never proven comes before the oldest proof."""
    known = scrubbed.proofs.get(subject.digest)
    proven = known.at if known is not None and known.at is not None else 0.0
    urgent = not subject.corrupt, not subject.again
    return *urgent, subject.reference_class.rank, proven, subject.digest


@dataclass(frozen=True, slots=True)
class Coverage:
    """How far the scrub of one registry is."""

    needed: int
    """Bytes in all."""
    proven: int
    """Bytes of them that were read and right within the period."""
    oldest_live: float | None
    """Seconds since the epoch: the oldest proof among what is live, or since when one is awaited;
    None where nothing is live."""

    @property
    def share(self) -> float:
        """Which part is proven? All of nothing is."""
        return self.proven / self.needed if self.needed else 1.0


def coverage(
    subjects: Sequence[Subject], scrubbed: Scrubbed, now: float, period: float
) -> Coverage:
    """Return how much of what is needed was proven within the period, in seconds."""
    proofs = scrubbed.proofs
    live = (each.digest for each in subjects if each.reference_class is ReferenceClass.LIVE)
    waits = (proofs[digest].counts_from if digest in proofs else now for digest in live)
    right = (each.size for each in subjects if scrubbed.fresh(each.digest, now, period))
    return Coverage(sum(each.size for each in subjects), sum(right), min(waits, default=None))
