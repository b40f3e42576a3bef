"""docs/architecture.md is true: what it names is there, and every part of the code is in it."""

from __future__ import annotations

import re
from typing import Final

import pytest

from tests.parts.pages import TREE

PAGE: Final = (TREE / "docs" / "architecture.md").read_text()
PLACES: Final = sorted(set(re.findall(r"`([a-z_0-9]+(?:/[a-z_0-9]+)+(?:\.[a-z]+)?)`", PAGE)))
"""Files and folders, from the root of the project or of its package."""
LONGEST: Final = 120
"""Lines: two screens."""


@pytest.mark.parametrize("place", PLACES)
def test_what_the_page_names_is_there(place: str) -> None:
    assert any((root / place).exists() for root in (TREE, TREE / "exporter"))


def test_every_part_of_the_package_is_in_its_table() -> None:
    parts = {each.name for each in (TREE / "exporter").iterdir() if not each.name.startswith("_")}

    assert {each for each in parts if f"`exporter/{each}`" not in PAGE} == set()


def test_each_place_to_add_something_names_the_tests_that_want_it() -> None:
    _, _, chapter = PAGE.partition("## Where to add\n")
    entries = [line for line in chapter.splitlines() if line.startswith("- ")]

    assert [entry for entry in entries if "`tests/" not in entry] == []


def test_the_page_fits_on_two_screens() -> None:
    assert len(PAGE.splitlines()) <= LONGEST
