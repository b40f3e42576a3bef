"""Gaps of many small things: the first by name, the rest by number."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.ports import Unseen

_MOST: Final = 100


@dataclass(slots=True)
class Gaps:
    """Gaps of one kind of thing in one cluster."""

    cluster: str
    things: str
    """What they are, for a person: `images`."""
    _named: list[Gap] = field(default_factory=list)
    _more: Counter[Reason] = field(default_factory=Counter)

    def add(self, subject: str, reason: Reason, detail: str) -> None:
        """Note one."""
        if len(self._named) < _MOST:
            self._named.append(Gap(Scope.REFERENCES, subject, reason, detail))
        else:
            self._more[reason] += 1

    def note(self, unseen: Unseen) -> None:
        """Note one that could not be seen."""
        self.add(unseen.subject, unseen.reason, unseen.detail)

    def all(self) -> tuple[Gap, ...]:
        """Return the named ones, and one of each reason for the others."""
        rest = ((reason, f"{count} more {self.things}") for reason, count in self._more.items())
        told = (
            Gap(Scope.REFERENCES, self.cluster, reason, f"{more} cannot be read")
            for reason, more in rest
        )
        return (*self._named, *told)
