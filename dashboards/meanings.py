"""What do numbers and label values mean to a reader? Words first; colours only repeat them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from grafana_foundation_sdk.builders.dashboard import ThresholdsConfig
from grafana_foundation_sdk.models.dashboard import (
    Threshold,
    ThresholdsMode,
    ValueMap,
    ValueMapping,
    ValueMappingResult,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

GOOD: Final = "green"
UNSURE: Final = "purple"
WORRYING: Final = "orange"
BAD: Final = "red"
PLAIN: Final = "blue"
QUIET: Final = "text"

Words = tuple[ValueMapping, ...]
Steps = tuple[tuple[float, str], ...]


def words(meanings: Mapping[str, tuple[str, str]]) -> Words:
    """Which text and colour stand for each value?"""
    results = {
        value: ValueMappingResult(text=text, color=colour, index=index)
        for index, (value, (text, colour)) in enumerate(meanings.items())
    }
    return (ValueMap(options=results),)


def thresholds(base: str, steps: Steps = ()) -> ThresholdsConfig:
    """From which value on is which colour shown?"""
    found = [Threshold(None, base), *(Threshold(value, colour) for value, colour in steps)]
    return ThresholdsConfig().mode(ThresholdsMode.ABSOLUTE).steps(found)


NONE_IS_GOOD: Final[Steps] = ((1, BAD),)
NONE_IS_BETTER: Final[Steps] = ((1, WORRYING),)

REGISTRY: Final = words(
    {
        "7": ("live tags are broken", BAD),
        "6": ("what is known is old", WORRYING),
        "5": ("could not be seen", UNSURE),
        "4": ("never audited", UNSURE),
        "3": ("some live tags are not known", UNSURE),
        "2": ("no live tag", QUIET),
        "1": ("a cache, not judged", QUIET),
        "0": ("every live tag can be pulled", GOOD),
    }
)
TAG: Final = words(
    {
        "3": ("cannot be pulled", BAD),
        "2": ("not known", UNSURE),
        "1": ("not on every platform here", WORRYING),
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
        "references": ("what runs", UNSURE),
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
