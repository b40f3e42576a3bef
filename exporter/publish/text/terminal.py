"""How does the answer of `check` look on a terminal? Width and colour are told, never asked."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from exporter.judge.report import Report
from exporter.publish.blocks import Cell, Tone
from exporter.publish.formatting import count_words, time_words
from exporter.publish.sheet import Sheet, lay_out, narrow
from exporter.publish.summary import (
    Loss,
    Trouble,
    blindness,
    coverage_head,
    next_command,
    risks,
    totals,
    troubles,
)

_COLOURS: Final = {Tone.BAD: "1;31", Tone.UNSURE: "33", Tone.GOOD: "32", Tone.QUIET: "2"}
_GAP: Final = "  "
_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Style:
    """How a terminal is to be written to."""

    width: int = 100
    """Characters in a line of the table; what is to be copied is never cut."""
    colour: bool = False
    most: int = 100
    """Lines of the table, and tags in detail, before the rest is only counted."""
    again: str = ""
    """The options by which the next command reaches the same registry."""

    def paint(self, cell: Cell, width: int = 0) -> str:
        """Return a cell padded to a width, in its tone's colour where colour is wanted."""
        code = _COLOURS.get(cell.tone) if self.colour else None
        padding = " " * (width - len(cell.text))
        return f"\x1b[{code}m{cell.text}\x1b[0m{padding}" if code else cell.text + padding


def check_text(reports: Sequence[Report], style: Style) -> str:
    """Return the table, what is gone, what was not seen, how much was checked, what to do next."""
    sections = (_section(report, style) for report in reports)
    lines = chain(chain.from_iterable(sections), (f"Next: {next_command(reports, style.again)}",))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _section(report: Report, style: Style) -> Iterator[str]:
    snapshot = report.snapshot
    yield f"{snapshot.registry} ({snapshot.role}), {time_words(snapshot.taken_at)}"
    yield ""
    yield from _table(lay_out(report, style.most), style)
    yield from _losses(troubles(report), style)
    found = risks(report)
    if found:
        yield from ("", "At risk")
    yield from (f"{_GAP}{line}" for line in found)
    yield ""
    gaps = blindness(report, snapshot.gaps)
    yield coverage_head(gaps)
    yield from (f"{_GAP}{line}" for line in gaps)
    yield ""
    yield f"Checked {totals(report)}"
    yield ""


def _table(sheet: Sheet, style: Style) -> Iterator[str]:
    if not sheet.rows:
        yield "No tags in scope."
        return
    reference = _width("CLASS", (row.reference for row in sheet.rows))
    state = _width("STATE", (row.state.text for row in sheet.rows))
    sheet, room = _fit(sheet, style.width - reference - state - 2 * len(_GAP))
    name = _width("TAG", (_cut(row.name, room) for row in sheet.rows))
    widths = _widths(sheet)
    heads = (platform.ljust(width) for platform, width in zip(sheet.platforms, widths, strict=True))
    yield _GAP.join(("CLASS".ljust(reference), "TAG".ljust(name), *heads, "STATE"))
    for row in sheet.rows:
        cells = map(style.paint, row.cells, widths)
        named = (row.reference.ljust(reference), _cut(row.name, room).ljust(name))
        yield _GAP.join((*named, *cells, style.paint(row.state)))
    if sheet.omitted:
        yield f"{_CUT} and {count_words(sheet.omitted, 'more complete tag')}"


def _fit(sheet: Sheet, width: int) -> tuple[Sheet, int]:
    """Fold platform columns until the names have half of the width, or all that they need."""
    longest = max(len(row.name) for row in sheet.rows)
    wanted = min(longest, width // 2)
    folded, columns = sheet, len(sheet.platforms)
    while columns > 1 and width - _taken(folded) < wanted:
        columns -= 1
        folded = narrow(sheet, columns)
    return folded, max(wanted, min(longest, width - _taken(folded)))


def _taken(sheet: Sheet) -> int:
    return sum(width + len(_GAP) for width in _widths(sheet))


def _widths(sheet: Sheet) -> list[int]:
    columns = zip(*(row.cells for row in sheet.rows), strict=True)
    return [
        _width(platform, (cell.text for cell in column))
        for platform, column in zip(sheet.platforms, columns, strict=True)
    ]


def _width(head: str, texts: Iterator[str]) -> int:
    return max(len(head), *map(len, texts))


def _cut(name: str, room: int) -> str:
    """Shorten a name in its middle: both ends tell tags apart."""
    if len(name) <= room:
        return name
    tail = room // 2
    return name[: room - tail - len(_CUT)] + _CUT + name[len(name) - tail :]


def _losses(found: Sequence[Trouble], style: Style) -> Iterator[str]:
    if found:
        yield ""
        yield "Missing or broken"
    for trouble in found[: style.most]:
        since = f", first seen {time_words(trouble.since)}" if trouble.since is not None else ""
        yield f"{_GAP}{trouble.name} ({trouble.reference}) {style.paint(trouble.cell)}{since}"
        yield from chain.from_iterable(_loss(loss, style) for loss in trouble.losses)
        yield from (f"{_GAP * 2}{note}" for note in trouble.notes)
    if len(found) > style.most:
        yield f"{_GAP}{_CUT} and {count_words(len(found) - style.most, 'more tag')}"


def _loss(loss: Loss, style: Style) -> Iterator[str]:
    yield f"{_GAP * 2}{loss.where}  {style.paint(loss.cell)}  {loss.digest}"
    yield from (f"{_GAP * 3}{detail}" for detail in loss.details)
