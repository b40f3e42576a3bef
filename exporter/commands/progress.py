"""Progress of an audit in words: what it reads, how much is done, and the time left."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from exporter.tally import AuditProgress

_ENOUGH: Final = 2.0
"""Seconds of a stage before its speed says anything."""
_MINUTE: Final = 100.0
"""Estimates from so many seconds on are given in minutes."""


@dataclass(slots=True)
class ProgressLine:
    """The progress of audits that run side by side: that of the one with the most to do."""

    audits: Mapping[str, AuditProgress]
    """By the names of their registries."""
    _began: dict[tuple[str, str], tuple[float, int]] = field(default_factory=dict)
    """By registry and stage: when it was first seen, and how much was done by then."""

    def step(self) -> str:
        """Return the current step, without numbers that change all the time."""
        name, audit = self._slowest()
        if audit.suspects:
            losses = "loss" if audit.suspects == 1 else "losses"
            step = f"confirming {audit.suspects:,} apparent {losses} with a second request"
        elif audit.stage:
            step = f"reading {audit.stage}"
        else:
            step = "listing repositories and tags"
        return f"{name}: {step}" if len(self.audits) > 1 else step

    def text(self, now: float) -> str:
        """Return the line; `now` is in seconds of any clock."""
        name, audit = self._slowest()
        if audit.suspects or not audit.stage:
            return self.step()
        done = f"{self.step()}: {audit.done:,} of {audit.total:,}"
        began, before = self._began.setdefault((name, audit.stage), (now, audit.done))
        fresh, spent = audit.done - before, now - began
        if spent < _ENOUGH or not fresh or audit.done >= audit.total:
            return done
        return f"{done}, about {_seconds((audit.total - audit.done) * spent / fresh)} left"

    def _slowest(self) -> tuple[str, AuditProgress]:
        rest = {name: each.total - each.done for name, each in self.audits.items()}
        return max(self.audits.items(), key=lambda each: (bool(each[1].suspects), rest[each[0]]))


def _seconds(left: float) -> str:
    return f"{left:.0f} s" if left < _MINUTE else f"{left / 60:.0f} min"
