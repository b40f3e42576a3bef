"""The dashboards are what their code makes, pass every rule, and no rule is asleep."""

from __future__ import annotations

import copy
import json
import re
from fnmatch import fnmatch
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from dashboards.files import BOARDS, text
from exporter.publish.metrics.catalogue import FAMILIES
from exporter.publish.metrics.family import MetricType
from tests.golden import generated
from tests.shipped import lint
from tests.shipped.grafana import (
    FILES,
    FOLDER,
    Json,
    choices,
    documents,
    expressions,
    panels,
    targets,
)
from tests.shipped.labels import LABELS
from tests.shipped.promql import selectors
from tests.shipped.rules import alerts, metrics, records

if TYPE_CHECKING:
    from collections.abc import Callable

DOCS = FOLDER.parent / "docs"
PROVISIONING = FOLDER.parent / "examples" / "grafana" / "provisioning"
NAMES = {
    f"{family.name}{suffix}": family
    for family in FAMILIES
    for suffix in (("_bucket", "_sum", "_count") if family.kind is MetricType.HISTOGRAM else ("",))
}
FOREIGN = {
    "ALERTS": set[str](),
    "up": set[str](),
    "scrape_duration_seconds": set[str](),
    "scrape_samples_scraped": set[str](),
    "process_cpu_seconds_total": set[str](),
    "process_resident_memory_bytes": set[str](),
}
"""What Prometheus and the usual client say of every target."""
VALUES = LABELS | {
    "reason": LABELS["reason"] | {"untagged", "orphaned_blob", "stale_upload"},
    "metric": {family.name for family in FAMILIES},
}

every = pytest.mark.parametrize("name", [path.name for path in FILES])


@pytest.mark.parametrize("name", BOARDS)
def test_a_dashboard_is_what_its_code_makes(name: str) -> None:
    generated(FOLDER / name, text(BOARDS[name]))


def test_no_file_is_left_of_a_dashboard_that_is_none() -> None:
    assert {path.name for path in FILES} == BOARDS.keys()


@every
def test_no_rule_finds_a_fault(name: str) -> None:
    assert lint.faults(documents()[name]) == []


def seeded(path: str, value: Any) -> Callable[[Json], None]:
    """A fault: what is at a path of keys is replaced by a value, or removed."""

    def spoil(document: Json) -> None:
        *way, last = (int(key) if key.isdigit() else key for key in path.split("."))
        at: Any = document
        for key in way:
            at = at[key]
        if value is None:
            del at[last]
        else:
            at[last] = value

    return spoil


def _asking(expression: str) -> Callable[[Json], None]:
    return seeded("panels.1.targets.0.expr", expression)


OBEYED = '{cluster=~"$cluster",job=~"$job",instance=~"$instance",registry=~"$registry"}'
COLOUR_ONLY = [{"type": "value", "options": {"0": {"color": "red"}}}]
SEEDED = [
    ("template_datasource", seeded("templating.list.0.query", "loki")),
    ("template_job", seeded("templating.list.1.allValue", ".*")),
    ("template_instance", seeded("templating.list.2.multi", value=False)),
    ("template_label_promql", seeded("templating.list.2.query", "label_values(a{, b)")),
    ("template_on_time_change_reload", seeded("templating.list.1.refresh", 1)),
    ("datasource", seeded("panels.1.targets.0.datasource.uid", "prometheus")),
    ("datasource", seeded("panels.1.datasource", None)),
    ("datasource", seeded("annotations.list.0.datasource.uid", "-- Grafana --")),
    ("datasource", seeded("templating.list.3.datasource", None)),
    ("title_description", seeded("panels.1.title", "")),
    ("title_description", seeded("panels.1.description", None)),
    ("title_description", seeded("description", None)),
    ("unit", seeded("panels.1.fieldConfig.defaults.unit", "furlongs")),
    ("no_targets", seeded("panels.1.targets", [])),
    ("promql", _asking(f"sum(up{OBEYED}")),
    ("promql", seeded("annotations.list.0.expr", "ALERTS{")),
    ("rate_interval", _asking(f"sum(rate(a_total{OBEYED}[5m]))")),
    ("target_matchers", _asking('sum(a{job=~"$job"})')),
    ("target_matchers", _asking('sum(a{instance=~"$instance",job="$job"})')),
    (
        "registry_matchers",
        _asking('sum(pullproof_tags{cluster=~"$cluster",job=~"$job",instance=~"$instance"})'),
    ),
    ("one_value", seeded("templating.list.3.multi", value=False)),
    ("counters", _asking(f"sum(a_total{OBEYED})")),
    ("counters", _asking(f"sum(a_bucket{OBEYED})")),
    ("aggregated", _asking(f"a{OBEYED} > 0")),
    ("uneditable", seeded("editable", value=True)),
    ("portable", seeded("uid", "abc123")),
    ("portable", seeded("__inputs", [])),
    ("portable", seeded("id", 7)),
    ("portable", seeded("tags", ["pullproof"] * 30_000)),
    ("panel_ids", seeded("panels.2.id", 10)),
    ("panel_ids", seeded("panels.1.id", None)),
    ("titles", seeded("panels.2.title", "Live tags: cannot be pulled")),
    ("grid", seeded("panels.1.gridPos.w", 5)),
    ("grid", seeded("panels.6.gridPos.w", 9)),
    ("words", seeded("panels.1.fieldConfig.defaults.mappings", COLOUR_ONLY)),
    ("absence", seeded("panels.1.fieldConfig.defaults.noValue", None)),
    ("tables", seeded("panels.9.targets.0.format", "time_series")),
    ("tables", seeded("panels.9.transformations.1.options.excludeByName", {})),
]


