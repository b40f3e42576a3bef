"""Do the commands of the README work as they are written, but for the names of hosts and files?"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts.needs import program
from tests.parts.pages import TREE, Page, Shell
from tests.parts.process import running
from tests.parts.product import LISTENING, Exporter
from tests.parts.registry import Settings, registry
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.certificates import Authority
    from tests.parts.kubernetes import Kubernetes
    from tests.parts.process import Running
    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

README: Final = Page("README.md")
HOST: Final = "registry.example.com"
ADDRESS: Final = "127.0.0.1:10470"
COMMANDS: Final = README.commands
SHOWN, LOOKED_AT, WATCHED = "make demo", f"curl -s http://{ADDRESS}/metrics", "pullproof serve"


def test_every_command_is_run_by_a_test_here() -> None:
    known = tuple(
        command for command in COMMANDS if command.startswith((SHOWN, LOOKED_AT, WATCHED))
    )

    assert len(known) == 3
    assert {*COMMANDS} == {*known, *ASKING, *CLEANING}


ASKING: Final = tuple(c for c in COMMANDS if re.match("pullproof (check|inspect) ", c))
CLEANING: Final = {
    c: 1 if re.match("pullproof (preflight|protect) ", c) else 0
    for c in COMMANDS
    if re.match("pullproof (snapshot|preflight|explain|protect|diff|repair) ", c)
}
"""With the exit code for an image whose platforms no tag protects."""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, authority: Authority) -> Iterator[Registry]:
    with registry(tmp_path_factory.mktemp("readme"), Settings(authority=authority)) as running:
        running.push("team/app", two_platforms("app"), "v1", "latest")
        yield running


@pytest.fixture
def shell(tmp_path: Path, authority: Authority, server: Registry, cluster: Kubernetes) -> Shell:
    (tmp_path / "images.txt").write_text(f"{server.host}/team/app:v1\n")
    (tmp_path / "live.txt").write_text(f"{server.host}/team/app:v1\n")
    (tmp_path / ".kube").mkdir()
    cluster.kubeconfig(tmp_path / ".kube" / "config")
    here = {HOST: server.host, "/var/lib/registry": str(server.root)}
    return Shell(tmp_path, authority.certificate, here)


@pytest.mark.parametrize("command", ASKING)
def test_what_asks_once_is_answered(shell: Shell, command: str) -> None:
    done = shell.run(command)

    assert (done.returncode, done.stderr) == (0, "")
    assert "linux/arm64" in done.stdout
    assert "present" in done.stdout


def test_a_cleanup_is_looked_at_before_and_after(shell: Shell) -> None:
    child = two_platforms("app").children[0]
    (shell.folder / "purge.log").write_text(f"team/app@{child.digest}\n")

    codes = {}
    for command in CLEANING:
        done = shell.run(command)
        assert done.stderr == "", command
        codes[command] = done.returncode

    assert codes == CLEANING


def test_the_configuration_watches_what_it_names(shell: Shell, server: Registry) -> None:
    (written,) = (block for block in README.blocks("yaml") if "registries:" in block)
    here = {HOST: server.host, "/etc/pullproof/": "", "/var/lib/pullproof/": ""}
    for there, ours in here.items():
        written = written.replace(there, ours)
    (shell.folder / "config.json").write_text("{}")
    (shell.folder / "pullproof.yml").write_text(f'listen: ["127.0.0.1:0"]\n{written}')
    (command,) = (command for command in COMMANDS if command.startswith(WATCHED))
    words = ["bash", "-c", f"cd {shell.folder} && exec {command}"]

    log = shell.folder / "exporter.log"
    with running(words, LISTENING, log, shell.variables) as watching:
        said = Exporter(watching, shell.folder / "pullproof.yml").ready()

    entry = said.tag("team/app:v1")
    assert (entry["class"], entry["state"]) == ("live", "present")
    assert entry["platforms"] == ["linux/amd64", "linux/arm64"]


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Running]:
    command = [program("make"), "--silent", "--directory", str(TREE), "demo"]
    command += ["ARGS=--listen 127.0.0.1:0"]
    with running(command, r"The exporter +http://([\w.:]+)/", tmp_path / "demo.log") as shown:
        yield shown


def test_the_demonstration_shows_the_incident_and_the_metric(demo: Running, shell: Shell) -> None:
    (command,) = (command for command in COMMANDS if command.startswith(LOOKED_AT))

    done = shell.run(command.replace(ADDRESS, demo.address))

    said = demo.log.read_text()
    (shown,) = README.blocks("text")
    for line in shown.splitlines():
        assert line == "…" or line in said
    assert done.returncode == 0
    assert re.search(r"^pullproof_tag_missing_children\{.*\} [1-9]", done.stdout, re.MULTILINE)


def test_the_demonstration_s_own_suggestions_work(demo: Running, shell: Shell) -> None:
    tried = demo.log.read_text().partition("Try ")[2].partition("Stop it")[0]
    suggestions = [line.strip() for line in tried.splitlines() if line.strip()]

    results = {each: shell.run(each) for each in suggestions}

    assert len(suggestions) == 2
    assert {done.stderr for done in results.values()} == {""}
    assert [done.returncode for done in results.values()] == [0, 1]
