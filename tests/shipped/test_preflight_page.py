"""Does the page on preflights name what the code can say, and the fields that it writes?"""

from __future__ import annotations

from pathlib import Path
from typing import get_type_hints

import msgspec
import pytest

from exporter.judge.gc import preconditions
from exporter.judge.preflight import prediction
from exporter.judge.preflight.deletions import DeletionMethod
from exporter.publish.answers import document, preflight

PAGE = (Path(__file__).parents[2] / "docs" / "preflight.md").read_text()


@pytest.mark.parametrize("code", [*prediction.HazardCode, *preconditions.PreconditionCode])
def test_every_danger_has_its_line(code: str) -> None:
    assert f"`{code}`" in PAGE


@pytest.mark.parametrize("verdict", prediction.Verdict)
def test_every_verdict_has_its_line(verdict: str) -> None:
    assert f"| `{verdict}` |" in PAGE


@pytest.mark.parametrize(
    "kind",
    [
        preflight.PreflightDocument,
        preflight.VictimEntry,
        document.UserEntry,
        document.WorkloadEntry,
        preflight.BrokenEntry,
        preflight.LostEntry,
        preflight.GoingEntry,
        preflight.HazardEntry,
        document.GapEntry,
        preflight.CheckedEntry,
    ],
)
def test_every_field_is_told(kind: type[msgspec.Struct]) -> None:
    assert get_type_hints(kind)
    for field in msgspec.structs.fields(kind):
        name = field.encode_name
        assert any(f"{before}{name}{after}" in PAGE for before in "`." for after in ("`", "[")), (
            name
        )


def test_the_ways_to_delete_are_those_of_the_command() -> None:
    assert [str(way) for way in DeletionMethod] == ["api", "folder"]
    assert "--as folder" in PAGE


def test_the_version_is_the_one_that_is_written() -> None:
    assert f"`version` is {document.VERSION}," in PAGE
