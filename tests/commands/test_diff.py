"""`diff` with the removals that the user names as intended."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from exporter import cli
from exporter.facts.snapshot import Sealed
from exporter.facts.use import ReferenceClass
from tests.judge.scene import APP, Scene, scene
from tests.store.layout import encode
from tests.worlds import image

if TYPE_CHECKING:
    from pathlib import Path

OLD = image("old")


def answered(
    folder: Path, capsys: pytest.CaptureFixture[str], *options: str
) -> tuple[int, dict[str, str], str]:
    before, after = folder / "before", folder / "after"
    seen = scene(OLD, "v1", kind=ReferenceClass.IDLE).tag(OLD, "v2", kind=ReferenceClass.IDLE)
    before.write_bytes(encode(seen.seal().snapshot()))
    after.write_bytes(encode(Scene(sealed={APP: Sealed({})}).snapshot()))
    code = cli.main(["diff", str(before), str(after), "--output", "json", *options])
    output, errors = capsys.readouterr()
    shifts = json.loads(output)["shifts"] if output else []
    return code, {each["tag"]: each["kind"] for each in shifts}, errors


def test_only_what_a_file_or_a_plan_names_is_intended(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "intended"
    file.write_text("# old builds\n\nregistry.example/app:v1\nother.example/app:v2\n")
    plan = tmp_path / "plan"
    plan.write_text("app:v2\n")

    told = answered(tmp_path, capsys)
    assert told == (0, {"v1": "gone", "v2": "gone"}, "")
    told = answered(tmp_path, capsys, "--intended", str(file))
    assert told == (0, {"v1": "removed", "v2": "gone"}, "")
    told = answered(tmp_path, capsys, "--plan", str(plan))
    assert told == (0, {"v1": "gone", "v2": "removed"}, "")
    file.write_text("app:v*\n")
    told = answered(tmp_path, capsys, "--intended", str(file))
    assert told == (0, {"v1": "removed", "v2": "removed"}, "")


@pytest.mark.parametrize("line", ["app", "app@sha256:00"])
def test_a_line_that_is_no_reference_is_a_usage_error(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], line: str
) -> None:
    file = tmp_path / "intended"
    file.write_text(f"app:v1\n{line}\n")

    code, shifts, errors = answered(tmp_path, capsys, "--intended", str(file))

    assert (code, shifts) == (2, {})
    assert f"--intended {file}, line 2: give repository:tag" in errors
