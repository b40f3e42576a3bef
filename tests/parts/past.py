"""What would Prometheus have kept of the last two weeks? Made of real scrapes, one for each phase.

Each phase repeats what one real scrape said. Only what moves with time is computed: points in time,
what is counted, how much is stored. The text is OpenMetrics, as `promtool` takes it.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from prometheus_client.parser import text_string_to_metric_families

if TYPE_CHECKING:
    from collections.abc import Iterator

Key = tuple[str, str]
"""A sample's name, and its labels as they are written."""

TARGET: Final = {"cluster": "prod", "job": "pullproof", "instance": "pullproof:10470"}
INTERVAL: Final = 900.0
"""Seconds between two audits, and between two scrapes: more would say the same."""
NAMED: Final = {
    "source_labels": ["source"],
    "regex": ".*/(.+)",
    "target_label": "source",
    "replacement": "$1",
}
"""A file of references is named without its folder, which is another one in each run."""
_SILENT: Final = re.compile("pullproof_(gaps|audit_failures_total|registry_requests_total)")
"""Families with a zero for every thing that could be: only what happened is repeated."""
_COUNTED: Final = re.compile(".*_(total|bucket|sum|count)")
_GROWING: Final = re.compile("pullproof_(stored|reclaimable|gc_reclaimable|repository).*_bytes")
_OURS: Final = re.compile("pullproof_.*|process_(cpu|resident).*")


@dataclass(frozen=True, slots=True)
class Phase:
    """A time in which every scrape was like one real one."""

    begin: float
    end: float
    samples: Mapping[Key, float]

    def audits(self, until: float) -> int:
        """How many audits of it had ended by then?"""
        return max(0, int((min(until, self.end) - self.begin) // INTERVAL))


def samples(exposition: str) -> Mapping[Key, float]:
    """Read one scrape."""
    return {
        (sample.name, _labels(_named(sample.labels) | TARGET)): sample.value
        for family in text_string_to_metric_families(exposition)
        for sample in family.samples
        if _OURS.fullmatch(sample.name)
    }


def written(phases: tuple[Phase, ...], broken_at: float) -> Iterator[str]:
    """Yield the lines of the whole past, series by series."""
    keys = dict.fromkeys(key for phase in phases for key in phase.samples)
    for key in keys:
        values = [phase.samples.get(key, 0.0) for phase in phases]
        if any(values) or not _SILENT.fullmatch(key[0]):
            yield from _series(key, phases, broken_at)
    for key, value in _scrapes(phases[-1]).items():
        yield from (_line(key, value, at) for phase in phases for at in _times(phase))
    yield "# EOF\n"


def _series(key: Key, phases: tuple[Phase, ...], broken_at: float) -> Iterator[str]:
    name, _ = key
    counted = 0.0
    for phase in phases:
        value = phase.samples.get(key)
        if value is None:
            continue
        if _COUNTED.fullmatch(name):
            yield from (_line(key, counted + value * phase.audits(at), at) for at in _times(phase))
            counted += value * phase.audits(phase.end)
        elif name.endswith("_timestamp_seconds"):
            yield from (_line(key, _moment(key, phase, at, broken_at), at) for at in _times(phase))
        else:
            first = phases[0].begin
            span = phases[-1].end - first
            yield from (
                _line(key, value * _sway(name, (at - first) / span), at) for at in _times(phase)
            )


def _moment(key: Key, phase: Phase, at: float, broken_at: float) -> float:
    name, labels = key
    if "broken_since" in name:
        return broken_at
    if "reload" in name:
        return broken_at - 3 * 86400
    if "success" in name and phase.samples.get(("pullproof_registry_up", labels)) == 0:
        return phase.begin
    return at - (at - phase.begin) % INTERVAL


def _sway(name: str, passed: float) -> float:
    """By how much is a value larger or smaller after a part of the two weeks?"""
    if _GROWING.fullmatch(name):
        return 0.7 + 0.3 * passed
    if name.endswith(("duration_seconds", "resident_memory_bytes")):
        return 1 + 0.06 * math.sin(passed * 1e5) + 0.06 * math.sin(passed * 80)
    return 1.0


def _scrapes(phase: Phase) -> Mapping[Key, float]:
    """What Prometheus itself keeps of every scrape."""
    labels = _labels(TARGET)
    return {
        ("up", labels): 1.0,
        ("scrape_duration_seconds", labels): 0.004,
        ("scrape_samples_scraped", labels): float(len(phase.samples)),
    }


def _times(phase: Phase) -> Iterator[float]:
    count = int((phase.end - phase.begin) / INTERVAL)
    return (phase.begin + index * INTERVAL for index in range(count))


def _line(key: Key, value: float, at: float) -> str:
    name, labels = key
    return f"{name}{{{labels}}} {value:.17g} {at:.3f}\n"


def _named(labels: Mapping[str, str]) -> dict[str, str]:
    return {
        name: value.rpartition("/")[2] if name == "source" else value
        for name, value in labels.items()
    }


def _labels(labels: Mapping[str, str]) -> str:
    return ",".join(f'{name}="{value}"' for name, value in labels.items())
