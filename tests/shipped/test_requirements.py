"""What is locked is what the project needs, each package by version and hash."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Final

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

TREE: Final = Path(__file__).parents[2]
PROJECT: Final = tomllib.loads((TREE / "pyproject.toml").read_text())
GROUPS: Final = PROJECT["dependency-groups"]
EXTRAS: Final = PROJECT["project"]["optional-dependencies"]
NEEDED: Final = {
    "image": ["s3", "zstd", "ecr"],
    "all": ["s3", "zstd", "ecr", "facts"],
}


def locked(name: str) -> dict[str, list[str]]:
    """The versions of each package that a file names; several where Pythons differ."""
    text = (TREE / "requirements" / f"{name}.txt").read_text()
    entries = re.findall(r"^(\S+)==(\S+).*\\\n +--hash=sha256:[0-9a-f]{64}", text, re.MULTILINE)
    assert len(entries) == len(re.findall(r"^\S+==", text, re.MULTILINE))
    found: dict[str, list[str]] = {}
    for package, version in entries:
        found.setdefault(canonicalize_name(package), []).append(version)
    return found


@pytest.mark.parametrize("name", NEEDED)
def test_every_dependency_is_locked_to_a_version_that_fits(name: str) -> None:
    wanted = [*PROJECT["project"]["dependencies"]]
    wanted += [each for extra in NEEDED[name] for each in EXTRAS[extra]]
    versions = locked(name)

    for requirement in map(Requirement, wanted):
        found = versions[canonicalize_name(requirement.name)]
        assert any(map(requirement.specifier.contains, found)), requirement


@pytest.mark.parametrize(
    ("name", "needed"),
    [
        ("build", PROJECT["build-system"]["requires"]),
        ("verify", GROUPS["verify"]),
    ],
)
def test_what_builds_and_validates_the_package_is_locked(name: str, needed: list[str]) -> None:
    for each in map(Requirement, needed):
        assert all(map(each.specifier.contains, locked(name)[each.name])), each
