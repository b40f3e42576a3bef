"""A fault of our own is one line on standard error, and no verdict."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, NoReturn

import pytest

from exporter import cli

if TYPE_CHECKING:
    from argparse import Namespace

EVIL = "a\nb\x1b[31m https://me:secret@r.example/"


class Fault(Exception):
    """What no command expects."""


def failing(args: Namespace, environ: object) -> NoReturn:  # noqa: ARG001 - as commands are called
    raise Fault(EVIL)


@pytest.fixture
def faulty(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.import_module("exporter.commands.diff"), "run", failing)


@pytest.mark.usefixtures("faulty")
def test_an_unexpected_exception_is_one_line_that_says_how_to_see_more(
    capsys: pytest.CaptureFixture[str],
) -> None:
    code = cli.main(["diff", "old", "new"])

    (line,) = capsys.readouterr().err.splitlines()
    assert code == cli.UNTOLD
    assert line.startswith("pullproof: internal error: Fault: a b�[31m https://…@r.example/ (set")
    assert "PULLPROOF_DEBUG=1 for the traceback" in line


@pytest.mark.usefixtures("faulty")
def test_the_traceback_is_there_for_those_who_ask(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PULLPROOF_DEBUG", "1")

    code = cli.main(["diff", "old", "new"])

    told = capsys.readouterr().err
    assert code == cli.UNTOLD
    assert told.startswith("Traceback")
    assert "in failing" in told
    assert "secret" not in told
    assert all(line.isprintable() for line in told.split("\n"))
