"""The Alertmanager example wakes the right person, and mutes only what another alert says."""

from __future__ import annotations

import re
import subprocess
from typing import TYPE_CHECKING, Any

import httpx
import pytest
import yaml

from tests.parts.monitoring import alertmanager
from tests.parts.needs import program
from tests.parts.process import PATIENCE, until
from tests.shipped.rules import ALERTS, alerts

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.shipped.rules import Alert

CONFIG = ALERTS / "alertmanager.yml"
RECEIVERS = {"critical": "pager", "warning": "tickets", "info": "nobody"}
ONE = {"registry": "r1", "repository": "app", "tag": "v1"}
PIN = ONE | {"tag": "@0123456789ab"}
OTHER_TAG = ONE | {"tag": "v2"}
OTHER_REGISTRY = ONE | {"registry": "r2"}
WEST, EAST = {"cluster": "west"}, {"cluster": "east"}
"""What two Prometheus servers add, each to its own alerts."""


def test_amtool_finds_no_fault_in_the_example() -> None:
    checked(CONFIG)


def test_amtool_finds_no_fault_in_the_receivers_that_are_comments(tmp_path: Path) -> None:
    used = tmp_path / "alertmanager.yml"
    used.write_text(re.sub(r"^( +)#(?=[a-z-]|  )", r"\1", CONFIG.read_text(), flags=re.MULTILINE))

    checked(used)
    pager, tickets, _ = yaml.safe_load(used.read_text())["receivers"]
    assert {*pager} == {"name", "webhook_configs", "pagerduty_configs", "opsgenie_configs"}
    assert {*tickets} == {"name", "webhook_configs", "slack_configs", "email_configs"}


def checked(config: Path) -> None:
    command = [program("amtool"), "check-config", str(config)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)

    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)
def test_an_alert_reaches_whom_its_severity_means(alert: Alert) -> None:
    labels = [f"alertname={alert.name}", f"severity={alert.severity}", "registry=r1"]
    command = [program("amtool"), "config", "routes", "test", f"--config.file={CONFIG}", *labels]
    done = subprocess.run(command, capture_output=True, text=True, check=True)

    assert done.stdout.split() == [RECEIVERS[alert.severity]]


SECONDS_TO_METRICS = 10
"""benchmarks/page.py measures less, also where both happen at once."""
ROOT = ALERTS.parent
HELM = yaml.safe_load((ROOT / "helm" / "values.yaml").read_text())
DOCUMENT = (ROOT / "docs" / "alerts.md").read_text()
(SNIPPET,) = re.findall(r"```yaml\n# prometheus.yml\n(.*?)```", DOCUMENT, flags=re.DOTALL)
DEFAULT = "1m"
"""Prometheus' own interval, of scrapes and of evaluations."""


def intervals() -> Iterator[tuple[str, str, str]]:
    """Where Prometheus is configured, and how often it scrapes and evaluates there."""
    for monitor in ("serviceMonitor", "podMonitor"):
        yield monitor, HELM[monitor]["interval"], DEFAULT
    examples = {
        path.parent.name: path.read_text() for path in ROOT.glob("examples/*/prometheus.yml")
    }
    for name, text in {"docs": SNIPPET, **examples}.items():
        config = yaml.safe_load(text)
        common = config.get("global", {})
        (job,) = config["scrape_configs"]
        scrape = job.get("scrape_interval") or common.get("scrape_interval", DEFAULT)
        yield name, scrape, common.get("evaluation_interval", DEFAULT)


@pytest.mark.parametrize(
    ("scrape", "evaluation"),
    [each[1:] for each in intervals()],
    ids=[each[0] for each in intervals()],
)
@pytest.mark.parametrize("alert", ["RegistryLiveTagBroken", "RegistryManyLiveTagsBroken"])
def test_a_loss_is_paged_within_six_minutes_where_a_watch_or_an_event_tells_of_it(
    alert: str, scrape: str, evaluation: str
) -> None:
    (wait,) = (each.wait for each in alerts() if each.name == alert)
    (route,) = (
        each
        for each in yaml.safe_load(CONFIG.read_text())["route"]["routes"]
        if each["receiver"] == "pager"
    )

    parts = (scrape, evaluation, wait, route["group_wait"])
    assert SECONDS_TO_METRICS + sum(map(seconds, parts)) <= 6 * 60


def seconds(duration: str) -> int:
    """The seconds of a duration with one unit."""
    return int(duration[:-1]) * {"s": 1, "m": 60}[duration[-1]]


