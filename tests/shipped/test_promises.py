"""What the page on hardening promises is held by the tests that it names."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[2]
PAGE: Final = (ROOT / "docs" / "hardening.md").read_text()
PROMISE: Final = re.compile(r"^\| (?P<words>[^|]+) \| `(?P<test>tests/[^`]+)` \|$", re.MULTILINE)


def test_every_promise_names_a_test_that_is_there() -> None:
    promises = PROMISE.findall(PAGE.partition("## Promises")[2])

    assert len(promises) > 20
    for words, test in promises:
        path, _, name = test.partition("::")
        tree = ast.parse((ROOT / path).read_text())
        defined = {each.name for each in ast.walk(tree) if isinstance(each, FUNCTIONS)}
        assert not name or name in defined, f"{words}: {test}"


FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef)
