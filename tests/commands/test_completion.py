"""A shell completes what the parser knows, and nothing else."""

from __future__ import annotations

import os
import pty
import re
import subprocess
import sys
from pathlib import Path
from typing import Final

import pytest

from exporter.cli import _parser, main
from exporter.commands.arguments import COMMANDS
from exporter.commands.completion import completed
from tests.parts.needs import program

TREE: Final = Path(__file__).parents[2]
EVERY: Final = completed(_parser())
REP: Final = ("repair", "report")


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
    assert bash(made, "check", "--output", "=", "j") == ["json", "junit"]
    assert bash(made, "check", "--output", "=") == bash(made, "check", "--output", "")
    assert bash(made, "schema", "rep") == ["repair", "report"]
    assert bash(made, "facts", "") == ["export"]
    assert bash(made, "schema", "-") == ["-h", "--help"]
    assert "--keep" in bash(made, "facts", "export", "--")


class Zsh:
    """A zsh at a terminal, in which somebody types and presses the tabulator."""

    def __init__(self, script: Path) -> None:
        self.end, other = pty.openpty()
        self.process = subprocess.Popen(
            [program("zsh"), "-f", "-i"],
            **dict.fromkeys(("stdin", "stdout", "stderr"), other),
            env={"PATH": os.environ["PATH"], "TERM": "dumb", "HOME": str(script.parent)},
            start_new_session=True,
        )
        os.close(other)
        self.typed(f"PS1=; autoload -U compinit && compinit -u -D; source {script}; echo up''on\n")
        self.upto("upon\r\n")

    def typed(self, text: str) -> None:
        os.write(self.end, text.encode())

    def upto(self, text: str) -> str:
        """What it has shown once a text is there, or a fault of completion."""
        shown = ""
        while text not in shown and "_arguments:" not in shown:
            shown += os.read(self.end, 4096).decode()
        return shown

    def offers(self, line: str, wanted: str) -> None:
        self.typed(f"\x15pullproof {line}\t")
        assert wanted in self.upto(wanted)

    def close(self) -> None:
        self.process.kill()
        self.process.wait()
        os.close(self.end)


def test_zsh_offers_commands_options_and_values(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = tmp_path / "_pullproof"
    made.write_text(script(capsys, "zsh"))
    subprocess.run([program("zsh"), "-n", str(made)], check=True)
    zsh = Zsh(made)
    try:
        zsh.offers("ch", "check ")
        zsh.offers("check --allow", "--allow-empty ")
        zsh.offers("check -o sa", "sarif ")
        zsh.offers("schema rep", "repair  report")
        zsh.offers("facts ex", "export ")
        zsh.offers("facts export --ke", "--keep ")
        for command in EVERY:
            zsh.offers(f"{command.name} --hel", f"{command.name} --help ")
    finally:
        zsh.close()


def test_fish_offers_commands_options_and_values(
    capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    made = tmp_path / "pullproof.fish"
    made.write_text(script(capsys, "fish"))
    subprocess.run([program("fish"), "--no-execute", str(made)], check=True)
    lines = ["", "ch", "check --allow", "check --output j", "check -o sa", "schema rep", "facts "]
    lines += ["facts export --ke", *(f"{each.name} --hel" for each in EVERY)]
    asked = "; ".join(f"complete -C 'pullproof {line}'; echo" for line in lines)
    said = subprocess.run(
        [program("fish"), "--no-config", "-c", f"source {made}; {asked}"],
        env={"PATH": os.environ["PATH"], "HOME": str(tmp_path)},
        check=True,
        capture_output=True,
        text=True,
    ).stdout
    # fish 4 also offers what has the typed letters somewhere: `--docker-config` for `--ke`.
    typed = [line.rpartition(" ")[2] for line in lines]
    offered = [
        re.findall(rf"^({re.escape(begin)}[^\t\n]*)", block, re.MULTILINE)
        for begin, block in zip(typed, said.split("\n\n"), strict=False)
    ]

    assert set(offered[0]) == {*COMMANDS}
    assert offered[1:6] == [["check"], ["--allow-empty"], ["json", "junit"], ["sarif"], [*REP]]
    assert offered[6:8] == [["export"], ["--keep"]]
    assert offered[8 : 8 + len(EVERY)] == [["--help"]] * len(EVERY)


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
