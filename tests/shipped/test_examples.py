"""The examples of the docs are right as they stand."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

import pytest
import yaml

from exporter.config import loading as configuration
from exporter.publish.web.config import load
from tests.parts.needs import program

if TYPE_CHECKING:
    from tests.parts.certificates import Authority

EXAMPLES: Final = Path(__file__).parents[2] / "examples"
CONFIGURATIONS: Final = [
    EXAMPLES / "quickstart" / "pullproof.yml",
    EXAMPLES / "systemd" / "pullproof.yml",
    EXAMPLES / "compose" / "pullproof" / "pullproof.yml",
]
COMPOSE: Final = yaml.safe_load((EXAMPLES / "compose" / "compose.yaml").read_text())
UNIT: Final = EXAMPLES / "systemd" / "pullproof.service"
EXPOSED: Final = 20
"""The most that `systemd-analyze security` may give the unit; a hundred is wide open."""


@pytest.mark.parametrize("path", CONFIGURATIONS, ids=lambda path: path.parent.name)
def test_a_configuration_is_read_without_a_fault(path: Path) -> None:
    assert configuration.load(path, {}).registries
    assert {file.name for file in path.parent.glob("*.txt")} == {"live.txt"}


def test_the_unit_is_right_for_systemd_and_exposes_little(tmp_path: Path) -> None:
    unit = tmp_path / UNIT.name
    unit.write_text(UNIT.read_text().replace("/opt/pullproof/bin/pullproof", sys.executable))

    for words in (["verify"], ["security", "--offline=yes", f"--threshold={EXPOSED}"]):
        command = [program("systemd-analyze"), *words, str(unit)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stderr) == (0, ""), done.stdout


def test_the_services_of_compose_find_each_other_and_their_files() -> None:
    services = COMPOSE["services"]
    mounted = [each.split(":")[0] for service in services.values() for each in service["volumes"]]

    for place in mounted:
        assert place in COMPOSE["volumes"] or (EXAMPLES / "compose" / place).exists(), place
    files = [*EXAMPLES.glob("compose/**/*.yml"), *EXAMPLES.glob("grafana/**/*.yml")]
    texts = [path.read_text() for path in files]
    spoken = {name for text in texts for name in re.findall(r"\b([a-z]+):(?:\d{4,5})\b", text)}
    assert spoken - {"localhost"} == {"registry", "pullproof", "alertmanager", "prometheus"}
    assert spoken - {"localhost"} <= set(services)


def test_every_script_pleases_shellcheck() -> None:
    scripts = [EXAMPLES / "cleanup" / "collect", *(EXAMPLES.parent / "scripts").glob("[a-z]*")]
    files = [str(path) for path in scripts if path.is_file() and b"bash\n" in path.read_bytes()]
    command = [program("shellcheck"), "--severity=warning", *files]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout


def test_the_web_configuration_is_right_for_us_and_for_promtool(
    tmp_path: Path, authority: Authority
) -> None:
    """Beside the files that it names: both read them, too."""
    config = Path(shutil.copy(EXAMPLES / "web-config.yml", tmp_path))
    pair = authority.sign("example")
    shutil.copy(pair.certificate, tmp_path / "tls.crt")
    shutil.copy(pair.key, tmp_path / "tls.key")
    shutil.copy(authority.certificate, tmp_path / "clients.crt")

    assert load(config).tls is not None
    command = [program("promtool"), "check", "web-config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
