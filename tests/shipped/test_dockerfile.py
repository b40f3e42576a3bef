"""The Dockerfile agrees with the program that it wraps, whatever base it is built on."""

from __future__ import annotations

import json
import re
import tomllib
from pathlib import Path
from typing import Final

from exporter import __version__
from exporter.config.settings import Settings

TREE: Final = Path(__file__).parents[2]
DOCKERFILE: Final = (TREE / "Dockerfile").read_text()
PROJECT: Final = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]


def said(instruction: str) -> str:
    """What the last such instruction says."""
    return re.findall(rf"^{instruction}[ =](.*)$", DOCKERFILE, re.MULTILINE)[-1]


def test_the_base_is_an_argument_and_its_default_names_a_version() -> None:
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-\w+", said("ARG BASE"))
    assert "FROM ${BASE} AS python" in DOCKERFILE


def test_it_is_labelled_with_the_version_that_it_holds() -> None:
    assert said("ARG VERSION") == __version__


def test_it_serves_the_port_that_is_the_default() -> None:
    (address,) = Settings.model_fields["listen"].get_default(call_default_factory=True)

    assert int(said("EXPOSE")) == address.port
    assert f"'127.0.0.1', {said('EXPOSE')}" in DOCKERFILE


def test_it_runs_as_a_numbered_user() -> None:
    assert said("USER") == "65532:65532"


def test_it_starts_the_command_that_is_installed() -> None:
    assert json.loads(said("ENTRYPOINT")) == [*PROJECT["scripts"]]


def test_everything_that_is_copied_in_reaches_the_builder() -> None:
    ignored = (TREE / ".dockerignore").read_text()
    copied = re.findall(r"^COPY (?!--)(.*) \S+$", DOCKERFILE, re.MULTILINE)

    for name in " ".join(copied).split():
        assert f"\n!{name}\n" in ignored
