"""What is drawn over time: lines, areas, states and buckets. SVG of a given size in pixels."""

from __future__ import annotations

import math
import time
from dataclasses import dataclass
from html import escape
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from dashboards.drawing.look import PALETTE, written

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dashboards.drawing.look import Look
    from dashboards.drawing.series import Point, Series

_BOTTOM: Final = 22
_GRID: Final = "#2c3235"
_FAINT: Final = "#9a9ba6"
_DAY: Final = 86400.0
_MOST_TIMES: Final = 10


@dataclass(frozen=True, slots=True)
class Frame:
    """The space of a drawing, and the time that it shows."""

    width: int
    height: int
    begin: float
    end: float
    left: int = 74
    """Room for what stands left of it."""

    def x(self, at: float) -> float:
        """Where a time lies."""
        share = (at - self.begin) / (self.end - self.begin)
        return self.left + (self.width - self.left - 8) * share

    def y(self, share: float) -> float:
        """Where a share of the height lies; 0 is below."""
        return (self.height - _BOTTOM) - (self.height - _BOTTOM - 8) * share


def lines(
    frame: Frame,
    found: Sequence[Series],
    look: Look,
    colours: Mapping[str, str],
    *,
    stacked: bool,
) -> str:
    """Draw series as lines, or as areas upon each other."""
    shown = _stacked(found) if stacked else [(each.points, ()) for each in found]
    most = max((value for points, _ in shown for _, value in points), default=0.0)
    top, marks = _scale(most, look.unit)
    body = [_axes(frame, [(value / top, written(value, look.unit)) for value in marks])]
    for index, (each, (points, below)) in enumerate(zip(found, shown, strict=True)):
        colour = colours.get(each.name, PALETTE[index % len(PALETTE)])
        path = " ".join(f"{frame.x(at):.1f},{frame.y(value / top):.1f}" for at, value in points)
        body.append(f'<polyline points="{path}" fill="none" stroke="{colour}"/>')
        floor = below or ((points[0][0], 0.0), (points[-1][0], 0.0))
        back = " ".join(
            f"{frame.x(at):.1f},{frame.y(value / top):.1f}" for at, value in reversed(floor)
        )
        opacity = 0.4 if stacked else 0.06
        body.append(f'<polygon points="{path} {back}" fill="{colour}" opacity="{opacity}"/>')
    return _svg(frame, body)


def states(frame: Frame, found: Sequence[Series], look: Look) -> str:
    """Draw one band for each series, with the words of its states."""
    row = (frame.height - _BOTTOM) / max(1, len(found))
    body = [_times(frame)]
    for index, each in enumerate(found):
        top, height = index * row + row * 0.12, row * 0.76
        body.append(_label(frame.left - 8, top + height / 2 + 4, each.name, "end"))
        for begin, end, value in _runs(each.points):
            left, right = frame.x(begin), frame.x(end)
            body.append(
                f'<rect x="{left:.1f}" y="{top:.1f}" width="{max(1.0, right - left):.1f}"'
                f' height="{height:.1f}" fill="{look.colour(value)}" opacity="0.8"/>'
            )
            if right - left > 7 * len(look.text(value)):
                word = _label((left + right) / 2, top + height / 2 + 4, look.text(value), "middle")
                body.append(f'<g class="on">{word}</g>')
    return _svg(frame, body)


