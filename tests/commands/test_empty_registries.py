"""A registry that shows no tag is not all well: the login may not be allowed to list any."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from tests.parts.counting import Counting

if TYPE_CHECKING:
    from pathlib import Path

LINES: Final = (
    "check {host}",
    "scrub {host}",
    "protect {host}",
    "repair {host}",
    "snapshot {folder}/new.snapshot {host}",
    "check --from {saved}",
)


@pytest.mark.parametrize("line", LINES)
def test_no_command_is_content_with_an_empty_registry_unless_it_may_be_empty(
    line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "empty.snapshot"
    with Counting("unknown").served() as host:
        words = ["--plain-http", "--confirm-after", "0s"]
        cli.main(["snapshot", str(saved), host, *words])
        capsys.readouterr()
        asked = line.format(host=host, folder=tmp_path, saved=saved).split()
        asked += words if host in asked else []
        codes = [cli.main([*asked, *more]) for more in ([], ["--allow-empty"])]

    assert codes == [3, 0]
    assert "The login may not be allowed to list any" in "".join(capsys.readouterr())


def test_preflight_predicts_nothing_from_an_empty_snapshot(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    saved = tmp_path / "empty.snapshot"
    with Counting("unknown").served() as host:
        cli.main(["snapshot", str(saved), host, "--plain-http"])

    assert cli.main(["preflight", "--from", str(saved), "--gc", "distribution-3"]) == 3
    assert "SAFE" not in capsys.readouterr().out
