"""What stands in the table of tags and platforms?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import count
from typing import Final

from exporter.facts.proof import State
from exporter.facts.snapshot import Root
from exporter.judge.report import Child, ChildKind, Report, TagReport, TagVerdict, Urgency
from exporter.oci.reference import names_host
from exporter.publish.blocks import Cell, Tone
from exporter.publish.formatting import ABSENT, LACKING, child_cell, platform_words, verdict_cell

ANY: Final = "any"
"""The column of images that say no platform, and of tags that could not be looked into."""
OTHER: Final = "other"
"""The column of what no node runs: attestations, artifacts, caches, unreadable indexes."""

_LOUDEST: Final = (Tone.BAD, Tone.UNSURE, Tone.GOOD, Tone.QUIET, Tone.PLAIN)


@dataclass(frozen=True, slots=True)
class Row:
    """One tag."""

    reference: str
    """Its class."""
    name: str
    """`repository:tag`, or `repository@digest`."""
    cells: tuple[Cell, ...]
    """One for each platform column."""
    state: Cell


@dataclass(frozen=True, slots=True)
class Sheet:
    """The whole table; live tags first, and the worst first within a class."""

    platforms: tuple[str, ...]
    """Column names, the most frequent platform first."""
    rows: tuple[Row, ...]
    omitted: int
    """Tags that are well and that were left out, because there are too many."""


def lay_out(report: Report, most: int) -> Sheet:
    """Return the table of a report: every tag that is not well, and so many of the others."""
    columns = _columns(report)
    told = [(each.verdict, _well(each), each.order) for each in report.tags]
    told.sort(key=lambda each: (each[2], each[1]))
    fine = sum(well for _, well, _ in told)
    room = max(0, most - (len(told) - fine))
    place = count()
    shown = [each for each, well, _ in told if not well or next(place) < room]
    return Sheet(columns, tuple(_row(each, columns) for each in shown), max(0, fine - room))


def narrow(sheet: Sheet, columns: int) -> Sheet:
    """Keep so many platform columns; the others become one, which shows the worst of them."""
    hidden = len(sheet.platforms) - columns
    if hidden <= 0:
        return sheet
    rows = tuple(
        replace(row, cells=(*row.cells[:columns], loudest(row.cells[columns:])))
        for row in sheet.rows
    )
    return replace(sheet, platforms=(*sheet.platforms[:columns], f"+{hidden} more"), rows=rows)


def loudest(cells: Iterable[Cell]) -> Cell:
    """Return the cell that must not be overlooked."""
    return min(cells, key=lambda cell: _LOUDEST.index(cell.tone))


def root_name(verdict: TagVerdict) -> str:
    """Name a tag within its registry, or a pinned digest in full: what can be typed again."""
    return name_of(verdict.root)


def name_of(root: Root) -> str:
    """Name what an audit started from, likewise."""
    return f"{root.repository}:{root.tag}" if root.tag else f"{root.repository}@{root.digest}"


def inspect_command(report: Report, verdict: TagVerdict) -> str:
    """Say what to type to look at a tag."""
    return f"pullproof inspect {_address(report, verdict)}"


def scrub_command(report: Report, verdict: TagVerdict) -> str:
    """Say what to type to read a tag whole."""
    return f"pullproof scrub {_address(report, verdict)}"


def _address(report: Report, verdict: TagVerdict) -> str:
    """Name a tag with its registry, whose label need not be its host."""
    label = report.snapshot.registry
    return f"{label if names_host(label) else 'HOST'}/{root_name(verdict)}"


def _well(tag: TagReport) -> bool:
    return tag.urgency is Urgency.NONE and all(
        each.state is State.PRESENT or not each.expected for each in tag.verdict.children
    )


def _columns(report: Report) -> tuple[str, ...]:
    found: Counter[str] = Counter()
    for verdict in report.verdicts:
        found.update({_column(child) for child in verdict.children})
        found.update({platform_words(platform) for platform in verdict.lacking_platforms})
    last = [name for name in (ANY, OTHER) if found.pop(name, 0)]
    ordered = sorted(found, key=lambda name: (-found[name], name))
    return (*ordered, *last)


def _column(child: Child) -> str:
    if child.kind is not ChildKind.IMAGE:
        return OTHER
    return platform_words(child.platform) if child.platform else ANY


def _row(verdict: TagVerdict, columns: tuple[str, ...]) -> Row:
    lacking = map(platform_words, verdict.lacking_platforms)
    cells: dict[str, Cell] = dict.fromkeys(lacking, LACKING)
    for child in verdict.children:
        cell, name = child_cell(child), _column(child)
        cells[name] = loudest((cells.get(name, cell), cell))
    return Row(
        str(verdict.root.reference_class),
        root_name(verdict),
        tuple(cells.get(name, ABSENT) for name in columns),
        verdict_cell(verdict),
    )
