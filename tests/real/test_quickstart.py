"""Do docs/quickstart/vm.md and make quickstart lead to a firing alert and out, and hurt nothing?"""

from __future__ import annotations

import os
import re
import shutil
import signal
import socket
import subprocess
import sys
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts.needs import program
from tests.parts.pages import TREE, Page, Shell
from tests.parts.ports import held
from tests.parts.process import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

PAGE: Final = Page("docs/quickstart/vm.md")
INSTALLED: Final = Page("docs/quickstart/systemd.md")
CLONE: Final = ("examples", "alerts", "scripts")
ALERT: Final = "RegistryLiveTagBroken"
FAILING: Final = {"pullproof inspect": 1, "pullproof repair": 1, "pullproof preflight": 1}
"""What finds something, the first time that it is asked."""
SOON: Final = {
    "interval: 10s": "interval: 1s",
    "confirm_after: 1s": "confirm_after: 100ms",
    "interval: 5s": "interval: 1s",
    "[3m]": "[8s]",
}
"""Nobody waits here; but what is scraped stays in sight for longer than a busy machine needs."""
PORTS: Final = (24700, 24701, 24702, 24703)
SETUP: Final = ("make quickstart", "scripts/setup")
"""The environment is there; which script make runs is another test's."""


@pytest.fixture
def clone(tmp_path: Path) -> Path:
    """The files that the quick start reads, with short waits."""
    for name in CLONE:
        shutil.copytree(TREE / name, tmp_path / "clone" / name)
    (tmp_path / "clone" / ".venv").symlink_to(sys.prefix)
    for place in ("examples/quickstart", "alerts"):
        for path in (tmp_path / "clone" / place).glob("*.yml"):
            text = path.read_text()
            for there, ours in SOON.items():
                text = text.replace(there, ours)
            path.write_text(text)
    return tmp_path / "clone"


@pytest.fixture
def ports() -> Iterator[tuple[int, ...]]:
    with ExitStack() as stack:
        every = [stack.enter_context(held()) for _ in PORTS]
        yield tuple(int(each.rpartition(":")[2]) for each in every)


@pytest.fixture
def typed(clone: Path, ports: tuple[int, ...]) -> Iterator[Typed]:
    typist = Typed(clone, ports)
    yield typist
    typist("scripts/quickstart down")


class Typed:
    """Somebody who types commands in a clone, at home there too."""

    def __init__(self, clone: Path, ports: tuple[int, ...]) -> None:
        self.clone, self.ports = clone, ports
        self.folder = clone / "pullproof-quickstart"
        here = {f":{there}": f":{ours}" for there, ours in zip(PORTS, ports, strict=True)}
        self.shell = Shell(clone, None, here, (self.folder / "bin",))
        ours = " ".join(map(str, ports))
        self.known = f"export QUICKSTART_PORTS='{ours}' QUICKSTART_WAIT=0s"

    def __call__(self, command: str, **variables: str) -> subprocess.CompletedProcess[str]:
        given = "".join(f" {name}={value!r}" for name, value in variables.items())
        return self.shell.run(f"{self.known}{given}\n{command}")

    def answers(self, command: str) -> bool:
        """Has an audit shown what the command looks for?"""
        done = self(command)
        return not done.returncode and (not command.startswith("amtool") or ALERT in done.stdout)

    @property
    def undone(self) -> bool:
        return not self.folder.exists() and not any(map(listening, self.ports))


def listening(port: int) -> bool:
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def test_the_page_leads_to_a_firing_alert_and_to_a_sound_image_and_is_undone(typed: Typed) -> None:
    failing = dict(FAILING)
    for command in PAGE.commands:
        if command in SETUP:
            continue
        if command.startswith(("amtool", "curl")):  # these wait for an audit
            until(partial(typed.answers, command), command)
            continue
        done = typed(command)
        code = failing.pop(" ".join(command.split()[:2]), 0)
        assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"

    assert not failing
    assert typed.undone


def test_all_at_once_ends_with_the_resolved_alert_and_leaves_nothing(typed: Typed) -> None:
    done = typed("scripts/quickstart")

    assert done.returncode == 0, done.stdout + done.stderr
    steps = ["running", ALERT, "MISSING", "repairing", "resolved", "UNSAFE", "SAFE", "done"]
    assert re.search(".*".join(steps), done.stdout, re.DOTALL), done.stdout
    assert typed.undone


def test_make_runs_it() -> None:
    command = [program("make"), "--dry-run", "--directory", str(TREE), "quickstart"]
    done = subprocess.run(command, check=True, capture_output=True, text=True)

    assert "scripts/quickstart\n" in done.stdout


