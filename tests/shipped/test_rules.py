"""The rules say what exists, ask for what exists, and each of them was seen to fire and not to."""

from __future__ import annotations

import re
import subprocess
from collections import Counter
from itertools import pairwise
from typing import Any

import pytest
import yaml

from exporter.judge.checks import CHECKS
from exporter.judge.finding import Severity
from exporter.publish.metrics.catalogue import FAMILIES
from exporter.publish.metrics.family import Group, MetricType
from tests.parts.needs import program
from tests.shipped.labels import LABELS
from tests.shipped.rules import (
    ALERTS,
    FILES,
    TESTS,
    Alert,
    alerts,
    metrics,
    records,
    selectors,
)

ANY = 'query "instance_external_url:pullproof_build_info:max"'
"""The addresses of all exporters, for an alert that is about none, or about one without."""
FIRST = '(sortByLabel "external_url" . | first)'
"""Of several, the same at each evaluation."""
NO_EXPORTER = "RegistryAuditorAbsent"
DOCS = ALERTS.parent / "docs"
BY_NAME = {family.name: family for family in FAMILIES}
VALUES = LABELS | {
    "code": {"429"},
    "check": {check.rule.code for check in CHECKS},
    "severity": {str(each) for each in Severity},
}

FOUND = {Group.VERDICTS, Group.STORAGE}

every_alert = pytest.mark.parametrize("alert", alerts(), ids=lambda alert: alert.name)


def run(*command: str) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_no_fault_in_the_rules() -> None:
    run(program("promtool"), "check", "rules", "--lint=all", "--lint-fatal", *map(str, FILES))


def test_the_rules_do_what_their_tests_say() -> None:
    run(program("promtool"), "test", "rules", *map(str, TESTS))


def test_every_file_of_rules_is_looked_at() -> None:
    assert {*FILES, ALERTS / "alertmanager.yml"} == set(ALERTS.glob("*.yml"))


@every_alert
def test_an_alert_was_seen_to_fire_and_not_to(alert: Alert) -> None:
    seen = [expected for name, expected in _assertions() if name == alert.name]

    assert any(seen), "no test in which it fires"
    assert not all(seen), "no test in which it does not"


@every_alert
def test_an_alert_was_seen_to_end(alert: Alert) -> None:
    """After it fired, in the same course of things."""
    documents = (yaml.safe_load(path.read_text()) for path in TESTS)
    cases = [case for document in documents for case in document["tests"]]

    assert any(_ends(case, alert.name) for case in cases)


def _ends(case: Any, name: str) -> bool:
    fired = [
        _minutes(each["eval_time"])
        for each in case.get("promql_expr_test", ())
        if f'alertname="{name}"' in str(each["exp_samples"])
    ]
    told = [each for each in case["alert_rule_test"] if each["alertname"] == name]
    fired += [_minutes(each["eval_time"]) for each in told if each["exp_alerts"]]
    over = [_minutes(each["eval_time"]) for each in told if not each["exp_alerts"]]
    # Of several objects one may fire on: then the list of those that do is shorter.
    counts = [len(each["exp_alerts"]) for each in told]
    fewer = any(after < before for before, after in pairwise(counts))
    return fewer or any(before < after for before in fired for after in over)


def _minutes(text: str) -> float:
    units = {"h": 60, "m": 1}
    return sum(float(number) * units[unit] for number, unit in re.findall(r"(\d+)([hm])", text))


def _assertions() -> list[tuple[str, list[Any]]]:
    documents = (yaml.safe_load(path.read_text()) for path in TESTS)
    cases = (case for document in documents for case in document["tests"])
    tests = (each for case in cases for each in case["alert_rule_test"])
    return [(each["alertname"], each["exp_alerts"]) for each in tests]


@every_alert
def test_an_alert_has_a_runbook_with_what_a_woken_person_needs(alert: Alert) -> None:
    text = (DOCS / "runbooks" / f"{alert.name}.md").read_text()

    page = f"{{{{ {FIRST}.Labels.external_url }}}}/{{{{ end }}}}docs/runbooks/{alert.name}.md"
    own = ANY if alert.name == NO_EXPORTER else f"or ({_own(alert)}) ({ANY})"
    assert alert.annotations["runbook_url"] == f"{{{{ with {own} }}}}{page}"
    summary = alert.annotations["summary"]
    assert text.startswith(f"# {alert.name}\n\n{alert.severity.capitalize()}. {summary}\n")
    heads = re.findall(r"^## (.+)$", text, re.MULTILINE)
    assert heads == ["Meaning", "Impact", "Diagnosis", "Mitigation"]


def _own(alert: Alert) -> str:
    """The query for the address of the exporter that an alert is about, by its labels."""
    by = re.search(r"\bby \(([^)]*)\)", alert.expression)
    labels = re.findall(r"\w+", by[1]) if by else []
    metric, rest = "instance_external_url:pullproof_build_info:max", ""
    kept = [each for each in ("cluster", "job", "instance") if each in labels]
    if "registry" in labels:
        metric, kept = "registry_external_url:pullproof_registry_info:max", ["cluster", "registry"]
    elif "source" in labels:
        rest = f"{metric} and on (cluster, job, instance) max_over_time("
        metric, kept = f"{rest}pullproof_reference_source_up", ["cluster", "source"]
    matchers = ",".join(f"{each}=%q" for each in kept)
    named = " ".join(f"$labels.{each}" for each in kept)
    return f'query (printf "{metric}{{{matchers}}}{"[3m])" if rest else ""}" {named})'


