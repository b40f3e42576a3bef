"""The outcome of a collection: its removals, or why it aborts and what it removed by then."""

from dataclasses import dataclass, field
from enum import StrEnum

import numpy as np

from exporter.facts.digests import Marks, Numbers
from exporter.facts.gap import Gap
from exporter.judge.gc.dialect import Dialect, Mode

Batch = tuple[int, Numbers]
"""A repository and digests in it, by number, in the order in which they are dealt with."""


@dataclass(frozen=True, slots=True)
class Removal:
    """A removal from a storage."""

    manifests: tuple[Batch, ...] = ()
    """Revisions that are unlinked; every tag's history of them goes with them."""
    blobs: Numbers = field(default_factory=lambda: np.zeros(0, np.int32))
    layer_links: tuple[Batch, ...] = ()


@dataclass(frozen=True, slots=True)
class Completed:
    """A collection that runs to its end."""

    dialect: Dialect
    mode: Mode
    kept: Marks
    """Which digests are marked."""
    removal: Removal
    """The removal; layer links repeat if a dry run prints them twice."""


class Stage(StrEnum):
    """How far a collection got."""

    MARK = "mark"
    """Nothing was removed."""
    MANIFESTS = "manifests"
    BLOBS = "blobs"
    LAYER_LINKS = "layer-links"


@dataclass(frozen=True, slots=True)
class Aborted:
    """A collection that aborts."""

    dialect: Dialect
    mode: Mode
    stage: Stage
    messages: tuple[str, ...]
    """Why it aborts: one text, or one of several if chance decides."""
    sure: Removal = field(default_factory=Removal)
    """Removed by then in every run."""
    possible: Removal = field(default_factory=Removal)
    """Possibly removed by then, the above included: chance decides how far it got."""

    @property
    def complaints(self) -> tuple[str, ...]:
        """Its messages as it prints them on standard error."""
        return tuple(f"failed to garbage collect: {each}" for each in self.messages)


@dataclass(frozen=True, slots=True)
class Unpredictable:
    """A storage that could not be read completely: nothing is predicted of it."""

    gaps: tuple[Gap, ...]


Outcome = Completed | Aborted | Unpredictable


def worst_case(outcome: Outcome | None) -> Removal:
    """Return all that may be removed."""
    if isinstance(outcome, Completed):
        return outcome.removal
    return outcome.possible if isinstance(outcome, Aborted) else Removal()
