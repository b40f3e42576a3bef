"""What is about to be run: deletions, a collection, or one after the other?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from exporter.facts.gap import Gap, Reason, Scope
from exporter.judge.gc.dialect import Dialect, Mode
from exporter.judge.plans.deletion import Deletion, Listed
from exporter.judge.preflight.deletions import Way


@dataclass(frozen=True, slots=True)
class Collection:
    """A collection that somebody is about to run."""

    dialect: Dialect
    mode: Mode


@dataclass(frozen=True, slots=True)
class Asked:
    """What somebody is about to do: deletions, a collection, or one after the other."""

    words: str
    """All of it, for a person."""
    deletions: Listed | None = None
    way: Way = Way.API
    collection: Collection | None = None

    def gaps(self, strangers: Sequence[Deletion]) -> Iterator[Gap]:
        """Yield what of the deletions is not known; `strangers` name nothing that was seen."""
        if self.deletions is None:
            return
        for doubt in self.deletions.doubts:
            yield Gap(Scope.REFERENCES, self.words, Reason.MALFORMED, doubt)
        if strangers and len(strangers) == len(self.deletions.deletions):
            detail = "it names nothing in this registry: is it the right one?"
            yield Gap(Scope.REFERENCES, self.words, Reason.UNCONFIRMED, detail)
