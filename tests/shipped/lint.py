"""What is wrong with a dashboard? The rules of Grafana's own linter without exclusions, and ours.

Theirs are written down in github.com/grafana/dashboard-linter; its rule on counters looks at the
end of the whole selector and misses any with matchers, so here the name is looked at.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, Final

from grafana_foundation_sdk.models import units

from exporter.publish.metrics.catalogue import FAMILIES
from tests.shipped.grafana import Json, choices, chosen, panels, placed, targets
from tests.shipped.promql import RATE_INTERVAL, selectors

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_SOURCE: Final = {"type": "prometheus", "uid": "${datasource}"}
_UNITS: Final = {value for value in vars(units).values() if isinstance(value, str)}
_RATES: Final = {"rate", "irate", "increase"}
_WITHOUT_QUERIES: Final = {"text", "alertlist"}
_LARGEST: Final = 250_000
_COLUMNS: Final = 24
_BY_REGISTRY: Final = {
    f"{family.name}{suffix}"
    for family in FAMILIES
    for suffix in ("", "_bucket", "_sum", "_count")
    if "registry" in family.labels
}


def faults(document: Json) -> list[str]:
    """Everything that any rule finds: the rule's name, and what is wrong."""
    return [f"{rule.__name__}: {fault}" for rule in RULES for fault in rule(document)]


def template_datasource(document: Json) -> Iterator[str]:
    variable = choices(document).get("datasource", {})
    wanted = {"type": "datasource", "query": "prometheus", "label": "Data source"}
    if not wanted.items() <= variable.items():
        yield "no choice of a Prometheus"


def template_job(document: Json) -> Iterator[str]:
    yield from _target_variable(document, "job", "Job")


def template_instance(document: Json) -> Iterator[str]:
    yield from _target_variable(document, "instance", "Instance")


def _target_variable(document: Json, name: str, label: str) -> Iterator[str]:
    variable = choices(document).get(name, {})
    wanted = {"type": "query", "label": label, "multi": True, "includeAll": True}
    wanted |= {"allValue": ".+", "datasource": _SOURCE}
    yield from (key for key, value in wanted.items() if variable.get(key) != value)


def template_label_promql(document: Json) -> Iterator[str]:
    for variable in choices(document).values():
        if variable["type"] == "query" and not _parses(chosen(variable)):
            yield str(variable["name"])


def template_on_time_change_reload(document: Json) -> Iterator[str]:
    for variable in choices(document).values():
        if variable["type"] == "query" and variable.get("refresh") != 2:
            yield str(variable["name"])


def datasource(document: Json) -> Iterator[str]:
    """Everything that can name a data source names the chosen one."""
    named: list[Json] = [*panels(document), *document["annotations"]["list"]]
    named += [target for _, target in targets(document)]
    named += [each for each in choices(document).values() if each["type"] == "query"]
    yield from (_name(each) for each in named if each.get("datasource") != _SOURCE)


def title_description(document: Json) -> Iterator[str]:
    for panel in panels(document):
        if not panel.get("title") or not panel.get("description"):
            yield _name(panel)
    if not document.get("title") or not document.get("description"):
        yield "the dashboard itself"


def unit(document: Json) -> Iterator[str]:
    for panel in panels(document):
        config = panel.get("fieldConfig", {"defaults": {}, "overrides": ()})
        properties = [each for rule in config["overrides"] for each in rule["properties"]]
        used = [each["value"] for each in properties if each["id"] == "unit"]
        for each in (config["defaults"].get("unit"), *used):
            if each not in _UNITS:
                yield f"{_name(panel)}: {each}"


def no_targets(document: Json) -> Iterator[str]:
    for panel in panels(document):
        asks = [target["expr"] for target in panel.get("targets", ())]
        if panel["type"] not in _WITHOUT_QUERIES and not (asks and all(asks)):
            yield _name(panel)


def promql(document: Json) -> Iterator[str]:
    asks = [target["expr"] for _, target in targets(document)]
    asks += [each["expr"] for each in document["annotations"]["list"]]
    yield from (ask for ask in asks if not _parses(ask))


def rate_interval(document: Json) -> Iterator[str]:
    for _, target in targets(document):
        for found in re.findall(r"\b(?:rate|irate|increase)\(.*?\[([^\]]*)\]", target["expr"]):
            if found != RATE_INTERVAL:
                yield f"{found} in {target['expr']}"


def target_matchers(document: Json) -> Iterator[str]:
    """Every selector obeys the choice of cluster, job and instance."""
    wanted = {(each, "=~", f"${each}") for each in ("cluster", "job", "instance")}
    for ask in _asked(document):
        yield from (each.name for each in selectors(ask) if not wanted <= each.matchers)


def registry_matchers(document: Json) -> Iterator[str]:
    """A dashboard that lets registries be chosen says nothing about the others."""
    for ask in _asked(document):
        for each in selectors(ask):
            named = {label for label, _, _ in each.matchers}
            if each.name in _BY_REGISTRY and "registry" not in named:
                yield each.name


