"""Every renderer prints every block, and makes harmless what others wrote in it."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from typing import get_args

import pytest

from exporter.publish.blocks import (
    Block,
    Cell,
    Code,
    Command,
    List,
    Table,
    TableColumn,
    Tone,
    Tree,
    TreeNode,
    heading,
    item,
    line,
    listed,
)
from exporter.publish.render import html, markdown, terminal
from exporter.publish.render.terminal import Style

Renderer = Callable[[Iterable[Block]], str]
RENDERERS: dict[str, Renderer] = {
    "terminal": terminal.render,
    "markdown": markdown.render,
    "html": html.render,
}
MARKUP = "<b onclick='x'>*a*|`[b](c)"
CONTROL = "\x1b[2J\r\n\x00\x9b1A\u202e"


def every(text: str) -> list[Block]:
    """One block of each kind, with the text wherever a block has one."""
    spans = (text, Cell(text, Tone.BAD), Code(text))
    node = TreeNode(
        text, Cell(text, Tone.UNSURE), text, text, (Cell(text),), (TreeNode(text, Cell(text)),)
    )
    columns = (TableColumn(text, "cut"), TableColumn(text, "folded"), TableColumn(text, right=True))
    return [
        heading(*spans, level=1),
        heading(*spans),
        line(*spans),
        List((item(*spans, below=(item(*spans),)),)),
        Table(columns, (spans, spans)),
        Tree(node),
        Command(text, text),
    ]


@pytest.fixture(params=RENDERERS)
def render(request: pytest.FixtureRequest) -> Renderer:
    return RENDERERS[request.param]


def test_every_kind_of_block_is_here() -> None:
    assert {type(each) for each in every("")} == set(get_args(Block))


def test_each_text_of_each_block_is_shown(render: Renderer) -> None:
    for block in every("word"):
        texts = len(re.findall(r"(?:\(|=|, )'word'", repr(block)))
        assert len(re.findall("word", render([block]), re.IGNORECASE)) >= texts, block


def test_no_control_character_is_printed(render: Renderer) -> None:
    for block in every(f"a{CONTROL}b"):
        said = render([block])
        assert all(each.isprintable() or each == "\n" for each in said), block


def test_a_text_takes_no_line_of_its_own(render: Renderer) -> None:
    hostile, tame = every(f"a{CONTROL}b"), every("ab")

    for one, other in zip(hostile, tame, strict=True):
        assert render([one]).count("\n") == render([other]).count("\n"), one


def test_html_takes_no_markup_from_a_text() -> None:
    for block in every(MARKUP):
        said = html.render([block])
        assert "<b " not in said, block
        assert "onclick='" not in said, block


def test_markdown_takes_no_markup_from_a_text() -> None:
    for block in every(MARKUP):
        bare = re.sub(r"(`+) .*? \1", "", markdown.render([block]))
        assert "<b" not in bare.replace(r"\<b", ""), block
        assert "[b]" not in bare, block


def test_a_bar_ends_no_cell_of_a_markdown_table() -> None:
    (table,) = [each for each in every("a|b") if isinstance(each, Table)]

    rows = markdown.render([table]).splitlines()
    assert {len(re.findall(r"(?<!\\)\|", row)) for row in rows} == {4}


def test_backticks_end_no_code_span() -> None:
    assert markdown.render([line(Code("a`` b"))]) == "``` a`` b ```\n"


def test_only_a_terminal_with_colours_has_escapes_and_they_hold_no_text() -> None:
    blocks = every("word")
    bare, coloured = (terminal.render(blocks, Style(colour=each)) for each in (False, True))

    assert "\x1b" not in bare
    assert re.sub("\x1b\\[[0-9;]*m", "", coloured) == bare
    assert coloured != bare


def test_columns_fold_into_one_that_shows_the_loudest() -> None:
    folds = [TableColumn(f"p{n}", "folded") for n in range(20)]
    cells = [Cell("ok", Tone.GOOD)] * 19 + [Cell("LOST", Tone.BAD)]
    table = Table(
        (TableColumn("Name", "cut"), *folds, TableColumn("State")), (("a" * 60, *cells, "bad"),)
    )

    head, row = terminal.render([table], Style(width=80)).splitlines()
    assert max(len(head), len(row)) <= 80
    assert re.search(r"\+\d+ more", head)
    assert "LOST" in row
    assert row.startswith("aaa")
    assert row.endswith("bad")
    assert "| +10 more | State |" in markdown.render([table])


def test_a_list_ends_with_how_many_more_there_are() -> None:
    assert terminal.render([List(listed("abcd", 2))]) == "  a\n  b\n  … and 2 more\n"
    assert terminal.render([List(listed("ab", 2))]) == "  a\n  b\n"


def test_an_empty_table_has_its_head() -> None:
    empty = Table((TableColumn("Name", "cut"), TableColumn("State")), ())

    assert terminal.render([empty]) == "NAME  STATE\n"
    assert markdown.render([empty]).startswith("| Name | State |\n")
    assert "<th" in html.render([empty])
