"""docs/registries has a page for each kind, and says what its facts say."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.sources.registry.kinds import KINDS
from tests.golden import generated
from tests.shipped.registries_page import BEGIN, END, sources, table
from tests.shipped.test_pages import DOCS

if TYPE_CHECKING:
    from pathlib import Path

PAGES = DOCS / "registries"
NAMES = sorted({each.name for each in KINDS})


def between(path: Path, text: str) -> str:
    """The page with another text between its marks."""
    head, _, rest = path.read_text().partition(BEGIN)
    _, _, tail = rest.partition(END)
    return f"{head}{BEGIN}\n{text}\n{END}{tail}"


def test_each_kind_has_its_page_and_no_page_is_left_over() -> None:
    assert sorted(each.stem for each in PAGES.glob("*.md")) == sorted([*NAMES, "README"])
    index = (PAGES / "README.md").read_text()
    assert [name for name in NAMES if f"({name}.md)" not in index] == []


def test_the_table_of_kinds_is_made_from_the_facts() -> None:
    path = PAGES / "README.md"
    generated(path, between(path, table(KINDS)))


@pytest.mark.parametrize("name", NAMES)
def test_a_page_names_the_source_of_each_fact(name: str) -> None:
    path = PAGES / f"{name}.md"
    generated(
        path, between(path, "\n\n".join(sources(each) for each in KINDS if each.name == name))
    )
