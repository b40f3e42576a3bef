"""What is typed reaches its command, and the list of commands comes at once."""

from __future__ import annotations

import subprocess
import sys
from typing import Final

import pytest

from exporter.cli import USAGE, main
from exporter.commands.arguments import COMMANDS

HEAVY: Final = "aiohttp", "asyncio", "httpx", "numpy", "pydantic", "yaml"
LOOK: Final = f"""
import sys, exporter.cli
try: exporter.cli.main(["--help"])
except SystemExit: print("loaded:", [each for each in {HEAVY} if each in sys.modules])
"""


def test_the_list_of_commands_loads_none_of_what_they_need() -> None:
    command = [sys.executable, "-I", "-c", LOOK]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert done.stdout.startswith("usage: pullproof")
    assert done.stdout.splitlines()[-1] == "loaded: []"


BARE: Final = """
import importlib, pkgutil, sys
sys.modules |= dict.fromkeys(("obstore", "pyarrow", "duckdb", "pyspark"))
import exporter.commands
for each in pkgutil.iter_modules(exporter.commands.__path__, "exporter.commands."):
    importlib.import_module(each.name)
"""


def test_no_command_needs_an_extra_before_it_is_told_to_use_it() -> None:
    command = [sys.executable, "-I", "-c", BARE]
    done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("command", COMMANDS)
def test_a_command_says_what_it_answers(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main([command, "--help"])

    said = " ".join(capsys.readouterr().out.split())
    assert COMMANDS[command].description in said
    assert said.endswith(COMMANDS[command].exit_codes)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["check", "--timeout"], "pullproof check: argument --timeout: expected one argument;"),
        (["chek"], "pullproof: unknown command chek; did you mean check?"),
        (
            ["check", "--plain-htp"],
            "pullproof check: unrecognized arguments: --plain-htp; did you mean --plain-http?",
        ),
        (["check", "-o", "jsn"], "pullproof check: argument -o/--output: invalid choice: 'jsn'"),
        (["facts", "exprt"], "pullproof facts: argument ACTION: invalid choice: 'exprt'"),
        (
            ["check", "--zzz"],
            "pullproof check: unrecognized arguments: --zzz; see pullproof check --help",
        ),
        (
            ["check", "--plat=linux/arm64"],
            "pullproof check: unrecognized arguments: --plat=linux/arm64; did you mean --platform?",
        ),
        (["diff", "old"], "pullproof diff: the following arguments are required: NEW;"),
        ([], "pullproof: the following arguments are required: COMMAND;"),
    ],
)
def test_what_was_not_understood_is_one_line(
    words: list[str], told: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        main(words)

    (line,) = capsys.readouterr().err.splitlines()
    assert ended.value.code == USAGE
    assert line.startswith(told)
