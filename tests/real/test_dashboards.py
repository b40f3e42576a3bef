"""Does every panel show something, over two weeks of a real Prometheus, and nothing twice?"""

from __future__ import annotations

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from exporter.publish.metrics.catalogue import FULL_READ_BYTES
from tests.parts.fortnight import DAY, MIRROR, OWNED, REPLICA, fortnight
from tests.parts.monitoring import Prometheus
from tests.parts.past import TARGET
from tests.parts.process import until
from tests.shipped.grafana import choices, chosen, documents, panels, targets
from tests.shipped.promql import filled

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from tests.parts.kubernetes import Kubernetes
    from tests.shipped.grafana import Json

pytestmark = pytest.mark.real

VALUES: Final = {
    "$registry": OWNED,
    "$repository": "shop/checkout",
    "$tag": "2.4.1",
    "$pullproof": "https://audit.example.com",
}
"""What somebody chooses who follows the page about the incident."""
STEPS: Final = 300


@dataclass(frozen=True, slots=True)
class Site:
    """Two weeks, seen from now on."""

    prometheus: Prometheus
    now: float

    def ask(self, target: Json, values: Mapping[str, str], span: float) -> list[Json]:
        """What a panel gets for one of its queries."""
        step = span / STEPS
        durations = {"$__rate_interval": "1h", "$__interval": f"{step:.0f}s"}
        expression = filled(target["expr"], durations | dict(values))
        if target.get("instant"):
            return self.prometheus.query(expression, self.now)
        return self.prometheus.over(expression, self.now - span, self.now, step)


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory, kubernetes_server: Kubernetes) -> Iterator[Site]:
    with fortnight(tmp_path_factory.mktemp("fortnight"), kubernetes_server) as server:
        yield Site(server, until(lambda: still(server), "two scrapes that say the same"))


MOVING: Final = (
    *("registry_requests_total", "scrub_bytes_total", "scrub_blobs_total"),
    *("scrub_proven_ratio", "scrub_oldest_live_proof_timestamp_seconds"),
)
"""What goes on between two audits, and so between two scrapes."""


def still(prometheus: Prometheus) -> float:
    """A moment at which what was scraped under both names says the same; 0 for none."""
    now = time.time()  # noqa: TID251 - Prometheus' clock is the machine's
    one, other = (f'{{instance="{each}"}}' for each in (TARGET["instance"], REPLICA))
    apart = (
        f"pullproof_{each}{one} != ignoring (instance) pullproof_{each}{other}" for each in MOVING
    )
    scraped = len(prometheus.query('up{job="pullproof"} == 1', now)) == 2
    return now if scraped and not any(prometheus.query(each, now) for each in apart) else 0.0


def picked(document: Json, **more: str) -> dict[str, str]:
    """What the choices of a dashboard hold: all of what has an All, else what `VALUES` says."""
    found = {
        f"${name}": each["allValue"] if each.get("includeAll") else VALUES.get(f"${name}", "")
        for name, each in choices(document).items()
    }
    return found | {f"${name}": value for name, value in more.items()}


def span(document: Json) -> float:
    """Seconds that a dashboard shows at first."""
    number, letter = re.fullmatch(r"now-(\d+)([hd])", document["time"]["from"]).groups()  # type: ignore[union-attr]  # where it does not match, the test shall fail
    return float(number) * {"h": 3600, "d": DAY}[letter]


QUERIES: Final = [
    pytest.param(document, panel, target, id=f"{name}-{panel['title']}-{target['refId']}")
    for name, document in documents().items()
    for panel, target in targets(document)
    # Only of a registry that ignores ranges, which a real one in this world does not.
    if FULL_READ_BYTES.name not in target["expr"]
]


@pytest.mark.parametrize(("document", "panel", "target"), QUERIES)
def test_every_query_has_an_answer(site: Site, document: Json, panel: Json, target: Json) -> None:
    for shown in (span(document), 14 * DAY):
        assert site.ask(target, picked(document), shown), (panel["title"], shown)


