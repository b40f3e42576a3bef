"""Metric families: name, type, labels, help, status, and the chapter of their documentation."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

PREFIX: Final = "pullproof_"


class MetricType(StrEnum):
    """The types of the exposition formats that are used here."""

    GAUGE = "gauge"
    COUNTER = "counter"
    HISTOGRAM = "histogram"


class Status(StrEnum):
    """The stability of a family, as kube-state-metrics defines it (docs/README.md of v2.13)."""

    EXPERIMENTAL = "EXPERIMENTAL"
    """Names and labels may still change, with a line in the change log."""
    STABLE = "STABLE"
    """Frozen, except for added labels."""
    DEPRECATED = "DEPRECATED"


class Group(StrEnum):
    """Where a family's values come from; also the chapters of the documentation."""

    VERDICTS = "Results of the last complete audit"
    STORAGE = "Storage and garbage collection"
    AUDITS = "Audits"
    REFERENCES = "Image sources"
    SCRUB = "Full verification"
    REQUESTS = "Requests to registries"
    EXPORTER = "Exporter"

    def gauge(self, series: str, text: str, notes: str = "") -> Family:
        """Return a stable gauge; `series` is `name{label,label}` without the prefix."""
        return self._family(MetricType.GAUGE, series, text, notes)

    def counter(self, series: str, text: str, notes: str = "") -> Family:
        """Return a stable counter, likewise; its name ends in `_total`."""
        return self._family(MetricType.COUNTER, series, text, notes)

    def histogram(self, series: str, text: str, notes: str = "") -> Family:
        """Return a stable histogram, likewise."""
        return self._family(MetricType.HISTOGRAM, series, text, notes)

    def _family(self, kind: MetricType, series: str, text: str, notes: str) -> Family:
        name, _, labels = series.removesuffix("}").partition("{")
        keys = tuple(labels.split(",")) if labels else ()
        return Family(PREFIX + name, kind, keys, text, self, notes, Status.STABLE)


@dataclass(frozen=True, slots=True, eq=False)
class Family:
    """One metric family: an entry of the catalogue, the same only as itself."""

    name: str
    """Whole, with prefix and unit; a counter's with `_total`."""
    kind: MetricType
    labels: tuple[str, ...]
    help: str
    """One sentence or two for the HELP line, at most 120 characters."""
    group: Group
    notes: str = ""
    """Further text for the documentation."""
    status: Status = Status.EXPERIMENTAL

    @property
    def stem(self) -> str:
        """The name that OpenMetrics gives the family: a counter's without `_total`."""
        return self.name.removesuffix("_total") if self.kind is MetricType.COUNTER else self.name


@dataclass(frozen=True, slots=True)
class Limits:
    """Caps on what grows with the registries: they protect the Prometheus that scrapes."""

    tags: int = 10_000
    """Tags with series of their own, over all registries."""
    problems: int = 500
    """Series of missing or broken children, for each registry."""
    repositories: int = 10_000
    """Repositories with series of their own, over all registries."""
