"""How does a command end that could not say what it found? Never with a verdict."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.cli import UNTOLD, USAGE
from tests.parts.http import Answer, serving
from tests.parts.process import PATIENCE, until


@pytest.fixture
def command(tmp_path: Path) -> list[str]:
    """A command that ends with 0 where it can say what it found."""
    config = tmp_path / "pullproof.yml"
    config.write_text("registries: [{url: 'https://registry.example.com'}]\n")
    return [sys.executable, "-m", "exporter", "serve", "--check-config", "--config", str(config)]


def test_what_cannot_be_written_is_no_verdict(command: list[str]) -> None:
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(command, check=False, stdout=full, stderr=subprocess.PIPE, text=True)

    assert done.returncode == UNTOLD
    assert "No space left" in done.stderr
    assert subprocess.run(command, check=False, stdout=subprocess.DEVNULL).returncode == 0


@pytest.mark.parametrize(
    ("closed", "code", "told"),
    [
        (">&-", UNTOLD, "pullproof: the answer cannot be written: Bad file descriptor\n"),
        (
            "> /dev/full",
            UNTOLD,
            "pullproof: the answer cannot be written: No space left on device\n",
        ),
        ("<&-", 0, ""),
        ("2>&-", 0, ""),
        ("<&- >&- 2>&-", UNTOLD, ""),
    ],
)
def test_a_closed_stream_is_no_verdict(
    command: list[str], closed: str, code: int, told: str
) -> None:
    done = subprocess.run(
        ["sh", "-c", f'"$@" {closed}', "sh", *command], check=False, capture_output=True, text=True
    )

    assert (done.returncode, done.stderr) == (code, told)


def test_help_and_mistakes_survive_closed_streams() -> None:
    for words in ("--help >&-", "--version >&-", "check --help > /dev/full", "chek <&- >&- 2>&-"):
        done = subprocess.run(
            ["sh", "-c", f"{sys.executable} -m exporter {words}"], check=False, capture_output=True
        )
        assert (done.returncode, done.stderr) == (2 if "chek" in words else 0, b""), words


def test_a_password_from_a_closed_input_is_none() -> None:
    words = "check r.example/app:v1 --username me --password-stdin <&-"
    done = subprocess.run(
        ["sh", "-c", f"{sys.executable} -m exporter {words}"],
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == USAGE
    assert done.stderr == "pullproof: --password-stdin: standard input is empty\n"


def test_a_folder_that_was_removed_is_told(tmp_path: Path) -> None:
    words = "check r.example/app:v1 --ca-file ca.pem"
    removing = f"rmdir {tmp_path}; {sys.executable} -m exporter {words}"
    done = subprocess.run(
        ["sh", "-c", removing],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[2])},
        check=False,
        capture_output=True,
        text=True,
    )

    assert done.returncode == USAGE
    assert done.stderr == "pullproof: the current folder was removed; change to another\n"


def test_a_reader_that_goes_away_is_told_by_its_own_code(command: list[str]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = subprocess.Popen(command, stdout=writer, stderr=subprocess.PIPE)
    os.close(writer)

    _, errors = process.communicate(timeout=PATIENCE)

    assert (process.returncode, errors) == (141, b"")


def test_a_stop_during_the_start_is_a_clean_end_and_a_reload_is_none(tmp_path: Path) -> None:
    config = tmp_path / "pullproof.yml"
    os.mkfifo(config)
    command = [sys.executable, "-m", "exporter", "serve", "--config", str(config)]
    process = subprocess.Popen(command, stderr=subprocess.PIPE)
    with config.open("w"):  # it is being read from here on, and has no end
        process.send_signal(signal.SIGHUP)
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=PATIENCE)

    assert (process.returncode, errors) == (0, b"")


def test_a_command_that_is_stopped_leaves_no_credential_helper_behind(tmp_path: Path) -> None:
    helper, told = tmp_path / "docker-credential-hangs", tmp_path / "told"
    helper.write_text(f"#!/bin/sh\necho $$ > {told}.new; mv {told}.new {told}; sleep 6000; :\n")
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text('{"credsStore":"hangs"}')
    with serving(lambda _: Answer(401, headers={"WWW-Authenticate": "Basic"})) as url:
        command = [sys.executable, "-m", "exporter", "check", "--plain-http", "--docker-config"]
        process = subprocess.Popen(
            [*command, str(tmp_path / "config.json"), f"{url.partition('://')[2]}/app:v1"],
            env=os.environ | {"PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"},
            stdout=subprocess.DEVNULL,
        )
        until(told.exists, "the helper runs")
        process.terminate()
        code = process.wait(PATIENCE)

    assert code == -signal.SIGTERM

    def ended() -> bool:
        try:
            return not Path("/proc", told.read_text().strip(), "cmdline").read_bytes()
        except OSError:
            return True

    until(ended, "the helper has ended")
