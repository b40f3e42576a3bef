"""Does a command that looks once get by with a ledger that is not its own?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.cli import UNTOLD, USAGE, main

if TYPE_CHECKING:
    from pathlib import Path

AWAY = "127.0.0.1:1"


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A registry that is away, and a ledger that no exporter has made yet."""
    path = tmp_path / "pullproof.yml"
    registry = f"url: 'http://{AWAY}', plain_http: true, tries: 1"
    path.write_text(f"registries: [{{{registry}}}]\nledger: kept/ledger.sqlite\n")
    return path


def test_a_look_makes_no_ledger_that_the_exporter_could_not_write(config: Path) -> None:
    (config.parent / "kept").mkdir()

    assert main(["check", "--config", str(config)]) == UNTOLD

    assert not list((config.parent / "kept").iterdir())


def test_a_look_needs_no_folder_for_a_ledger(config: Path) -> None:
    assert main(["check", "--config", str(config)]) == UNTOLD


def test_a_scrub_that_could_not_be_resumed_is_refused(
    config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["scrub", "--config", str(config)]) == USAGE

    assert "ledger.sqlite: the ledger's folder does not exist" in capsys.readouterr().err
