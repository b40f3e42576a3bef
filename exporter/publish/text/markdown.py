"""How do the answers of `check` and `inspect` look in a ticket or a job summary?"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import Final

from exporter.judge.report import Report, TagVerdict
from exporter.publish.formatting import count_words, size_words, time_words, verdict_cell, wanted_by
from exporter.publish.sheet import Sheet, lay_out, narrow, root_name
from exporter.publish.summary import (
    Trouble,
    blindness,
    coverage_head,
    next_command,
    risks,
    totals,
    troubles,
)
from exporter.publish.tree import Node, grow
from exporter.screen import plain

_MOST_PLATFORMS: Final = 10
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~])")


def check_markdown(reports: Sequence[Report], most: int, again: str = "") -> str:
    """Return the answer of `check`; at most so many rows that are well, and tags in detail.

    `again` are the options by which the next command reaches the same registry.
    """
    sections = (_section(report, most) for report in reports)
    following = (f"Next: `{next_command(reports, again)}`",)
    return _joined(chain(chain.from_iterable(sections), following))


def inspect_markdown(report: Report) -> str:
    """Return the answer of `inspect`: the tree of every tag as a nested list."""
    trees = (_tree(report, verdict) for verdict in report.verdicts)
    return _joined(chain(chain.from_iterable(trees), _unseen(report, "##")))


def escape(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def bullet(line: str) -> str:
    """Return an item of a list; what is indented stands below the one before."""
    bare = line.lstrip()
    return f"{line[: len(line) - len(bare)]}- {escape(bare)}"


def _section(report: Report, most: int) -> Iterator[str]:
    snapshot = report.snapshot
    yield f"## {escape(snapshot.registry)} ({snapshot.role}), {time_words(snapshot.taken_at)}"
    yield ""
    yield from _table(narrow(lay_out(report, most), _MOST_PLATFORMS))
    found = troubles(report)
    if found:
        yield from ("", "### Missing or broken", "")
    for trouble in found[:most]:
        yield from _trouble(trouble)
    if len(found) > most:
        yield f"- … and {count_words(len(found) - most, 'more tag')}"
    at_risk = risks(report)
    if at_risk:
        yield from ("", "### At risk", "")
    yield from (f"- {escape(line)}" for line in at_risk)
    yield ""
    yield from _unseen(report, "###")
    yield f"Checked {totals(report)}"
    yield ""


def _table(sheet: Sheet) -> Iterator[str]:
    if not sheet.rows:
        yield "No tags in scope."
        return
    yield _row(("Class", "Tag", *map(escape, sheet.platforms), "State"))
    yield _row("---" for _ in range(len(sheet.platforms) + 3))
    for row in sheet.rows:
        cells = (cell.text for cell in row.cells)
        yield _row((row.reference, escape(row.name), *cells, f"**{row.state.text}**"))
    if sheet.omitted:
        yield ""
        yield f"… and {count_words(sheet.omitted, 'more complete tag')}"


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _trouble(trouble: Trouble) -> Iterator[str]:
    since = f", first seen {time_words(trouble.since)}" if trouble.since is not None else ""
    yield f"- **{escape(trouble.name)}** ({trouble.reference}) {trouble.cell.text}{since}"
    for loss in trouble.losses:
        digest = f" `{loss.digest}`" if loss.digest else ""
        yield f"  - {escape(loss.where)} **{loss.cell.text}**{digest}"
        yield from (f"    - {escape(detail)}" for detail in loss.details)
    yield from (f"  - {escape(note)}" for note in trouble.notes)


def _unseen(report: Report, head: str) -> Iterator[str]:
    gaps = blindness(report, report.snapshot.gaps)
    yield from (f"{head} {coverage_head(gaps)}", "")
    yield from (f"- {escape(line)}" for line in gaps)
    yield ""


def _tree(report: Report, verdict: TagVerdict) -> Iterator[str]:
    name = f"{report.snapshot.registry}/{root_name(verdict)}"
    reference = verdict.root.reference_class
    yield f"## {escape(name)} ({reference}): {verdict_cell(verdict).text}"
    yield ""
    owners = wanted_by(verdict)
    if owners:
        yield f"Used by {'; '.join(map(escape, owners))}."
        yield ""
    yield from _nodes(grow(report, verdict), 0)
    yield ""


def _nodes(node: Node, depth: int) -> Iterator[str]:
    digest = f"`{node.digest}`" if node.digest else ""
    size = size_words(node.size) if node.size is not None else ""
    parts = (escape(node.label), f"**{node.cell.text}**", digest, size, *map(escape, node.remarks))
    yield f"{'  ' * depth}- {', '.join(part for part in parts if part)}"
    for below in node.below:
        yield from _nodes(below, depth + 1)


def _joined(lines: Iterable[str]) -> str:
    return "".join(f"{line.rstrip()}\n" for line in lines)