MUTED = [
    ("RegistryManyLiveTagsBroken", {"registry": "r1"}, "RegistryLiveTagBroken", ONE),
    ("RegistryLiveTagBroken", ONE, "RegistryLiveTagBrokenElsewhere", ONE),
    ("RegistryAuditStaleLong", {"registry": "r1"}, "RegistryAuditStale", {"registry": "r1"}),
    ("RegistryUnreachable", {"registry": "r1"}, "RegistryAuditStale", {"registry": "r1"}),
    ("RegistryUnreachable", {"registry": "r1"}, "RegistryAuditBlind", {"registry": "r1"}),
    ("RegistryUnreachable", {"registry": "r1"}, "RegistryNeverAudited", {"registry": "r1"}),
    ("RegistryUnreachable", {"registry": "r1"}, "RegistryAuditorThrottled", {"registry": "r1"}),
    ("RegistryLiveSetSourceDown", {"source": "file"}, "RegistryLiveSetEmpty", {"registry": "r1"}),
    ("RegistryManyLiveTagsBroken", EAST | {"registry": "r1"}, "RegistryLiveTagBroken", EAST | ONE),
    ("RegistryLiveSetSourceDown", EAST, "RegistryLiveSetEmpty", EAST | {"registry": "r1"}),
]
HEARD = [
    ("RegistryManyLiveTagsBroken", {"registry": "r2"}, "RegistryLiveTagBroken", ONE),
    ("RegistryLiveTagBroken", OTHER_TAG, "RegistryLiveTagBrokenElsewhere", ONE),
    ("RegistryLiveTagBroken", OTHER_REGISTRY, "RegistryLiveTagBrokenElsewhere", ONE),
    ("RegistryLiveTagsUnprotected", {"registry": "r1"}, "RegistryLiveTagBroken", PIN),
    ("RegistryLiveTagBroken", ONE, "RegistryRollbackTargetBroken", OTHER_TAG),
    ("RegistryLiveSetSourceDown", {"source": "prod"}, "RegistryLiveTagBroken", ONE),
    ("RegistryUnreachable", {"registry": "r2"}, "RegistryAuditStale", {"registry": "r1"}),
    ("RegistryUnreachable", {"registry": "r1"}, "RegistryLiveTagBroken", ONE),
    ("RegistryAuditStaleLong", {"registry": "r1"}, "RegistryLiveTagBroken", ONE),
    ("RegistryAuditorTargetDown", {"instance": "i"}, "RegistryLiveTagBroken", ONE),
    ("RegistryAuditorAbsent", {"job": "pullproof"}, "RegistryLiveTagBroken", ONE),
    ("RegistryAuditorTargetDown", {"instance": "i"}, "RegistryAuditStaleLong", {"registry": "r1"}),
    ("RegistryAuditorTargetDown", {"instance": "i"}, "RegistryAuditStale", {"registry": "r1"}),
    ("RegistryAuditorAbsent", WEST, "RegistryAuditStale", EAST | {"registry": "r1"}),
    ("RegistryManyLiveTagsBroken", WEST | {"registry": "r1"}, "RegistryLiveTagBroken", EAST | ONE),
    ("RegistryUnreachable", WEST | {"registry": "r1"}, "RegistryAuditStale", EAST | ONE),
    ("RegistryLiveSetSourceDown", WEST, "RegistryLiveSetEmpty", EAST | {"registry": "r1"}),
]

Json = dict[str, Any]


@pytest.fixture
def address(tmp_path: Path) -> Iterator[str]:
    with alertmanager(tmp_path, yaml.safe_load(CONFIG.read_text())) as server:
        yield f"http://{server.address}/api/v2/alerts"


def post(address: str, alert: str, where: dict[str, str]) -> None:
    (severity,) = (each.severity for each in alerts() if each.name == alert)
    labels = {"alertname": alert, "severity": severity} | where
    httpx.post(
        address, json=[{"labels": labels}], trust_env=False, timeout=PATIENCE
    ).raise_for_status()


def status(address: str, alert: str) -> Json | None:
    """How Alertmanager sees an alert; None before it has looked at it."""
    found = httpx.get(address, trust_env=False, timeout=PATIENCE).raise_for_status().json()
    states = (each["status"] for each in found if each["labels"]["alertname"] == alert)
    return next((state for state in states if state["state"] != "unprocessed"), None)


@pytest.mark.parametrize(("source", "at", "target", "where"), MUTED)
def test_what_another_alert_says_already_is_muted(
    address: str, source: str, at: dict[str, str], target: str, where: dict[str, str]
) -> None:
    post(address, source, at)
    until(lambda: status(address, source), f"{source} is active")
    post(address, target, where)

    def inhibited() -> bool:
        return bool((status(address, target) or {}).get("inhibitedBy"))

    until(inhibited, f"{source} mutes {target}")


@pytest.mark.parametrize(("source", "at", "target", "where"), HEARD)
def test_what_no_other_alert_says_is_heard(
    address: str, source: str, at: dict[str, str], target: str, where: dict[str, str]
) -> None:
    post(address, source, at)
    until(lambda: status(address, source), f"{source} is active")
    post(address, target, where)

    seen = until(lambda: status(address, target), f"{target} is active")
    assert seen is not None
    assert seen["state"] == "active"
