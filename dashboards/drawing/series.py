"""What did Prometheus answer, and what is each series called?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]
Point = tuple[float, float]
"""Seconds since the epoch, and a value."""


@dataclass(frozen=True, slots=True)
class Series:
    """One series of an answer; an answer for one moment has one point."""

    labels: Mapping[str, str]
    points: tuple[Point, ...]
    name: str = ""

    @property
    def last(self) -> float:
        """Its newest value."""
        return self.points[-1][1]


def read(answer: list[Json], legend: str = "") -> list[Series]:
    """Read the `result` of Prometheus' API, of a vector or a matrix."""
    return [_series(each, legend) for each in answer]


def _series(each: Json, legend: str) -> Series:
    labels = each["metric"]
    pairs = each["values"] if "values" in each else [each["value"]]
    points = tuple((float(at), float(value)) for at, value in pairs)
    name = re.sub(r"{{\s*(\w+)\s*}}", lambda found: labels.get(found[1], ""), legend)
    return Series(labels, points, name or ", ".join(labels.values()) or "value")