def test_an_interruption_undoes_it(typed: Typed) -> None:
    # A shell that runs this in the background ignores the signal, and so would all below it.
    command = ["env", "--default-signal=INT", "bash", "-c"]
    command.append(f"{typed.known}\nexec scripts/quickstart")
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        text=True,
        cwd=typed.clone,
        env=typed.shell.variables,
        start_new_session=True,
    ) as running:
        assert running.stdout
        until(lambda: "running" in running.stdout.readline(), "everything runs")
        os.killpg(running.pid, signal.SIGINT)
        running.stdout.read()
        code = running.wait(PATIENCE)

    assert code == 130
    assert typed.undone


def test_a_registry_s_own_variables_lead_to_no_other_storage(typed: Typed) -> None:
    """They would override the configuration file, of the registry and of its collection."""
    other = typed.clone / "another-registry"
    storage = {"REGISTRY_STORAGE_FILESYSTEM_ROOTDIRECTORY": str(other)}

    assert typed("scripts/quickstart up", **storage).returncode == 0
    assert typed("scripts/quickstart up", **storage).returncode == 0
    assert typed("scripts/quickstart collect", **storage).returncode == 0

    assert (typed.folder / "registry" / "docker").is_dir()
    assert not other.exists()

    # Nor does an edited configuration, or a link.
    config = typed.folder / "registry.yml"
    text = config.read_text()
    config.write_text(text.replace(f"{typed.folder}/registry", str(other)))
    assert "nothing is collected" in typed("scripts/quickstart collect").stderr
    config.write_text(text)
    (typed.folder / "registry" / "docker").rename(other)
    (typed.folder / "registry" / "docker").symlink_to(other)
    assert "nothing is collected" in typed("scripts/quickstart collect").stderr


@pytest.mark.parametrize("step", ["", "up", "collect", "down"])
def test_a_folder_that_was_there_before_stays_as_it_was(typed: Typed, step: str) -> None:
    typed.folder.mkdir()
    (typed.folder / "mine").touch()

    done = typed(f"scripts/quickstart {step}")

    assert done.returncode == 2
    assert str(typed.folder) in done.stderr
    assert [each.name for each in typed.folder.iterdir()] == ["mine"]


def test_a_port_in_use_is_named_and_a_process_of_somebody_else_is_not_ended(typed: Typed) -> None:
    with (
        socket.create_server(("127.0.0.1", typed.ports[0])),
        subprocess.Popen(["sleep", "1000"]) as somebody,
    ):
        done = typed("scripts/quickstart up")
        (typed.folder / "registry.pid").write_text(f"{somebody.pid}\n")
        typed("scripts/quickstart down")
        ended = somebody.poll()
        somebody.kill()

    assert done.returncode == 2
    assert f"port {typed.ports[0]} is in use" in done.stderr
    assert ended is None
    assert not typed.folder.exists()


PLACES: Final = ("/etc/", "/opt/", "/usr/local/bin/", "/var/lib/")


def test_an_installation_overwrites_nothing_and_keeps_a_copy_of_what_is_edited(
    tmp_path: Path, clone: Path
) -> None:
    """Without systemctl, and with this environment in place of a new one."""
    root = tmp_path / "root"
    for place in ("etc/pullproof", "etc/systemd/system", "etc/prometheus", "usr/local/bin", "opt"):
        (root / place).mkdir(parents=True)
    (root / "opt/pullproof").symlink_to(sys.prefix)
    theirs = {"etc/pullproof/live.txt": "", "etc/prometheus/prometheus.yml": "{}\n"}
    for name, text in theirs.items():
        (root / name).write_text(text)
    here = {place: f"{root}{place}" for place in PLACES}
    shell = Shell(clone, None, here, (root / "usr/local/bin",))
    example = clone / "examples/systemd/pullproof.yml"
    example.write_text(shell.said(example.read_text()))

    for command in INSTALLED.commands:
        if re.match(r"systemctl|curl|python3 -m venv|/opt/pullproof/bin/pip", command):
            continue
        if command.startswith("promtool"):
            assert {name: (root / name).read_text() for name in theirs} == theirs
            shutil.copy(clone / "examples/systemd/prometheus.yml", root / "etc/prometheus")
        done = shell.run(command)
        assert done.returncode == 0, f"{command}\n{done.stdout}{done.stderr}"

    copy = root / "etc/prometheus/prometheus.yml.before-pullproof"
    assert copy.read_text() == theirs["etc/prometheus/prometheus.yml"]
