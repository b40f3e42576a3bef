"""A shell completes what the parser knows, and nothing else."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from exporter.cli import _parser, main
from exporter.commands.arguments import COMMANDS
from exporter.commands.completion import completed

TREE: Final = Path(__file__).parents[2]
EVERY: Final = completed(_parser())


def script(capsys: pytest.CaptureFixture[str], shell: str) -> str:
    assert main(["completion", shell]) == 0
    return capsys.readouterr().out


def bash(script: str, *words: str) -> list[str]:
    """What bash offers for the last of these words."""
    typed = " ".join(f"'{word}'" for word in ("pullproof", *words))
    asked = f'COMP_WORDS=({typed}); COMP_CWORD={len(words)}; _pullproof; echo "${{COMPREPLY[@]}}"'
    done = subprocess.run(
        ["bash", "-eu"], input=f"{script}\n{asked}", capture_output=True, text=True, check=True
    )
    return done.stdout.split()


def test_bash_offers_commands_options_and_values(capsys: pytest.CaptureFixture[str]) -> None:
    made = script(capsys, "bash")

    assert bash(made, "") == [*COMMANDS]
    assert bash(made, "ch") == ["check"]
    assert bash(made, "check", "--allow") == ["--allow-empty"]
    assert bash(made, "check", "--output", "j") == ["json", "junit"]
    assert bash(made, "check", "-o", "sa") == ["sarif"]
    assert bash(made, "schema", "rep") == ["repair", "report"]
    assert bash(made, "facts", "") == ["export"]
    assert bash(made, "schema", "-") == ["-h", "--help"]
    assert "--keep" in bash(made, "facts", "export", "--")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_every_command_and_option_is_offered(
    capsys: pytest.CaptureFixture[str], shell: str
) -> None:
    made = script(capsys, shell)

    for command in EVERY:
        assert command.name in made
        for name in (name for each in command.options for name in each.names):
            wanted = f"-l {name[2:]}" if shell == "fish" and name.startswith("--") else name
            wanted = f"-s {name[1:]}" if shell == "fish" and name[1] != "-" else wanted
            assert wanted in made, f"{command.name} {name}"


def test_the_man_page_tells_every_command_and_option_and_nothing_is_a_request() -> None:
    made = subprocess.run(
        [sys.executable, TREE / "scripts" / "manual"],
        env={"SOURCE_DATE_EPOCH": "1700000000", "PYTHONPATH": str(TREE)},
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert ".TH PULLPROOF 1 " in made
    for line in made.splitlines():
        assert re.match(r"\.(TH|SH|SS|TP|PP|B|I)\b|[^.']", line), line
    for command in EVERY:
        assert f".SS pullproof {command.name}\n" in made
        for name in (name for each in command.options for name in each.names):
            assert rf"\fB{name.replace('-', chr(92) + '-')}\fR" in made or name in {"-h", "--help"}
