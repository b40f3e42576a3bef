"""Prints blocks as HTML, for the pages."""

import html
from collections import Counter
from collections.abc import Iterable, Sequence
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
    PageLink,
    Span,
    Table,
    Text,
    Tone,
    Tree,
    TreeNode,
    spans,
    tone,
)
from exporter.screen import plain

_SIGNS: Final = {Tone.BAD: "✕", Tone.UNSURE: "!", Tone.GOOD: "✓", Tone.QUIET: "·", Tone.PLAIN: ""}
"""Signs that say the same as the colours."""


def render(blocks: Iterable[Block]) -> str:
    """Return the blocks as HTML, without a frame around them."""
    return "\n".join(_block(each, number) for number, each in enumerate(blocks))


def text(words: str) -> str:
    """Return text that HTML shows as it is, also within quotes."""
    return html.escape(plain(words))


def markup(cell: Span | Text) -> str:
    """Return the spans of a cell, or of a line, as HTML."""
    return "".join(map(_span, spans(cell)))


def _span(span: Span) -> str:
    match span:
        case Cell():
            return badge(span)
        case Code():
            return f"<code>{text(span.text)}</code>"
        case PageLink():
            return f'<a href="{text(span.path)}">{text(span.text)}</a>'
        case str():
            return text(span)
        case _:
            assert_never(span)


def badge(cell: Cell) -> str:
    """Return a cell in its tone, with a sign for those who see no colours."""
    sign = _SIGNS[cell.tone]
    shown = f'<span aria-hidden="true">{sign}</span>' if sign else ""
    return f'<span class="badge {cell.tone.value}">{shown}<span>{text(cell.text)}</span></span>'


def copy_button(source: str) -> str:
    """Return a button that the script shows; without it, one click selects what stands beside."""
    return f'<button type="button" data-copy="{source}" hidden>Copy</button>'


def _block(block: Block, number: int) -> str:
    match block:
        case Heading():
            return f"<h{block.level + 1}>{markup(block.text)}</h{block.level + 1}>"
        case Line():
            return f"<p>{markup(block.text)}</p>"
        case List():
            return _items(block.items)
        case Table():
            return _table(block)
        case Tree():
            return f'<ul class="card tree"><li>{_node(block.root)}</li></ul>'
        case Command():
            return _command(block, f"command-{number}")
        case _:
            assert_never(block)


def _items(items: Iterable[Item]) -> str:
    shown = "".join(
        f"<li>{markup(each.text)}{_items(each.below) if each.below else ''}</li>" for each in items
    )
    return f'<ul class="gaps">{shown}</ul>'


def _table(table: Table) -> str:
    named = next((at for at, each in enumerate(table.columns) if each.fits == "cut"), 0)
    heads = [text(each.name) for each in table.columns]
    top = "".join(f'<th scope="col" role="columnheader">{head}</th>' for head in heads)
    rows = "".join(_row(row, heads, named) for row in table.rows)
    # A narrow screen shows rows as blocks, which would else be no table to a screen reader.
    return (
        f'<table role="table"><thead role="rowgroup"><tr role="row">{top}</tr></thead>'
        f'<tbody role="rowgroup">\n{rows}</tbody></table>'
    )


def _row(row: Sequence[Span | Text], heads: Sequence[str], named: int) -> str:
    cells = "".join(
        f'<th scope="row" role="rowheader">{markup(cell)}</th>'
        if at == named
        else f'<td role="cell" data-head="{heads[at]}">{markup(cell)}</td>'
        for at, cell in enumerate(row)
    )
    loud = ' class="bad"' if any(tone(cell) is Tone.BAD for cell in row) else ""
    return f'<tr role="row"{loud}>{cells}</tr>\n'


def _command(command: Command, name: str) -> str:
    purpose = text(command.purpose)
    # A browser would break a line within the dashes of an option.
    words = (
        f'<span class="word">{text(word)}</span>' if word.startswith("--") else text(word)
        for word in command.command.split(" ")
    )
    return (
        f'<div class="command"><span class="small">{purpose}</span><div class="shell">'
        f'<pre id="{name}" tabindex="0" aria-label="{purpose}">{" ".join(words)}</pre>'
        f"{copy_button(name)}</div></div>"
    )


def _node(node: TreeNode) -> str:
    loud = node.cell.tone if node.cell.tone in (Tone.BAD, Tone.UNSURE) else Tone.PLAIN
    size = f'<span class="size">{text(node.size)}</span>' if node.size else ""
    notes = " · ".join(
        f'<span class="{each.tone.value}">{text(each.text)}</span>' for each in node.notes
    )
    code = f"<code>{text(node.code)}</code>" if node.code else ""
    if node.path:
        code = f'<a href="{text(node.path)}">{code}</a>'
    return (
        f'<div class="node {loud.value}"><div class="line">{badge(node.cell)}'
        f'<span class="label">{text(node.label)}</span>{size}</div>'
        + code
        + (f'<div class="notes">{notes}</div>' if notes else "")
        + f"</div>{_below(node)}"
    )


def _below(node: TreeNode) -> str:
    """Return what hangs below; leaves that are all well stand folded."""
    if not node.below:
        return ""
    listed = f"<ul>{''.join(f'<li>{_node(each)}</li>' for each in node.below)}</ul>"
    if any(each.below or each.cell.tone is not Tone.GOOD for each in node.below):
        return listed
    kinds = Counter(each.label for each in node.below)
    said = " and ".join(
        f"{count:,} {kind}{'' if count == 1 else 's'}" for kind, count in kinds.items()
    )
    head = f"<summary>{text(said)}, all present</summary>"
    return f'<details class="below small">{head}{listed}</details>'
