"""The rules and monitors of the chart are those of `alerts/`, but for what the values override."""

from __future__ import annotations

import subprocess
from typing import TYPE_CHECKING, Any

import yaml

from exporter.config.settings import MetricsSettings
from exporter.publish.metrics.catalogue import FAMILIES
from tests.parts.helm import CHART, rendered
from tests.parts.needs import program
from tests.shipped.rules import ALERTS, FILES

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]

DASHBOARDS = ALERTS.parent / "dashboards"


def feature(name: str, kind: str) -> Json:
    """The one object of a kind that a feature's file of values makes."""
    objects = rendered(f"--values={CHART}/ci/{name}-values.yaml")
    (found,) = (each for (of, _), each in objects.items() if of == kind)
    return found


def shipped() -> dict[str, Json]:
    """The groups of `alerts/` by name."""
    groups = (group for path in FILES for group in yaml.safe_load(path.read_text())["groups"])
    return {group["name"]: group for group in groups}


def by_alert(groups: list[Json]) -> dict[str, Json]:
    """Alerting rules by name."""
    return {rule["alert"]: rule for group in groups for rule in group["rules"] if "alert" in rule}


def test_the_files_of_the_chart_are_those_that_promtool_tests() -> None:
    linked = CHART / "files" / "alerts"

    assert linked.is_symlink()
    assert linked.resolve() == ALERTS


def test_without_overrides_every_byte_of_every_rule_is_the_same() -> None:
    groups = feature("prometheusrule", "PrometheusRule")["spec"]["groups"]

    assert {group["name"]: group for group in groups} == shipped()
    assert len(groups) == len(shipped())


def test_an_override_changes_its_alert_and_nothing_else() -> None:
    before = by_alert(list(shipped().values()))
    groups = feature("prometheusrule-overrides", "PrometheusRule")["spec"]["groups"]
    after = by_alert(groups)
    summary = "More than five terabytes are stored for nothing."
    expected: dict[str, Json] = {
        "RegistryAuditStale": {"for": "30m"},
        "RegistryLatestTagBroken": {"keep_firing_for": "1h"},
        "RegistryOrphanGrowth": {"expr": "registry:pullproof_reclaimable_bytes:sum > 5e12"},
    }
    labels = {"RegistryLatestTagBroken": {"severity": "info", "team": "builds"}}
    notes = {"RegistryOrphanGrowth": {"summary": summary}}

    assert set(after) == set(before) - {"RegistryReclaimableHigh"} | {"SiteRegistryQuiet"}
    for name in set(after) & set(before):
        assert after[name] == before[name] | expected.get(name, {}) | {
            "labels": before[name]["labels"] | {"team": "platform"} | labels.get(name, {}),
            "annotations": before[name]["annotations"] | notes.get(name, {}),
        }


def test_recording_rules_stay_where_alerts_are_off() -> None:
    groups = feature("prometheusrule-overrides", "PrometheusRule")["spec"]["groups"]
    records = [rule["record"] for group in groups for rule in group["rules"] if "record" in rule]

    assert len(records) == sum(
        "record" in rule for group in shipped().values() for rule in group["rules"]
    )


def test_promtool_finds_no_fault_in_what_is_rendered(tmp_path: Path) -> None:
    for name in ("prometheusrule", "prometheusrule-overrides"):
        file = tmp_path / f"{name}.yml"
        file.write_text(yaml.safe_dump(feature(name, "PrometheusRule")["spec"]))
        command = [program("promtool"), "check", "rules", str(file)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def test_a_monitor_finds_the_exporter_and_names_its_job_whatever_the_release_is_called() -> None:
    service = feature("servicemonitor", "Service")["metadata"]["labels"]
    pod = feature("podmonitor", "Deployment")["spec"]["template"]["metadata"]["labels"]

    for monitor, labels in (
        (feature("servicemonitor", "ServiceMonitor"), service),
        (feature("podmonitor", "PodMonitor"), pod),
    ):
        assert labels[monitor["spec"]["jobLabel"]] == "pullproof"
        assert monitor["spec"]["selector"]["matchLabels"].items() <= labels.items()


def test_a_monitor_takes_what_the_default_limits_of_one_registry_let_through() -> None:
    needs = [1 + ("need" in family.labels) for family in FAMILIES if "tag" in family.labels]
    most = MetricsSettings().tags * sum(needs)
    monitor = feature("web-tls", "ServiceMonitor")

    assert most < monitor["spec"]["sampleLimit"]


def test_each_dashboard_is_in_a_map_of_its_own_to_the_letter() -> None:
    linked = CHART / "files" / "dashboards"
    objects = rendered(f"--values={CHART}/ci/dashboards-values.yaml")
    maps = [each for (_, name), each in objects.items() if "-dashboard-" in name]
    held = [map_["data"] for map_ in maps]

    assert linked.is_symlink()
    assert linked.resolve() == DASHBOARDS
    assert [len(data) for data in held] == [1] * len(held)
    assert {name: text for data in held for name, text in data.items()} == {
        path.name: path.read_text() for path in DASHBOARDS.glob("*.json")
    }
    assert all(map_["metadata"]["labels"]["grafana_dashboard"] == "1" for map_ in maps)
