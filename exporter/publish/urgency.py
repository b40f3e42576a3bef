"""Which tags must somebody look at first?"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING

from exporter.facts.proof import GONE, State

if TYPE_CHECKING:
    from exporter.judge.blast import Blast
    from exporter.judge.report import TagVerdict


class Urgency(IntEnum):
    """How much a tag needs a person; the lowest first."""

    GONE = 0
    """It is proven that a pull fails."""
    UNKNOWN = 1
    """It could not be told."""
    NONE = 2


def urgency(verdict: TagVerdict) -> Urgency:
    """How much does this tag need a person?"""
    if verdict.overall in GONE:
        return Urgency.GONE
    unknown = verdict.overall is State.UNKNOWN and not by_design(verdict)
    return Urgency.UNKNOWN if unknown else Urgency.NONE


def stake(verdict: TagVerdict) -> int:
    """How much does it matter, by the rank of the class that is hit; where none is, of its own?"""
    return next(iter(verdict.failing), verdict.root.reference_class).rank


def order(verdict: TagVerdict, hit: Blast) -> tuple[int, int, int, float]:
    """What is told first: what matters most, what is worst, and what a schedule starts soonest."""
    own = verdict.root.reference_class.rank
    return own, urgency(verdict), stake(verdict), hit.soonest


def by_design(verdict: TagVerdict) -> bool:
    """Is nothing below it promised here, as in a pull-through cache?"""
    return bool(verdict.children) and not any(child.expected for child in verdict.children)