def test_no_runbook_is_left_of_an_alert_that_is_none() -> None:
    pages = {path.stem for path in DOCS.glob("runbooks/*.md")}

    assert pages == {alert.name for alert in alerts()}


def test_the_list_of_alerts_is_complete_and_true() -> None:
    rows = re.findall(
        r"^\| \[(\w+)\]\(runbooks/(\w+)\.md\) \| (\w+) \| (\w+) \| (.+) \|$",
        (DOCS / "alerts.md").read_text(),
        re.MULTILINE,
    )

    assert rows == [
        (each.name, each.name, each.severity, each.wait, each.annotations["summary"])
        for each in alerts()
    ]


@every_alert
def test_an_alert_speaks_in_sentences(alert: Alert) -> None:
    summary, description = alert.annotations["summary"], alert.annotations["description"]

    assert "{{" not in summary, "the headline of a group is the same for all of it"
    assert re.fullmatch(r"[A-Z][^.]*\.", summary)
    assert description.endswith(".")
    assert set(alert.annotations) == {"summary", "description", "runbook_url"}
    assert alert.severity in {"critical", "warning", "info"}


@every_alert
def test_an_alert_shows_no_label_that_its_expression_drops(alert: Alert) -> None:
    kept = re.search(r"\bby \(([^)]*)\)", alert.expression)
    labels = {label.strip() for label in kept[1].split(",")} if kept else {"job"}

    assert set(re.findall(r"\$labels\.(\w+)", alert.annotations["description"])) <= labels
    assert not labels & {"pod", "namespace", "container", "node"}


def test_names_are_used_once() -> None:
    assert max(Counter(alert.name for alert in alerts()).values()) == 1


def test_every_metric_of_the_rules_and_their_tests_is_in_the_catalogue() -> None:
    texts = [*records().values(), *(alert.text for alert in alerts())]
    texts += [path.read_text() for path in TESTS]
    named = set().union(*map(metrics, texts)) - {"pullproof_tag", "pullproof_repository"}

    assert named - BY_NAME.keys() == set()


def test_every_recorded_metric_that_is_used_is_recorded() -> None:
    texts = [alert.text for alert in alerts()]
    used = {name for text in texts for name in re.findall(r"\w+:pullproof_\w+:\w+", text)}

    assert used == records().keys()


def test_the_rules_select_labels_and_values_that_exist_and_never_the_job() -> None:
    texts = [*records().values(), *(alert.text for alert in alerts())]
    found = [each for text in texts for each in selectors(text)]

    assert found
    for name, labels in found:
        assert labels <= {*BY_NAME[name].labels, "cluster"}, name
    for label, value in re.findall(r'(\w+)="([^"]*)"', " ".join(texts).replace('\\"', '"')):
        assert value in VALUES[label], f"{label}={value}"


def test_two_clusters_whose_registry_has_one_name_are_never_merged() -> None:
    for text in (*records().values(), *(alert.expression for alert in alerts())):
        for grouped in re.findall(r"\b(?:by|on) \(([^)]*)\)", text):
            assert grouped.startswith("cluster"), grouped
    for alert in alerts():
        named = re.findall(r"\{([^{}]*)(?:registry|source|job)=%q", alert.text)
        assert all("cluster=%q" in each for each in named), alert.name


@every_alert
def test_one_failed_scrape_neither_ends_an_alert_nor_starts_its_waiting_anew(alert: Alert) -> None:
    # What stands against an alert may be an instant: without it, a waiting time only begins.
    said = re.sub(r"unless on \([^)]*\)\s+pullproof_\w+\{[^}]*\}(?!\[)", "", alert.expression)
    asked = re.findall(r"(?<![\w:])pullproof_[a-z_]+\{[^}]*\}(.?)", said)

    assert set(asked) <= {"["}, "an instant: a failed scrape leaves none"


@every_alert
def test_what_audits_found_outlasts_a_restart_until_the_first_audit_has_ended(
    alert: Alert,
) -> None:
    asked = metrics(alert.expression) | set().union(
        *(metrics(text) for name, text in records().items() if name in alert.expression)
    )
    found = [BY_NAME[each] for each in asked if BY_NAME[each].group in FOUND]

    if found and alert.severity != "info":
        assert alert.keeps


def test_every_metric_of_the_docs_is_in_the_catalogue() -> None:
    known = set(BY_NAME)
    for family in FAMILIES:
        if family.kind is MetricType.HISTOGRAM:
            known |= {f"{family.name}{suffix}" for suffix in ("_bucket", "_sum", "_count")}
    pages = [*DOCS.rglob("*.md"), ALERTS.parent / "README.md"]
    named = {name for path in pages for name in metrics(path.read_text())}

    assert named - known == set()
    assert named >= set(BY_NAME)