def one_value(document: Json) -> Iterator[str]:
    """One value is no expression: Grafana escapes regular ones only where several may be chosen."""
    single = {f"${name}" for name, each in choices(document).items() if not each.get("multi")}
    single -= {"$cluster", "$job", "$instance"}  # which have rules of their own
    asks = [*_asked(document), *filter(None, map(chosen, choices(document).values()))]
    for ask in filter(_parses, asks):
        for each in selectors(ask):
            for label, operator, value in each.matchers:
                if value in single and operator not in ("=", "!="):
                    yield f"{label}{operator}{value} of {each.name}"


def counters(document: Json) -> Iterator[str]:
    for ask in _asked(document):
        for each in selectors(ask):
            if each.counter and not _RATES & set(each.around):
                yield each.name


def aggregated(document: Json) -> Iterator[str]:
    """No raw series: they have the labels of a pod, and double with every replica."""
    for ask in _asked(document):
        for each in selectors(ask):
            if not {"aggregation", "set"} & set(each.around):
                yield each.name


def uneditable(document: Json) -> Iterator[str]:
    if document.get("editable") is not False:
        yield "it can be edited where it stands, and the change is lost"


def portable(document: Json) -> Iterator[str]:
    """It can be put into any Grafana, twice, and stays the same dashboard."""
    uid = document.get("uid") or ""
    if not re.fullmatch(r"pullproof-[a-z-]{1,30}", uid):
        yield f"uid {uid}"
    yield from document.keys() & {"__inputs", "__requires", "version"}
    if document.get("id") is not None:
        yield "an id is one Grafana's own"
    if len(json.dumps(document, indent=2)) > _LARGEST:
        yield "too large for a ConfigMap that kubectl applies"


def panel_ids(document: Json) -> Iterator[str]:
    ids = [panel.get("id") for panel in placed(document)]
    if not all(ids) or len(set(ids)) < len(ids):
        yield f"not all are there and unlike: {ids}"


def titles(document: Json) -> Iterator[str]:
    names = [panel["title"] for panel in placed(document)]
    yield from {name for name in names if names.count(name) > 1}


def grid(document: Json) -> Iterator[str]:
    """Nothing reaches out of the grid, and no two panels lie over each other."""
    taken: set[tuple[int, int]] = set()
    for panel in placed(document):
        at = {"x": 0, "y": 0} | panel["gridPos"]
        cells = {
            (x, y)
            for x in range(at["x"], at["x"] + at["w"])
            for y in range(at["y"], at["y"] + at["h"])
        }
        if at["x"] + at["w"] > _COLUMNS or cells & taken:
            yield _name(panel)
        taken |= cells


def words(document: Json) -> Iterator[str]:
    """A mapped value has a text: colour alone tells some readers nothing."""
    for panel in panels(document):
        for mapping in _mappings(panel):
            for value, result in mapping["options"].items():
                if not result.get("text"):
                    yield f"{_name(panel)}: {value}"


def absence(document: Json) -> Iterator[str]:
    """Where there is no series, something is said: it is no zero."""
    for panel in panels(document):
        if not panel["fieldConfig"]["defaults"].get("noValue"):
            yield _name(panel)


def tables(document: Json) -> Iterator[str]:
    """A table asks for this moment, as a table, and does not show the time of it."""
    for panel, target in targets(document):
        if panel["type"] == "table":
            arranged = [each["options"] for each in panel.get("transformations", ())]
            hidden = any(each.get("excludeByName", {}).get("Time") for each in arranged)
            if not (target.get("instant") and target.get("format") == "table" and hidden):
                yield _name(panel)


def _asked(document: Json) -> Iterator[str]:
    """What panels ask, as far as it parses; what does not has a rule of its own."""
    return (each["expr"] for _, each in targets(document) if _parses(each["expr"]))


def _parses(expression: str) -> bool:
    try:
        return bool(selectors(expression))
    except ValueError:
        return False


def _mappings(panel: Json) -> Iterator[Any]:
    config = panel["fieldConfig"]
    yield from config["defaults"].get("mappings", ())
    for rule in config["overrides"]:
        for each in rule["properties"]:
            if each["id"] == "mappings":
                yield from each["value"]


def _name(thing: Json) -> str:
    return str(thing.get("title") or thing.get("name") or thing.get("expr") or thing)


RULES: Final[tuple[Callable[[Json], Iterator[str]], ...]] = (
    template_datasource,
    template_job,
    template_instance,
    template_label_promql,
    template_on_time_change_reload,
    datasource,
    title_description,
    unit,
    no_targets,
    promql,
    rate_interval,
    target_matchers,
    registry_matchers,
    one_value,
    counters,
    aggregated,
    uneditable,
    portable,
    panel_ids,
    titles,
    grid,
    words,
    absence,
    tables,
)
