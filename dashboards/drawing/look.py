"""How is a value written, and in which colour? As a panel's unit, mappings and thresholds say."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

Json = dict[str, Any]

COLOURS: Final = {
    "green": "#73bf69",
    "red": "#f2495c",
    "orange": "#ff9830",
    "purple": "#b877d9",
    "blue": "#5794f2",
    "text": "#ccccdc",
}
PALETTE: Final = ("#73bf69", "#f2cc0c", "#8ab8ff", "#ff780a", "#f2495c", "#5794f2", "#b877d9")
_LONG: Final = ((86400.0, "day"), (3600.0, "hour"), (60.0, "minute"), (1.0, "second"))
_SHORT: Final = {"day": "d", "hour": "h", "minute": "min", "second": "s"}
_THOUSAND: Final = 1000.0


@dataclass(frozen=True, slots=True)
class Look:
    """How the values of a panel, or of a column of a table, look."""

    unit: str
    mappings: Mapping[str, tuple[str, str]]
    steps: tuple[tuple[float, str], ...]
    now: float
    """Seconds since the epoch: some units tell how long ago something was."""

    @classmethod
    def of(cls, field: Json, now: float) -> Look:
        """Read the settings of a field."""
        found = {
            value: (result["text"], COLOURS[result["color"]])
            for mapping in field.get("mappings") or ()
            for value, result in mapping["options"].items()
        }
        steps = (field.get("thresholds") or {}).get("steps") or ()
        limits = tuple((each["value"] or float("-inf"), COLOURS[each["color"]]) for each in steps)
        return cls(field.get("unit", "short"), found, limits, now)

    def text(self, value: float | str) -> str:
        """Write a value, or a label."""
        key = value if isinstance(value, str) else f"{value:g}"
        if key in self.mappings:
            return self.mappings[key][0]
        return value if isinstance(value, str) else written(value, self.unit, self.now)

    def colour(self, value: float | str, fallback: str = COLOURS["text"]) -> str:
        """Colour a value: by its mapping, else by the highest threshold that it reaches."""
        key = value if isinstance(value, str) else f"{value:g}"
        if key in self.mappings:
            return self.mappings[key][1]
        reached = [colour for limit, colour in self.steps if _number(value) >= limit]
        return reached[-1] if reached else fallback


def written(value: float, unit: str, now: float = 0.0) -> str:
    """Write a number in its unit."""
    match unit:
        case "bytes":
            return _scaled(value, 1024, ("B", "KiB", "MiB", "GiB", "TiB", "PiB"))
        case "s":
            return _seconds(value)
        case "percentunit":
            return f"{100 * value:.3g} %"
        case "reqps":
            return f"{value:.3g} req/s"
        case "hex":
            return f"{int(value):x}"
        case "dateTimeFromNow":
            return _ago(now - value / _THOUSAND)
        case _:
            return _scaled(value, _THOUSAND, ("", "K", "Mil", "Bil")).strip()


def _scaled(value: float, base: float, names: tuple[str, ...]) -> str:
    index = 0
    while abs(value) >= base and index < len(names) - 1:
        value, index = value / base, index + 1
    figures = f"{value:.0f}" if abs(value) >= _THOUSAND else f"{value:.3g}"
    return f"{figures} {names[index]}"


def _seconds(value: float) -> str:
    if abs(value) < 1:
        return f"{1000 * value:.3g} ms" if value else "0 s"
    size, name = next(each for each in _LONG if abs(value) >= each[0])
    return f"{value / size:.3g} {_SHORT[name]}"


def _ago(seconds: float) -> str:
    size, name = next((each for each in _LONG if abs(seconds) >= each[0]), _LONG[-1])
    count = round(abs(seconds) / size)
    words = f"{count} {name}{'' if count == 1 else 's'}"
    return f"{words} ago" if seconds >= 0 else f"in {words}"


def _number(value: float | str) -> float:
    return value if isinstance(value, float) else float("nan")