@pytest.mark.parametrize("document", documents().values(), ids=documents())
def test_every_choice_and_every_mark_has_an_answer(site: Site, document: Json) -> None:
    values = picked(document)
    for name, each in choices(document).items():
        if selector := chosen(each):
            label = each["query"].rpartition(",")[2].strip(" )")
            found = site.prometheus.query(f"group by ({label}) ({filled(selector, values)})")
            offered = {series["metric"][label] for series in found}
            assert offered, name
            assert each.get("includeAll") or values[f"${name}"] in offered
    for mark in document["annotations"]["list"]:
        assert site.ask(mark, values, 14 * DAY), mark["name"]


def test_what_is_shown_reaches_two_weeks_back_and_up_to_now(site: Site) -> None:
    shown = {"expr": "sum(pullproof_tags)"}
    (series,) = site.ask(shown, {}, 14 * DAY)

    moments = [at for at, _ in series["values"]]
    assert moments[0] < site.now - 13.9 * DAY
    assert moments[-1] > site.now - 3600
    assert len(moments) == STEPS + 1


ONCE: Final = [
    pytest.param(document, target, id=f"{name}-{panel['title']}-{target['refId']}")
    for name, document in documents().items()
    for panel, target in targets(document)
    if name != "auditor.json" and target.get("instant")
]


@pytest.mark.parametrize(("document", "target"), ONCE)
def test_a_second_replica_changes_no_number(site: Site, document: Json, target: Json) -> None:
    with_both = site.ask(target, picked(document), DAY)
    for one in (TARGET["instance"], REPLICA):
        alone = site.ask(target, picked(document, instance=one), DAY)
        assert by_labels(alone) == by_labels(with_both)


def by_labels(found: list[Json]) -> dict[frozenset[Any], str]:
    return {frozenset(each["metric"].items()): each["value"][1] for each in found}


def number(site: Site, document: Json, title: str) -> float:
    """What one panel says now."""
    (panel,) = (each for each in panels(document) if each["title"] == title)
    (answer,) = site.ask(panel["targets"][0], picked(document), DAY)
    return float(answer["value"][1])


def test_the_incident_is_what_the_overview_says(site: Site) -> None:
    overview = documents()["overview.json"]

    assert number(site, overview, "Live tags: cannot be pulled") == 2
    assert number(site, overview, "Unprotected live manifests") >= 2
    (table,) = (
        panel for panel in panels(overview) if panel["title"] == "Live tags that cannot be pulled"
    )
    losses, since, workloads, *_ = table["targets"]
    for target in (losses, since, workloads):
        rows = site.ask(target, picked(overview), DAY)
        assert {(each["metric"]["repository"], each["metric"]["tag"]) for each in rows} == {
            ("shop/checkout", "2.4.1"),
            ("platform/payments", "3.0.7"),
        }


def test_the_verdict_on_a_tag_is_told_as_it_was_and_as_it_is(site: Site) -> None:
    tag = documents()["tag.json"]
    (panel,) = (each for each in panels(tag) if each["title"] == "History")

    (series,) = site.ask(panel["targets"][0], picked(tag), 14 * DAY)

    values = [value for _, value in series["values"]]
    assert values[0] == "0"
    assert values[-1] == "3"
    assert number(site, tag, "Verdict") == 3
    assert number(site, documents()["overview.json"], "Unknown") > 0


def test_how_a_registry_stood_is_told_for_each_time(site: Site) -> None:
    """But for 5, "last audit incomplete", which is too short here to be sure to be on the line."""
    overview = documents()["overview.json"]
    (panel,) = (each for each in panels(overview) if each["title"] == "Registry history")
    words = {value: each["text"] for value, each in mapped(panel).items()}

    answer = site.ask(panel["targets"][0], picked(overview), 14 * DAY)

    told = {
        each["metric"]["registry"]: [words[value] for _, value in each["values"] if value != "5"]
        for each in answer
    }
    assert list(dict.fromkeys(told[OWNED])) == [
        "some live tags are unknown",
        "results are stale",
        "live tags are broken",
    ]
    assert set(told[MIRROR]) == {"pull-through cache"}


def mapped(panel: Json) -> Json:
    (mapping,) = panel["fieldConfig"]["defaults"]["mappings"]
    return dict(mapping["options"])
