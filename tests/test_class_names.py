"""Names of the code: one class name, one meaning."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import exporter


def test_no_two_classes_have_one_name() -> None:
    files = Path(exporter.__file__).parent.rglob("*.py")
    found = Counter(
        each.name
        for file in files
        for each in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(each, ast.ClassDef)
    )

    assert [name for name, count in found.items() if count > 1] == []
