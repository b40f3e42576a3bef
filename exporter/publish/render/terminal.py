"""Prints blocks on a terminal. Width and colour are given, never asked for."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final, assert_never

from exporter.publish.blocks import (
    Block,
    Cell,
    Command,
    Heading,
    Item,
    Line,
    List,
    Span,
    Table,
    TableColumn,
    Text,
    Tone,
    Tree,
    TreeNode,
    bare,
    spans,
)
from exporter.screen import plain

_COLOURS: Final = {Tone.BAD: "1;31", Tone.UNSURE: "33", Tone.GOOD: "32", Tone.QUIET: "2"}
_GAP: Final = "  "
_CUT: Final = "…"


@dataclass(frozen=True, slots=True)
class Style:
    """How a terminal is written to."""

    width: int = 100
    """Characters in a line of a table; what is to be copied is never cut."""
    colour: bool = False

    def text(self, text: Text) -> str:
        """Return spans as one text."""
        return "".join(map(self.span, text))

    def cell(self, cell: Span | Text) -> str:
        """Return a cell of a table."""
        return self.text(spans(cell))

    def span(self, span: Span) -> str:
        """Return a span, in the colour of its tone where colour is wanted."""
        shown = _bare(span)
        code = _COLOURS.get(span.tone) if self.colour and isinstance(span, Cell) else None
        return f"\x1b[{code}m{shown}\x1b[0m" if code else shown


def render(blocks: Iterable[Block], style: Style = Style()) -> str:
    """Return the blocks as lines of text."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(blocks, style))


def _lines(blocks: Iterable[Block], style: Style) -> Iterator[str]:
    before: Block | None = None
    for block in blocks:
        if before is not None and _is_apart(before, block):
            yield ""
        yield from _block(block, style)
        before = block


def _is_apart(before: Block, block: Block) -> bool:
    """Return whether an empty line parts two blocks."""
    if isinstance(block, Heading):
        return True
    if isinstance(before, Heading):
        return before.level == 1
    if isinstance(block, Command):
        return not isinstance(before, Command)
    return not isinstance(before, Line | Table if isinstance(block, Line) else Line)


def _block(block: Block, style: Style) -> Iterator[str]:
    match block:
        case Heading() | Line():
            yield style.text(block.text)
        case List():
            yield from _items(block.items, _GAP, style)
        case Table():
            yield from _table(block, style)
        case Tree():
            yield from _node(block.root, "", "", style)
        case Command():
            yield from _command(plain(block.purpose), plain(block.command))
        case _:
            assert_never(block)


def _command(purpose: str, command: str) -> Iterator[str]:
    """Yield a command on a line of its own, but beside a single word."""
    if " " in purpose:
        yield from (f"{purpose}:", _GAP + command)
    else:
        yield f"{purpose}: {command}"


def _items(items: Iterable[Item], indent: str, style: Style) -> Iterator[str]:
    for each in items:
        yield indent + style.text(each.text)
        yield from _items(each.below, indent + _GAP, style)


def _node(node: TreeNode, head: str, indent: str, style: Style) -> Iterator[str]:
    notes = ", ".join(each.text for each in node.notes)
    parts = (node.label, style.span(node.cell), node.code, node.size, notes)
    yield head + _GAP.join(
        part if at == 1 else plain(part) for at, part in enumerate(parts) if part
    )
    for position, below in enumerate(node.below, 1):
        last = position == len(node.below)
        branch, rest = ("└─ ", "   ") if last else ("├─ ", "│  ")
        yield from _node(below, indent + branch, indent + rest, style)


def _table(table: Table, style: Style) -> Iterator[str]:
    table, room = _fitted(table, style.width)
    columns = (
        _column(column, [row[at] for row in table.rows], room, style)
        for at, column in enumerate(table.columns)
    )
    yield from map(_GAP.join, zip(*columns, strict=True))


def _column(
    column: TableColumn, cells: list[Span | Text], room: int, style: Style
) -> Iterator[str]:
    """Yield the head of a column and its cells, all of one width."""
    head = plain(column.name if column.fits == "folded" else column.name.upper())
    texts = list(map(_bare, cells))
    if column.fits == "cut":
        texts = [_cut(each, room) for each in texts]
    width = max(len(head), *map(len, texts), 0)
    shown = chain((head,), texts if column.fits == "cut" else map(style.cell, cells))
    for text, each in zip((head, *texts), shown, strict=True):
        padding = " " * (width - len(text))
        yield padding + each if column.right else each + padding


def _fitted(table: Table, width: int) -> tuple[Table, int]:
    """Fold columns until texts that may be cut have half of the width, or all that they need."""
    at = next((at for at, each in enumerate(table.columns) if each.fits == "cut"), None)
    if at is None:
        return table, width
    width -= _taken(table, "whole")
    longest = max((len(_bare(row[at])) for row in table.rows), default=0)
    wanted = min(longest, width // 2)
    folded, kept = table, table.foldable
    while kept > 1 and width - _taken(folded, "folded") < wanted:
        kept -= 1
        folded = table.folded(kept)
    return folded, max(wanted, min(longest, width - _taken(folded, "folded")))


def _taken(table: Table, fits: str) -> int:
    """Return how much width the columns of one kind take."""
    return sum(
        max(len(column.name), *(len(_bare(row[at])) for row in table.rows), 0) + len(_GAP)
        for at, column in enumerate(table.columns)
        if column.fits == fits
    )


def _cut(text: str, room: int) -> str:
    """Shorten a text in its middle: both ends tell names apart."""
    if len(text) <= room:
        return text
    tail = room // 2
    return text[: room - tail - len(_CUT)] + _CUT + text[len(text) - tail :]


def _bare(cell: Span | Text) -> str:
    return plain(bare(cell))
