"""Where does a registry stand after an audit? Old truth beats silence, until it is too old."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.facts.gap import Gap, Reason

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.publish.status import RegistryStatus


@dataclass(frozen=True, slots=True)
class Began:
    """When an audit began, by two clocks: no one sets the second, and only it tells a duration."""

    at: float
    """Seconds since the epoch."""
    beat: float
    """Seconds of a clock that goes evenly."""

    def until(self, beat: float) -> Attempt:
        """Return the audit that ends now, by the second clock."""
        return Attempt(self.at, beat - self.beat)


@dataclass(frozen=True, slots=True)
class Attempt:
    """When an audit began, in seconds since the epoch, and how many it took."""

    began: float
    took: float


def seen(status: RegistryStatus, report: Report, attempt: Attempt) -> RegistryStatus:
    """Return the status after an audit that saw the registry as a whole."""
    return replace(
        _tried(status, attempt),
        report=report,
        known=report,
        collector=report.snapshot.collector,
        up=True,
        last_success=report.snapshot.taken_at,
        gaps=report.snapshot.gaps,
    )


def unseen(
    status: RegistryStatus, attempt: Attempt, gaps: tuple[Gap, ...], reason: Reason, limit: float
) -> RegistryStatus:
    """Return the status after an audit that did not.

    The last complete truth stays, with its age, for `limit` seconds; then only health is shown,
    and it is kept for the audit that sees the registry again.
    """
    failures = Counter(status.failures)
    failures[reason] += 1
    tried = replace(_tried(status, attempt), up=False, failures=dict(failures), gaps=gaps)
    return aged(tried, attempt.began + attempt.took, limit)


def unshown(status: RegistryStatus, gap: Gap) -> RegistryStatus:
    """Return the status without its report, which cannot be shown; the next audit knows it."""
    failures = Counter(status.failures)
    failures[gap.reason] += 1
    gaps = (*status.gaps, gap)
    return replace(status, report=None, up=False, failures=dict(failures), gaps=gaps)


def aged(status: RegistryStatus, now: float, limit: float) -> RegistryStatus:
    """Return the status with its last truth shown, but not where that is too old.

    Nor where it is as far in the future: a clock was set, and nobody knows how old it is.
    """
    age = now - status.last_success if status.last_success else 0.0
    return replace(status, report=status.known if abs(age) <= limit else None)


def _tried(status: RegistryStatus, attempt: Attempt) -> RegistryStatus:
    return replace(
        status,
        last_attempt=attempt.began,
        duration=attempt.took,
        audits=status.audits + 1,
    )
