"""Is every link answered, of every page, of every alert that fires and of every dashboard?

On the demo, where nothing is configured for that but `external_url`; under a job and a cluster with
names of their own.
"""

from __future__ import annotations

import html
import re
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.parts import links
from tests.parts.monitoring import RULES, Prometheus, impatient, prometheus
from tests.parts.pages import TREE, Shell
from tests.parts.ports import held
from tests.parts.process import PATIENCE, running, until
from tests.shipped.grafana import documents

if TYPE_CHECKING:
    from collections.abc import Iterator

pytestmark = pytest.mark.real

NAMED: Final = {"job": "registry-audit", "cluster": "north"}
EXPECTED: Final = {
    "RegistryLiveTagBroken",
    "RegistryLatestTagBroken",
    "RegistryLiveTagsUnprotected",
}
CHECKOUT: Final = "registry.example.com/shop/checkout:2.4.1"
AT_RISK: Final = "registry.example.com/platform/search:5.2.0"
COMMAND: Final = re.compile(r'<pre id="command-\d+"[^>]*>(.*?)</pre>')
ANYTHING: Final = {
    "$registry": ".*",
    "$cluster": ".*",
    "$job": ".*",
    "$instance": ".*",
    "$repository": "shop/checkout",
    "$tag": "2.4.1",
}


@dataclass(frozen=True, slots=True)
class Demo:
    """A demonstration, and a Prometheus that watches it."""

    address: str
    log: Path
    prometheus: Prometheus


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    folder = tmp_path_factory.mktemp("demo")
    rules = [impatient(path, folder / "rules") for path in RULES]
    with held() as listen:
        command = [sys.executable, "-m", "exporter", "demo", "--listen", listen]
        target = {"targets": [listen], "labels": {"cluster": NAMED["cluster"]}}
        scrape = {"job_name": NAMED["job"], "static_configs": [target]}
        with (
            running(command, r"The exporter +(http://[0-9.:]+/)", folder / "demo.log") as server,
            prometheus(folder / "prometheus", scrape, rules) as watching,
        ):
            assert server.address == f"http://{listen}/"
            until(lambda: links.firing(watching).keys() >= EXPECTED, "the alerts of the demo")
            yield Demo(server.address, folder / "demo.log", watching)


def test_every_link_of_every_page_is_answered(demo: Demo) -> None:
    followed = links.follow(demo.address)

    kinds = {re.split(r"[/?]", each.removeprefix(demo.address))[0] for each in followed}
    assert kinds >= {"", "tag", "digest", "docs", "metrics", "report.json"}


def test_every_command_that_the_demo_prints_is_understood_and_answered(demo: Demo) -> None:
    """Its registry is read-only, as it says: nothing can be uploaded there."""
    (next_step,) = re.findall(r"^Next: (.*)$", demo.log.read_text(), re.MULTILINE)
    commands = [next_step]
    for name in (CHECKOUT, AT_RISK):
        page = httpx.get(f"{demo.address}tag/{name}", trust_env=False, timeout=PATIENCE).text
        commands += [html.unescape(re.sub(r"<[^>]+>", "", each)) for each in COMMAND.findall(page)]
    shell = Shell(demo.log.parent)
    for command in (each for each in commands if each.startswith("pullproof")):
        if "oci-archive:" in command:
            continue  # what a node exports; test_printed_commands.py has one
        done = shell.run(
            command.replace("pullproof", f"PYTHONPATH={TREE} {sys.executable} -m exporter", 1)
        )
        said = done.stdout + done.stderr
        if "--apply" in command:
            assert done.returncode in (1, 3), f"{command}\n{said}"
            assert "405" in said or "No source has it" in said, f"{command}\n{said}"
        else:
            broken = CHECKOUT.partition("/")[2] in command or command == next_step
            expected = 1 if broken or "protect" in command else 0
            assert done.returncode == expected, f"{command}\n{said}"

    assert len(commands) > 8


def test_every_link_of_every_alert_that_fires_is_answered(demo: Demo) -> None:
    for alert in (each for alerts in links.firing(demo.prometheus).values() for each in alerts):
        for link in links.of_alert(alert):
            assert link.startswith(demo.address), link
            assert links.status(link) == 200, link


@pytest.mark.parametrize("name", documents())
def test_every_link_of_every_dashboard_is_answered(demo: Demo, name: str) -> None:
    registry = CHECKOUT.partition("/")[0]
    found = links.of_dashboard(documents()[name], demo.prometheus, ANYTHING, registry)

    assert {each: links.status(each) for each in found} == dict.fromkeys(found, 200)
    assert len(found) >= 2
    assert name != "overview.json" or f"{demo.address}tag/{CHECKOUT}" in found
    digests = [
        each for each in found if each.startswith(f"{demo.address}digest/{registry}/sha256:")
    ]
    assert bool(digests) is (name == "overview.json")
