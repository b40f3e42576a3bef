"""How does the answer of `inspect` look on a terminal?"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import chain

from exporter.judge.report import Report, TagVerdict
from exporter.publish.formatting import platform_words, size_words, verdict_cell, wanted_by
from exporter.publish.sheet import root_name
from exporter.publish.summary import blindness, coverage_head
from exporter.publish.text.terminal import Style
from exporter.publish.tree import Node, grow


def inspect_text(report: Report, style: Style) -> str:
    """Return the tree of every tag in a report, who uses it, and what was not seen."""
    trees = (_tree(report, verdict, style) for verdict in report.verdicts)
    gaps = blindness(report, report.snapshot.gaps)
    lines = chain(
        chain.from_iterable(trees), (coverage_head(gaps),), (f"  {each}" for each in gaps)
    )
    return "".join(f"{line.rstrip()}\n" for line in lines)


def _tree(report: Report, verdict: TagVerdict, style: Style) -> Iterator[str]:
    root = verdict.root
    name = f"{report.snapshot.registry}/{root_name(verdict)}"
    yield f"{name} ({root.reference_class}) {style.paint(verdict_cell(verdict))}"
    owners = wanted_by(verdict)
    if owners:
        yield f"used by {'; '.join(owners)}"
    if root.platforms:
        yield f"must run on {', '.join(sorted(map(platform_words, root.platforms)))}"
    further = sorted(root.admitted - root.platforms, key=str)
    if further:
        said = (
            f"{platform_words(each)}{' (no image)' if each in verdict.not_offered else ''}"
            for each in further
        )
        yield f"may start on {', '.join(said)}"
    yield from _lines(grow(report, verdict), "", "", style)
    yield ""


def _lines(node: Node, head: str, indent: str, style: Style) -> Iterator[str]:
    size = size_words(node.size) if node.size is not None else ""
    parts = (node.label, style.paint(node.cell), node.digest or "", size, ", ".join(node.remarks))
    yield head + "  ".join(part for part in parts if part)
    for position, below in enumerate(node.below, 1):
        last = position == len(node.below)
        branch, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _lines(below, indent + branch, indent + rest, style)
