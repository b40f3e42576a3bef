"""Does docs/quickstart/vm.md lead from a clone to a firing alert, and out of it again?"""

from __future__ import annotations

import re
import shutil
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts import layout
from tests.parts.monitoring import SCRAPED, alertmanager_on, impatient, prometheus_on
from tests.parts.pages import TREE, Page, Shell
from tests.parts.ports import held
from tests.parts.process import Running, running, until
from tests.parts.product import LISTENING
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

PAGE: Final = Page("docs/quickstart/vm.md")
CLONE: Final = ("pyproject.toml", "README.md", "LICENSE", "exporter", "examples", "alerts")
ALERT: Final = "RegistryLiveTagBroken"
INSTALLED: Final = "apt-get install --yes "
FAILING: Final = {"pullproof inspect": 1, "pullproof preflight": 1}
"""What finds something, the first time that it is asked."""
SOON: Final = {
    "interval: 1m": "interval: 1s\nconfirm_after: 100ms\nlisten: ['127.0.0.1:0']",
    "scrape_interval: 30s": f"scrape_interval: {SCRAPED}",
    "evaluation_interval: 30s": "evaluation_interval: 250ms",
}
"""Nobody waits here; ports are free ones."""
AT: Final = {
    "localhost:9093": "127.0.0.1:0",
    "localhost:10470": "127.0.0.1:0",
}


@dataclass(frozen=True, slots=True)
class Machine:
    """A clone, a root of one's own below which everything is installed, and what runs there."""

    stack: ExitStack
    clone: Path
    root: Path
    here: dict[str, str]
    up: dict[str, Running] = field(default_factory=dict)

    @property
    def shell(self) -> Shell:
        return Shell(self.clone, None, self.here, (self.root / "usr/local/bin",))

    def start(self, service: str) -> None:
        """What systemd does when it is told to start or restart a service."""
        starts = {
            "docker-registry": self._registry,
            "pullproof": self._pullproof,
            "prometheus": self._prometheus,
            "prometheus-alertmanager": self._alertmanager,
        }
        starts[service]()

    def _registry(self) -> None:
        config = self.root / "etc/docker/registry/config.yml"
        if "localhost:5000" not in self.up:
            self._settled("docker/registry/config.yml")
        command = ["docker-registry", "serve", str(config)]
        self._run(command, r"listening on ([\w.:]+)", "localhost:5000")

    def _pullproof(self) -> None:
        """The unit's own command, and the folder that it asks for."""
        (self.root / "var/lib/pullproof").mkdir(parents=True)
        for name in ("pullproof.yml", "live.txt"):
            self._settled(f"pullproof/{name}")
        unit = (self.root / "etc/systemd/system/pullproof.service").read_text()
        (command,) = re.findall(r"^ExecStart=(.*)$", unit, re.MULTILINE)
        server = self._run(self.shell.said(command).split(), LISTENING, "localhost:10470")
        self.here["localhost:10470"] = f"127.0.0.1:{server.address}"

    def _alertmanager(self) -> None:
        config = self._settled("prometheus/alertmanager.yml")
        server = self.stack.enter_context(alertmanager_on(config, self.root))
        self.here["localhost:9093"] = server.address

    def _prometheus(self) -> None:
        rules = self.root / "etc/prometheus/pullproof"
        for path in rules.glob("*.yml"):
            shutil.copy(impatient(path, self.root / "impatient"), path)
        config = self._settled("prometheus/prometheus.yml")
        self.stack.enter_context(prometheus_on(config, self.root))

    def _run(self, command: list[str], listening: str, name: str) -> Running:
        log = self.root / f"{Path(command[0]).name}.log"
        if name in self.up:
            self.up[name].kill()
        server = self.up[name] = self.stack.enter_context(running(command, listening, log))
        self.here[name] = server.address
        return server

    def _settled(self, path: str) -> Path:
        """A file of /etc, with the names that things have here."""
        file = self.root / "etc" / path
        text = self.shell.said(file.read_text())
        for there, ours in SOON.items():
            text = text.replace(there, ours)
        file.write_text(text)
        return file


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    clone, root = tmp_path / "clone", tmp_path / "root"
    for folder in ("etc/docker/registry", "etc/systemd/system", "etc/prometheus", "usr/local/bin"):
        (root / folder).mkdir(parents=True)
    for name in CLONE:
        copy = shutil.copytree if (TREE / name).is_dir() else shutil.copy
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        copy(TREE / name, clone / name)
    image = tmp_path / "alpine"
    layout.write(image, two_platforms("alpine"), "v1")
    here = {
        "docker://docker.io/library/alpine:3.22": f"oci:{image}:v1",
        **{place: f"{root}{place}" for place in ("/etc/", "/opt/", "/usr/local/bin/", "/var/lib/")},
        **AT,
    }
    with ExitStack() as stack:
        here["localhost:5000"] = stack.enter_context(held())  # it is restarted there
        yield Machine(stack, clone, root, here)


def test_a_clone_becomes_a_firing_alert_and_is_healed(machine: Machine) -> None:
    failing = dict(FAILING)
    for command in PAGE.commands:
        if command.startswith(INSTALLED):
            assert set(command.removeprefix(INSTALLED).split()) <= packages()
        elif command.startswith("systemctl "):
            systemctl(machine, command)
        elif command.startswith(("amtool", "curl")):  # these wait for an audit
            until(partial(shows, machine.shell, command), command)
        else:
            done = machine.shell.run(command)
            code = failing.pop(" ".join(command.split()[:2]), 0)
            assert done.returncode == code, f"{command}\n{done.stdout}{done.stderr}"


def systemctl(machine: Machine, command: str) -> None:
    services = command.removeprefix("systemctl ").removeprefix("enable --now ")
    # Prometheus must know where Alertmanager is.
    for service in sorted(services.removeprefix("restart ").split(), reverse=True):
        machine.start(service)


def shows(shell: Shell, command: str) -> bool:
    done = shell.run(command)
    return done.returncode == 0 and (ALERT if command.startswith("amtool") else "") in done.stdout


def packages() -> set[str]:
    """What `scripts/setup` installs for tests, and what Python itself comes with."""
    return {*(TREE / "scripts" / "setup").read_text().split(), "python3-venv"}
