"""Workflows, action and component name what exists, run what is pinned, and may do little."""

from __future__ import annotations

import re
import subprocess
import tomllib
from pathlib import Path
from typing import Any, Final

import pytest
import yaml

from exporter import __version__
from tests.parts.needs import asset, command_of
from tests.parts.pages import Shell

TREE: Final = Path(__file__).parents[2]
WORKFLOWS: Final = sorted((TREE / ".github" / "workflows").glob("*.yml"))
FILES: Final = [*WORKFLOWS, TREE / "action.yml"]
CHART: Final = yaml.safe_load((TREE / "helm" / "Chart.yaml").read_text())
PROJECT: Final = tomllib.loads((TREE / "pyproject.toml").read_text())["project"]


def jobs(path: Path) -> dict[str, Any]:
    return dict(yaml.safe_load(path.read_text())["jobs"])


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_every_action_is_pinned_by_its_commit(path: Path) -> None:
    for used in re.findall(r"uses: (.*)", path.read_text()):
        assert re.fullmatch(r"[\w/-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", used), used


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_a_job_has_the_permissions_that_it_names_and_an_end(path: Path) -> None:
    assert yaml.safe_load(path.read_text())["permissions"] == {}
    for name, job in jobs(path).items():
        assert job["timeout-minutes"] <= 120, name


def test_only_the_job_that_makes_the_release_may_write_to_the_repository() -> None:
    writing = [
        name
        for path in WORKFLOWS
        for name, job in jobs(path).items()
        if job.get("permissions", {}).get("contents") == "write"
    ]

    assert writing == ["files"]


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_no_script_is_made_of_what_others_type(path: Path) -> None:
    """Expressions stand in variables of the step: in a script they would be code."""
    found = yaml.safe_load(path.read_text())
    every = [found["runs"]] if "runs" in found else [*found["jobs"].values()]
    for step in (step for each in every for step in each["steps"]):
        assert "${{" not in step.get("run", "")


def test_every_script_of_ours_that_is_run_is_there() -> None:
    text = "".join(path.read_text() for path in FILES)

    for script in re.findall(r"(?<![\w/])(scripts/[\w-]+|\.ci/run)", text):
        assert (TREE / script).exists(), script


def test_version_and_address_of_the_chart_are_those_of_the_package() -> None:
    assert {CHART["version"], CHART["appVersion"]} == {__version__}
    assert (CHART["home"], CHART["sources"]) == (
        PROJECT["urls"]["Homepage"],
        [PROJECT["urls"]["Source"]],
    )


def test_the_hook_of_pre_commit_validates_every_file(tmp_path: Path) -> None:
    (hook,) = yaml.safe_load((TREE / ".pre-commit-hooks.yaml").read_text())
    (tmp_path / "sound.yml").write_text("registries: [{url: 'https://r.example'}]\n")
    (tmp_path / "wrong.yml").write_text("regstries: []\n")
    folder = tmp_path / "bin"
    folder.mkdir()
    (folder / "pullproof").write_text(
        f'#!/bin/sh\nPYTHONPATH={TREE} exec python -m exporter "$@"\n'
    )
    (folder / "pullproof").chmod(0o755)
    shell = Shell(tmp_path, programs=(folder,))

    sound, both = (
        shell.run(f"{hook['entry']} {files}") for files in ("sound.yml", "wrong.yml sound.yml")
    )

    assert sound.returncode == 0, sound.stderr
    assert both.returncode == 2
    assert "did you mean registries?" in both.stderr


@pytest.mark.parametrize("linter", ["actionlint", "zizmor"])
def test_a_linter_of_workflows_finds_nothing(linter: str) -> None:
    if linter == "zizmor":
        command = [command_of("zizmor"), "--offline", "--no-progress", TREE]
    else:
        command = [asset("actionlint"), *WORKFLOWS]
    done = subprocess.run(command, cwd=TREE, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_component_of_gitlab_has_a_default_or_a_name_for_every_input() -> None:
    text = (TREE / "templates" / "check.yml").read_text()
    spec, _ = yaml.safe_load_all(text)

    named = set(re.findall(r"\$\[\[ inputs\.(\w+) \]\]", text))
    assert named == set(spec["spec"]["inputs"])
