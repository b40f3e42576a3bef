"""`protect` says why it plans nothing where it could not look."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from exporter import cli
from exporter.facts.gap import Gap, Reason, Scope
from tests.judge.scene import Scene
from tests.store.layout import encode

if TYPE_CHECKING:
    from pathlib import Path

REFUSED = Gap(Scope.REGISTRY, "_catalog", Reason.UNAUTHORIZED, "the account may not list")


@pytest.mark.parametrize("form", ["text", "markdown", "json"])
def test_an_account_that_may_not_list_is_told_so_and_not_that_there_is_nothing_to_do(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], form: str
) -> None:
    file = tmp_path / "s"
    file.write_bytes(encode(Scene().snapshot(gaps=(REFUSED,))))

    code = cli.main(["protect", "--from", str(file), "--output", form])

    said = capsys.readouterr()
    assert code == 3
    assert "cannot list repositories: unauthorized: the account may not list" in said.err
    assert "nothing to do" not in said.out
    if form == "json":
        (entry,) = json.loads(said.out)["registries"]
        assert [each["reason"] for each in entry["gaps"]] == ["unauthorized"]
    else:
        assert "cannot list repositories" in said.out.replace("\\", "")


def test_a_whole_audit_says_nothing_beside_its_answer(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "s"
    file.write_bytes(encode(Scene().snapshot()))

    assert cli.main(["protect", "--from", str(file)]) == 0
    assert capsys.readouterr().err == ""
