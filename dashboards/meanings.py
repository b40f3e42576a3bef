"""Text and colour for numbers and label values. Text first; colours only repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

GOOD: Final = "green"
UNSURE: Final = "purple"
WORRYING: Final = "orange"
BAD: Final = "red"
PLAIN: Final = "blue"
QUIET: Final = "text"

Words = tuple[ValueMapping, ...]
Steps = tuple[tuple[float, str], ...]


def words(meanings: Mapping[str, tuple[str, str]]) -> Words:
    """Return the text and colour of each value."""
    results = {
        value: ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(meanings.items())
    }
    return (ValueMap(options=results),)


def thresholds(base: str, steps: Steps = ()) -> ThresholdsConfig:
    """Return the colours that values show from a threshold on."""
    found = [Threshold(None, base), *(Threshold(value, colour) for value, colour in steps)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


NONE_IS_GOOD: Final[Steps] = ((1, BAD),)
NONE_IS_BETTER: Final[Steps] = ((1, WORRYING),)

REGISTRY: Final = words(
    {
        "7": ("live tags are broken", BAD),
        "6": ("results are stale", WORRYING),
        "5": ("last audit incomplete", UNSURE),
        "4": ("never audited", UNSURE),
        "3": ("some live tags are unknown", UNSURE),
        "2": ("no live tags", QUIET),
        "1": ("pull-through cache", QUIET),
        "0": ("all live tags can be pulled", GOOD),
    }
)
TAG: Final = words(
    {
        "3": ("cannot be pulled", BAD),
        "2": ("unknown", UNSURE),
        "1": ("not mirrored for every platform", WORRYING),
        "0": ("can be pulled", GOOD),
    }
)
YES: Final = words({"0": ("no", QUIET), "1": ("yes", QUIET)})
YES_IS_GOOD: Final = words({"0": ("no", BAD), "1": ("yes", GOOD)})
NO_IS_GOOD: Final = words({"0": ("no", GOOD), "1": ("yes", WORRYING)})
GAPS: Final = words(
    {
        "registry": ("the whole registry", UNSURE),
        "repository": ("repositories", UNSURE),
        "object": ("single objects", UNSURE),
        "references": ("image references", UNSURE),
    }
)
STATES: Final = words(
    {
        "present": ("present", GOOD),
        "missing": ("missing", BAD),
        "broken": ("broken", BAD),
        "unknown": ("unknown", UNSURE),
    }
)