def heat(frame: Frame, found: Sequence[Series], unit: str) -> str:
    """Draw the buckets of a histogram: each series is one, its name the upper bound."""
    buckets = _apart(sorted(found, key=lambda each: float(each.name)))
    most = max((value for _, points in buckets for _, value in points), default=0.0) or 1.0
    row = 1 / max(1, len(buckets))
    marks = [
        ((index + 1) * row, written(float(name), unit))
        for index, (name, _) in enumerate(buckets)
        if name != "+Inf"
    ]
    body = [_axes(frame, marks[:: max(1, len(marks) // 6)])]
    for index, (_, points) in enumerate(buckets):
        for (at, value), (after, _) in pairwise(points):
            if value > 0:
                body.append(
                    f'<rect x="{frame.x(at):.1f}" y="{frame.y((index + 1) * row):.1f}"'
                    f' width="{frame.x(after) - frame.x(at):.2f}"'
                    f' height="{(frame.height - _BOTTOM - 8) * row - 1:.1f}" fill="#ff780a"'
                    f' opacity="{0.15 + 0.85 * math.sqrt(value / most):.2f}"/>'
                )
    return _svg(frame, body)


def _stacked(found: Sequence[Series]) -> list[tuple[tuple[Point, ...], tuple[Point, ...]]]:
    """Put each series upon those before it; what it has at no time counts nothing."""
    base: dict[float, float] = {}
    layers = []
    for each in found:
        below = tuple((at, base.get(at, 0.0)) for at, _ in each.points)
        above = tuple((at, base.get(at, 0.0) + value) for at, value in each.points)
        base |= dict(above)
        layers.append((above, below))
    return layers


def _apart(found: Sequence[Series]) -> list[tuple[str, list[Point]]]:
    """Take each bucket without those below it; Prometheus' buckets hold them."""
    below: dict[float, float] = {}
    apart = []
    for each in found:
        apart.append((each.name, [(at, value - below.get(at, 0.0)) for at, value in each.points]))
        below = dict(each.points)
    return apart


def _runs(points: Sequence[Point]) -> Iterator[tuple[float, float, float]]:
    """Yield from when to when a value held."""
    begin, value = points[0]
    for at, current in points[1:]:
        if current != value:
            yield begin, at, value
            begin, value = at, current
    yield begin, points[-1][0], value


def _scale(most: float, unit: str) -> tuple[float, list[float]]:
    """Choose the top of an axis and a few round values on it."""
    if not most > 0:
        return 1.0, [0.0, 1.0]
    base = _base(most, unit)
    rough = most / base / 4
    power = 10.0 ** math.floor(math.log10(rough))
    step = base * power * next(each for each in (1, 2, 5, 10) if each * power >= rough)
    count = math.ceil(most / step)
    return count * step, [index * step for index in range(count + 1)]


def _base(most: float, unit: str) -> float:
    """What is round in a unit: whole minutes, whole mebibytes."""
    if unit == "bytes":
        return 1024.0 ** max(0, math.floor(math.log(most, 1024)))
    sizes = (_DAY, 3600.0, 60.0) if unit == "s" else ()
    return next((size for size in sizes if most >= size), 1.0)


def _axes(frame: Frame, marks: Sequence[tuple[float, str]]) -> str:
    parts = []
    for share, word in marks:
        y = frame.y(share)
        parts.append(f'<line x1="{frame.left}" x2="{frame.width - 8}" y1="{y:.1f}" y2="{y:.1f}"/>')
        parts.append(_label(frame.left - 6, y + 4, word, "end"))
    return "".join(parts) + _times(frame)


def _times(frame: Frame) -> str:
    span = frame.end - frame.begin
    step = next(each for each in (3600, 3 * 3600, _DAY, 2 * _DAY) if span / each <= _MOST_TIMES)
    form = "%H:%M" if step < _DAY else "%d %b"
    first = math.ceil(frame.begin / step) * step
    parts = []
    for index in range(int((frame.end - first) // step) + 1):
        at = first + index * step
        word = time.strftime(form, time.gmtime(at))
        parts.append(_label(frame.x(at), frame.height - 6, word, "middle"))
    return "".join(parts)


def _label(x: float, y: float, word: str, anchor: str) -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}">{escape(word)}</text>'


def _svg(frame: Frame, body: Sequence[str]) -> str:
    size = f'width="{frame.width}" height="{frame.height}"'
    style = f"line{{stroke:{_GRID}}}text{{fill:{_FAINT}}}"
    return f"<svg {size}><style>{style}</style>{''.join(body)}</svg>"
