"""Is everything that a start would fall over told before, or else in one line?"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from exporter.cli import UNTOLD, USAGE, main

ONE = "registries: [{url: 'https://registry.example.com'}]\n"


def checked(tmp_path: Path, text: str, *words: str) -> int:
    config = tmp_path / "pullproof.yml"
    config.write_text(text)
    return main(["serve", "--check-config", "--config", str(config), *words])


def test_registries_are_counted(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert checked(tmp_path, ONE) == 0

    assert capsys.readouterr().out.endswith("pullproof.yml: 1 registry, valid\n")


@pytest.mark.parametrize(
    ("web", "told"),
    [
        ("hello", "web.yml: must be a section of keys"),
        ("2024-13-45: x", "web.yml: 2024-13-45: unknown key"),
        ("basic_auth_users: {prom: !!int foo}", "web.yml: line 1: basic_auth_users.prom: not the"),
        (
            "tls_server_config: {cert_file: none.pem, key_file: none.pem}",
            "none.pem: No such file or directory",
        ),
    ],
)
def test_a_web_configuration_is_checked_with_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], web: str, told: str
) -> None:
    (tmp_path / "web.yml").write_text(web)

    assert checked(tmp_path, f"{ONE}web_config_file: web.yml\n") == USAGE

    assert told in capsys.readouterr().err


def test_a_shard_is_checked_with_the_rest(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert checked(tmp_path, ONE, "--shard", "4/4") == USAGE

    assert "--shard: of 4 shards the last is 3/4" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("asked", "extra"),
    [
        ("facts: {path: facts}\n", "facts"),
        ("facts: {url: 's3://bucket'}\n", "facts"),
        (
            "registries: [{url: 'https://r.example.com', storage: {url: 's3://bucket'}}]\n",
            "s3",
        ),
    ],
)
def test_an_extra_that_is_asked_for_and_not_installed_is_told(
    tmp_path: Path, asked: str, extra: str
) -> None:
    (tmp_path / "obstore.py").write_text("raise ImportError")
    config = tmp_path / "pullproof.yml"
    config.write_text(asked if "registries" in asked else f"{ONE}{asked}")
    command = [sys.executable, "-m", "exporter", "serve", "--check-config", "--config", str(config)]

    told = subprocess.run(
        command,
        env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{Path.cwd()}"},
        check=False,
        capture_output=True,
        text=True,
    )

    assert told.returncode == USAGE, told.stderr
    assert f"pip install 'pullproof[{extra}]'" in told.stderr
    assert "Traceback" not in told.stderr


def test_an_address_that_is_taken_is_no_fault_of_the_configuration(tmp_path: Path) -> None:
    config = tmp_path / "pullproof.yml"
    command = [sys.executable, "-m", "exporter", "serve", "--config", str(config)]
    with socket.create_server(("127.0.0.1", 0)) as taken:
        config.write_text(f"{ONE}listen: ['127.0.0.1:{taken.getsockname()[1]}']\n")
        done = subprocess.run(command, check=False, capture_output=True, text=True)

    assert done.returncode == UNTOLD
    (line,) = done.stderr.splitlines()
    assert line.startswith("pullproof: ")
    assert "in use" in line


def test_a_start_with_a_wrong_web_configuration_is_refused_as_the_check_does(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "web.yml").write_text("basic_auth_users: {prom: !!int foo}")
    (tmp_path / "pullproof.yml").write_text(f"{ONE}web_config_file: web.yml\n")

    assert main(["serve", "--config", str(tmp_path / "pullproof.yml")]) == USAGE

    (line,) = capsys.readouterr().err.splitlines()
    assert "web.yml: line 1: basic_auth_users.prom: " in line
