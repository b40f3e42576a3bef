"""Where is a program that a test needs? The one rule for what happens when it is not there."""

from __future__ import annotations

import functools
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NoReturn

import pytest

_SCRIPTS = Path(__file__).parents[2] / "scripts"


def program(name: str) -> str:
    """The path of a program that `make test` installs from Debian."""
    return shutil.which(name) or _without(f"{name} is not installed: run make test")


def asset(name: str) -> str:
    """The path of a program that `make assets` builds, or that KUBEBUILDER_ASSETS holds."""
    given = Path(os.environ.get("KUBEBUILDER_ASSETS", "/nonexistent")) / name
    path = given if given.exists() else _path("assets") / name
    return str(path) if path.exists() else _without(f"{name} is not built: run make assets")


def installed(module: str) -> None:
    """A module that an extra installs, and `make dev`."""
    if importlib.util.find_spec(module) is None:
        _without(f"{module} is not installed: run make dev")


def command_of(package: str) -> Path:
    """The program of a package that `make dev` installs beside Python, which imports nothing."""
    path = Path(sys.executable).parent / package
    return path if path.exists() else _without(f"{package} is not installed: run make dev")


def base_image() -> Path:
    """The folder of images that `make assets` makes where it runs as root."""
    path = _path("base-image")
    return path if path.exists() else _without("the base image is not there: run make assets")


@functools.cache
def _path(script: str) -> Path:
    command = [_SCRIPTS / script, "--path"]
    answer = subprocess.run(command, check=True, capture_output=True, text=True)
    return Path(answer.stdout.strip())


def _without(message: str) -> NoReturn:
    """Without a real part a test proves nothing: at home it is left out, in CI it fails."""
    if os.environ.get("CI"):
        pytest.fail(message)
    pytest.skip(message)
