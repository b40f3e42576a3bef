"""The shape of the code: how long a module and a function may be."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Final

import exporter

ROOT: Final = Path(exporter.__file__).parent
LONGEST_MODULE: Final = 400
LONGEST_FUNCTION: Final = 50


def modules() -> dict[str, str]:
    return {str(each.relative_to(ROOT)): each.read_text() for each in ROOT.rglob("*.py")}


def test_no_module_is_longer_than_four_hundred_lines() -> None:
    lines = {name: text.count("\n") for name, text in modules().items()}
    long = {name: count for name, count in lines.items() if count > LONGEST_MODULE}

    assert long == {}


def test_no_function_is_longer_than_fifty_lines() -> None:
    long = [
        f"{name}: {each.name}"
        for name, text in modules().items()
        for each in ast.walk(ast.parse(text))
        if isinstance(each, ast.FunctionDef | ast.AsyncFunctionDef)
        and (each.end_lineno or 0) - each.lineno >= LONGEST_FUNCTION
    ]

    assert long == []
