"""What the judge decides is decided nowhere else: who publishes reads the report."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

EXPORTER = Path(__file__).parents[2] / "exporter"
READERS = ("publish", "commands", "serve")
DECISIONS = re.compile(
    r"\bin GONE\b|\bblast\b|\burgency\(|\bimpact_of\b|\btag_report\("
    r"|exporter\.judge\.(checks?|causes|counts|tag_report|remaining|verdict)\b"
)


@pytest.mark.parametrize("part", READERS)
def test_nothing_is_decided_where_it_is_only_said(part: str) -> None:
    for path in EXPORTER.glob(f"{part}/**/*.py"):
        found = DECISIONS.search(path.read_text())
        assert found is None, f"{path.relative_to(EXPORTER)}: {found and found[0]}"
