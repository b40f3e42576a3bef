"""Prints blocks as Markdown, for a ticket or a job summary."""

import re
from collections.abc import Iterable, Iterator
from typing import Final, assert_never

from exporter.publish.blocks import (
    Block,
    Cell,
    Code,
    Command,
    Heading,
    Item,
    Line,
    List,
    Span,
    Table,
    Text,
    Tone,
    Tree,
    TreeNode,
    bare,
    spans,
)
from exporter.screen import plain

_MOST_FOLDABLE: Final = 10
"""Columns that are shown of those that may be folded."""
_SPECIAL: Final = re.compile(r"([\\`*_{}\[\]<>|#~])")
_TICKS: Final = re.compile("`+")


def render(blocks: Iterable[Block]) -> str:
    """Return the blocks as Markdown, an empty line between them."""
    return "\n".join("".join(f"{line.rstrip()}\n" for line in _block(each)) for each in blocks)


def escape(text: str) -> str:
    """Return text that Markdown shows as it is."""
    return _SPECIAL.sub(r"\\\1", plain(text))


def _block(block: Block) -> Iterator[str]:
    match block:
        case Heading():
            yield f"{'#' * (block.level + 1)} {_text(block.text)}"
        case Line():
            yield _text(block.text)
        case List():
            yield from _items(block.items, "")
        case Table():
            yield from _table(block.folded(_MOST_FOLDABLE))
        case Tree():
            yield from _items((_item(block.root),), "")
        case Command():
            yield f"{escape(block.purpose)}: {_code(block.command)}"
        case _:
            assert_never(block)


def _items(items: Iterable[Item], indent: str) -> Iterator[str]:
    for each in items:
        yield f"{indent}- {_text(each.text)}"
        yield from _items(each.below, indent + "  ")


def _item(node: TreeNode) -> Item:
    parts: Iterable[Span] = (node.label, node.cell, Code(node.code), node.size, *node.notes)
    text = tuple(span for each in parts if bare(each) for span in (", ", each))[1:]
    return Item(text, tuple(map(_item, node.below)))


def _table(table: Table) -> Iterator[str]:
    yield _row(escape(each.name) for each in table.columns)
    yield _row("--:" if each.right else "---" for each in table.columns)
    for row in table.rows:
        # A code span does not shield a bar: it would end the cell.
        yield _row(
            "".join(
                _span(each).replace("|", "\\|") if isinstance(each, Code) else _span(each)
                for each in spans(cell)
            )
            for cell in row
        )


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _text(text: Text) -> str:
    return "".join(map(_span, text))


def _span(span: Span) -> str:
    if isinstance(span, Code):
        return _code(span.text)
    if isinstance(span, Cell) and span.tone in (Tone.BAD, Tone.UNSURE):
        return f"**{escape(span.text)}**"
    return escape(bare(span))


def _code(text: str) -> str:
    """Return a code span; more backticks than it holds in a row enclose it."""
    shown = plain(text)
    longest = max((len(each) for each in _TICKS.findall(shown)), default=0)
    fence, room = "`" * (longest + 1), " " if longest else ""
    return f"{fence}{room}{shown}{room}{fence}"
