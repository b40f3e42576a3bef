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
from urllib.parse import urldefrag, urljoin

import httpx
import pytest

from tests.parts.monitoring import RULES, Prometheus, impatient, prometheus
from tests.parts.pages import TREE, Shell
from tests.parts.ports import held
from tests.parts.process import PATIENCE, running, until
from tests.publish.web.page import Page
from tests.shipped.grafana import choices, chosen, documents, panels
from tests.shipped.promql import filled

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.shipped.grafana import Json

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

    def status(self, url: str) -> int:
        return httpx.get(url, trust_env=False, timeout=PATIENCE).status_code


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
            until(lambda: firing(watching).keys() >= EXPECTED, "the alerts of the demo")
            yield Demo(server.address, folder / "demo.log", watching)


def firing(watching: Prometheus) -> dict[str, list[Json]]:
    found: dict[str, list[Json]] = {}
    for each in watching.alerts():
        found.setdefault(each["labels"]["alertname"], []).append(each)
    return found


def test_every_link_of_every_page_is_answered(demo: Demo) -> None:
    waiting, followed = {demo.address}, set[str]()
    with httpx.Client(trust_env=False, timeout=PATIENCE) as http:
        while waiting:
            url = waiting.pop()
            followed.add(url)
            answer = http.get(url)
            assert answer.status_code == 200, url
            if answer.headers["Content-Type"].startswith("text/html"):
                led = {urldefrag(urljoin(url, each)).url for each in Page(answer).links}
                waiting |= {each for each in led if each.startswith(demo.address)} - followed

    kinds = {re.split(r"[/?]", each.removeprefix(demo.address))[0] for each in followed}
    assert kinds >= {"", "tag", "digest", "docs", "metrics", "report.json"}


def test_every_command_that_the_demo_prints_is_understood_and_answered(demo: Demo) -> None:
    """Its registry is read-only, as it says: nothing can be uploaded there."""
    (next_step,) = re.findall(r"^Next: (.*)$", demo.log.read_text(), re.MULTILINE)
    commands = [next_step]
    for name in (CHECKOUT, AT_RISK):
        page = httpx.get(f"{demo.address}tag/{name}", trust_env=False, timeout=PATIENCE).text
        commands += [html.unescape(each) for each in COMMAND.findall(page)]
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
    found = firing(demo.prometheus)

    for alert in (each for alerts in found.values() for each in alerts):
        texts = " ".join(alert["annotations"].values())
        links = re.findall(r"https?://[^\s,;)\"']+", texts)
        assert alert["annotations"]["runbook_url"] in links
        for link in links:
            assert link.startswith(demo.address), link
            assert demo.status(link.rstrip(".")) == 200, link


@pytest.mark.parametrize("name", documents())
def test_every_link_of_every_dashboard_is_answered(demo: Demo, name: str) -> None:
    document = documents()[name]
    selector = chosen(choices(document)["pullproof"])
    (info,) = demo.prometheus.query(f"group by (external_url) ({filled(selector, ANYTHING)})")
    here = {"${pullproof:raw}": info["metric"]["external_url"]}
    followed = set[str]()
    for panel in panels(document):
        links = {each["url"] for each in panel.get("links") or ()}
        rows = [{}]
        for target in panel.get("targets", ())[:1]:
            asked = filled(target["expr"], ANYTHING | {"$__rate_interval": "1m"})
            rows = [each["metric"] for each in demo.prometheus.query(asked)] or [{}]
        fields = panel.get("fieldConfig", {}).get("overrides", ())
        data = {
            each["url"]
            for field in fields
            for part in field["properties"]
            if part["id"] == "links"
            for each in part["value"]
        }
        every = {*links, *(drawn(each, row) for each in data for row in rows if row)}
        for url in (each for each in every if not each.startswith("/d/")):
            found = filled(url, here | {f"${{{key[1:]}:raw}}": ANYTHING[key] for key in ANYTHING})
            found = found.replace("/.*/", "/registry.example.com/")
            assert demo.status(found) == 200, found
            followed.add(found)

    assert len(followed) >= 2
    assert name != "overview.json" or f"{demo.address}tag/{CHECKOUT}" in followed


def drawn(url: str, row: Json) -> str:
    """A link of a row, as Grafana fills it in."""
    return re.sub(r"\$\{__data\.fields\.(\w+)\}", lambda field: row.get(field[1], ""), url)