@pytest.mark.parametrize(("rule", "spoil"), SEEDED)
def test_a_rule_finds_the_fault_that_it_is_there_for(
    rule: str, spoil: Callable[[Json], None]
) -> None:
    document = copy.deepcopy(documents()["overview.json"])
    spoil(document)

    assert {fault.partition(":")[0] for fault in lint.faults(document)} == {rule}


def test_every_rule_was_seen_to_find_a_fault() -> None:
    assert {rule for rule, _ in SEEDED} == {rule.__name__ for rule in lint.RULES}


@every
def test_a_dashboard_asks_for_metrics_labels_and_values_that_exist(name: str) -> None:
    found = [each for ask in expressions(documents()[name]) for each in selectors(ask)]

    assert found
    for each in found:
        if each.name in FOREIGN:
            continue
        labels = {*NAMES[each.name].labels, "cluster", "job", "instance", "le"}
        for label, operator, value in each.matchers:
            assert label in labels, f"{each.name}: {label}"
            if value and not value.startswith("$") and operator in {"=", "!=", "=~"}:
                assert set(value.split("|")) <= VALUES[label], f"{label}={value}"


def test_every_metric_is_shown_by_a_dashboard_or_an_alert() -> None:
    asks = [ask for document in documents().values() for ask in expressions(document)]
    shown = {each.name for ask in asks for each in selectors(ask)}
    rules = [*records().values(), *(alert.text for alert in alerts())]
    alerted = set().union(*map(metrics, rules))
    used = {NAMES[name].name for name in shown | alerted if name in NAMES}

    assert {family.name for family in FAMILIES} - used == set()


@every
def test_labels_of_a_legend_or_a_link_are_those_of_the_answer(name: str) -> None:
    """What an expression drops would stand there empty."""
    for panel, target in targets(documents()[name]):
        kept = set(re.findall(r"\w+", " ".join(re.findall(r"by \(([^)]*)\)", target["expr"]))))
        shown = set(re.findall(r"{{(\w+)}}", target.get("legendFormat", "")))
        shown |= set(re.findall(r"__data\.fields\.(\w+)", json.dumps(panel)))
        assert shown <= kept, panel["title"]


@every
def test_every_link_leads_somewhere(name: str) -> None:
    known = {document["uid"]: document for document in documents().values()}
    urls = re.findall(r'"url": "([^"]*)"', json.dumps(documents()[name]))

    assert urls
    for url in urls:
        to_dashboard = re.match(r"/d/([\w-]+)\?", url)
        to_runbook = re.match(r"\$\{pullproof:raw\}/docs/(runbooks/\w+\.md)$", url)
        if to_dashboard:
            given = set(re.findall(r"var-(\w+)=", url))
            assert given <= choices(known[to_dashboard[1]]).keys()
        elif to_runbook:
            assert (DOCS / to_runbook[1]).exists(), url
        else:
            assert url.startswith(("${pullproof:raw}/tag/", "${pullproof:raw}/digest/")), url


@every
def test_every_variable_of_a_dashboard_is_one_of_its_choices(name: str) -> None:
    document = documents()[name]
    own = {"__rate_interval", "__url_time_range", "__data"}
    named = set(re.findall(r"\$\{?(\w+)", json.dumps(document)))

    assert named - own <= choices(document).keys()


def test_from_each_registry_one_gets_to_its_repositories_and_tags() -> None:
    overview = documents()["overview.json"]
    ways = {panel["title"]: json.dumps(panel) for panel in panels(overview)}

    assert "/d/pullproof-overview?" in ways["Registries"]
    assert "var-repository=${__data.fields.repository}" in ways["Repositories"]
    assert "var-tag=${__data.fields.tag}" in ways["Live tags that cannot be pulled"]


def test_grafana_finds_a_prometheus_and_the_dashboards_where_the_page_says() -> None:
    source, provider = (
        yaml.safe_load((PROVISIONING / path).read_text())
        for path in ("datasources/prometheus.yml", "dashboards/pullproof.yml")
    )

    assert [each["type"] for each in source["datasources"]] == ["prometheus"]
    (folder,) = (each["options"]["path"] for each in provider["providers"])
    assert f"`{folder}`" in (DOCS / "dashboards.md").read_text()


def test_the_page_has_every_dashboard_with_its_question() -> None:
    page = (DOCS / "dashboards.md").read_text()

    for name, document in documents().items():
        row = (
            f"| {document['title']} | [{name}](../dashboards/{name}) | {document['description']} |"
        )
        assert row in page


def test_the_chart_carries_the_dashboards_and_not_what_makes_them() -> None:
    lines = (FOLDER.parent / "helm" / ".helmignore").read_text().splitlines()
    ignored = [line.rstrip("/") for line in lines]

    for path in FOLDER.iterdir():
        left_out = any(fnmatch(f"files/dashboards/{path.name}", line) for line in ignored)
        assert left_out is (path.suffix != ".json"), path.name
