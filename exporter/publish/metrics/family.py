"""What is a metric family: its name, type, labels and help, and where its truth comes from?"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "pullproof_"

_CACHED: Final = (
    f"Of the last complete audit; its time: {PREFIX}audit_last_success_timestamp_seconds."
)


class Kind(StrEnum):
    """The types of the exposition formats that are used here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Status(StrEnum):
    """What may change, in the sense of kube-state-metrics."""

    EXPERIMENTAL = "EXPERIMENTAL"
    """Names and labels may still change, with a line in the change log."""
    STABLE = "STABLE"
    """Frozen, except for added labels."""
    DEPRECATED = "DEPRECATED"


class Group(StrEnum):
    """Where a family's truth comes from; also the chapters of its documentation."""

    VERDICTS = "What the last complete audit found"
    STORAGE = "What the storage holds, and what a collection would do"
    AUDITS = "How the audits go"
    REFERENCES = "Where the set of live images comes from"
    SCRUB = "What is read whole, over time"
    REQUESTS = "What the registries are asked"
    EXPORTER = "The exporter itself"


_WHOLE: Final = "Of several shards, shard 0 alone says it, of the whole registry."


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family: an entry of the catalogue, the same only as itself."""

    name: str
    """Whole, with prefix and unit; a counter's with `_total`."""
    kind: Kind
    labels: tuple[str, ...]
    about: str
    group: Group
    status: Status = Status.EXPERIMENTAL

    @property
    def help(self) -> str:
        """The text of its HELP line; cached truth says so, and where its age is found."""
        if self.group is Group.STORAGE:
            return f"{self.about} {_WHOLE} {_CACHED}"
        return f"{self.about} {_CACHED}" if self.group is Group.VERDICTS else self.about

    @property
    def stem(self) -> str:
        """The name that OpenMetrics gives the family: a counter's without `_total`."""
        return self.name.removesuffix("_total") if self.kind is Kind.COUNTER else self.name


def gauge(group: Group, name: str, labels: str, about: str) -> Family:
    """Return a gauge; `name` is without the prefix, `labels` are separated by spaces."""
    return Family(PREFIX + name, Kind.GAUGE, tuple(labels.split()), about, group)


def counter(group: Group, name: str, labels: str, about: str) -> Family:
    """Return a counter, likewise; its name ends in `_total`."""
    return Family(PREFIX + name, Kind.COUNTER, tuple(labels.split()), about, group)
