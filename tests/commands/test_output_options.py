"""How much is printed, in which form: --quiet, --verbose, NO_COLOR, --log-format."""

from __future__ import annotations

import argparse
import json
import logging
from pathlib import Path

import pytest

from exporter.cli import main
from exporter.commands.answer import style
from exporter.oci.reference import natural
from exporter.serve.logs import FORMATS
from tests import worlds
from tests.parts.registry import registry


def test_quiet_prints_nothing_and_the_exit_code_tells(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with registry(tmp_path) as server:
        server.push("app", worlds.image("app"), "v1")
        subject = f"{server.host}/app:v1"

        assert main(["check", "-q", "--plain-http", subject]) == 0
        assert capsys.readouterr().out == ""
        assert main(["check", "-v", "--plain-http", subject]) == 0
        said = capsys.readouterr()
    assert "app:v1" in said.out


@pytest.mark.parametrize("no_color", ["", "1"])
@pytest.mark.parametrize("terminal", ["xterm", "dumb"])
def test_no_color_and_dumb_terminals_are_honoured_but_for_always(
    no_color: str, terminal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_COLOR", no_color)
    monkeypatch.setenv("TERM", terminal)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)

    assert style(argparse.Namespace(color="auto")).colour is (no_color == "" and terminal != "dumb")
    assert style(argparse.Namespace(color="always")).colour
    assert not style(argparse.Namespace(color="never")).colour


def test_a_log_line_is_json_or_text() -> None:
    record = logging.makeLogRecord(
        {"name": "x", "levelname": "INFO", "msg": "done", "registry": "r"}
    )

    assert json.loads(FORMATS["json"]().format(record))["registry"] == "r"
    assert FORMATS["text"]().format(record).endswith('+00:00 info    done logger="x" registry="r"')


def test_numbers_in_names_sort_as_numbers() -> None:
    names = ["v10", "v2", "v1", "1.10", "1.9", "latest", "v02"]

    assert sorted(names, key=natural) == ["1.9", "1.10", "latest", "v1", "v02", "v2", "v10"]
