"""What is about to be run: deletions, a collection, or one after the other?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporter.facts.gap import Gap, Reason, Scope
from exporter.judge.gc.dialect import Dialect, Mode
from exporter.judge.plans.deletion import Deletion, DeletionList
from exporter.judge.preflight.deletions import DeletionMethod


@dataclass(frozen=True, slots=True)
class GarbageCollection:
    """A collection that somebody is about to run."""

    dialect: Dialect
    mode: Mode


@dataclass(frozen=True, slots=True)
class Operation:
    """What somebody is about to do: deletions, a collection, or one after the other."""

    description: str
    """All of it, for a person."""
    deletions: DeletionList | None = None
    method: DeletionMethod = DeletionMethod.API
    collection: GarbageCollection | None = None

    def gaps(self, unmatched: Sequence[Deletion]) -> Iterator[Gap]:
        """Yield what of the deletions is not known; `strangers` name nothing that was seen."""
        if self.deletions is None:
            return
        for doubt in self.deletions.doubts:
            yield Gap(Scope.REFERENCES, self.description, Reason.MALFORMED, doubt)
        if unmatched and len(unmatched) == len(self.deletions.deletions):
            detail = "it names nothing in this registry: is it the right one?"
            yield Gap(Scope.REFERENCES, self.description, Reason.UNCONFIRMED, detail)
