"""Wrong values are refused before anything is installed, in words that name them."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.golden import generated
from tests.parts.helm import template

WRONG = sorted((Path(__file__).parent / "chart" / "invalid").glob("*.yaml"))


@pytest.mark.parametrize("path", WRONG, ids=lambda path: path.stem)
def test_a_wrong_value_is_refused_in_these_words(path: Path) -> None:
    said = template(f"--values={path}")

    assert said.code == 1
    generated(path.with_suffix(".expect.txt"), complaint(said.errors))


def complaint(errors: str) -> str:
    """What helm says, without where in which template it was said."""
    (start,) = re.finditer(r"^Error: ", errors, re.MULTILINE)
    text = re.sub(r"execution error at \(.*?\): ", "", errors[start.start() :])
    return text.partition("\n\nUse --debug")[0].strip() + "\n"
