"""What do all dashboards share: choices, links, marks of what happened, and the layout?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders.dashboard import (
    AnnotationQuery,
    Dashboard,
    DashboardLink,
    DatasourceVariable,
    QueryVariable,
    Row,
)
from grafana_foundation_sdk.models.dashboard import Dashboard as Document
from grafana_foundation_sdk.models.dashboard import (
    DashboardCursorSync,
    DashboardLinkType,
    VariableRefresh,
    VariableSort,
)

from dashboards.card import SOURCE, Finished
from dashboards.links import MARK
from dashboards.promql import TARGET, series
from exporter.publish.metrics import catalogue
from exporter.publish.metrics.family import Family

ALERTS: Final = "Registry.*"
"""The names of all alerts that belong to these dashboards."""
_ANY: Final = ".+"
_ANY_OR_NONE: Final = ".*"
"""Series need not have the label."""
_IN_SIGHT: Final = ""
"""Beside the choices; the SDK would put links and marks into a menu."""
# Not by `series`: a choice must not depend on itself.
_REGISTRIES: Final = f"label_values({catalogue.REGISTRY_INFO.name}{{{TARGET}}}, registry)"


@dataclass(frozen=True, slots=True)
class Chapter:
    """A row of a dashboard: its heading, and the panels below it."""

    number: int
    title: str
    panels: tuple[Finished, ...]
    folded: bool = False
    """Shown by its heading at first: Grafana then asks no query of it."""


@dataclass(frozen=True, slots=True)
class Board:
    """One dashboard."""

    uid: str
    title: str
    about: str
    chapters: tuple[Chapter, ...]
    choices: tuple[QueryVariable, ...]
    """Which objects: after data source, job and instance; the cluster comes last."""
    since: str = "now-24h"


def build(board: Board) -> Document:
    """Put a dashboard together."""
    made = (
        Dashboard(board.title)
        .uid(board.uid)
        .description(board.about)
        .tags([MARK])
        .readonly()
        .timezone("browser")
        .time(board.since, "now")
        .refresh("1m")
        .tooltip(DashboardCursorSync.CROSSHAIR)
        .annotations([_firing(), _audited()])
        .link(_others())
    )
    made = made.with_variable(_source())
    for choice in (*_targets(), *board.choices):
        made = made.with_variable(choice)
    for choice in (_cluster(), _address()):
        made = made.with_variable(choice)
    for chapter in board.chapters:
        made = _with(made, chapter)
    return made.build()


def _with(made: Dashboard, chapter: Chapter) -> Dashboard:
    row = Row(chapter.title).id(chapter.number)
    if chapter.folded:
        row = row.collapsed(collapsed=True)
        for panel in chapter.panels:
            row = row.with_panel(panel)
        return made.with_row(row)
    made = made.with_row(row)
    for panel in chapter.panels:
        made = made.with_panel(panel)
    return made


def every(name: str, label: str, query: str) -> QueryVariable:
    """Let some or all be chosen; all of them at first."""
    return (
        _choice(name, label, query).multi(multi=True).include_all(include_all=True).all_value(_ANY)
    )


def registry() -> QueryVariable:
    """Let one registry be chosen."""
    return _choice("registry", "Registry", _REGISTRIES)


def one(label: str, family: Family, *where: str) -> QueryVariable:
    """Let one value of a label be chosen."""
    query = f"label_values({series(family, *where)}, {label})"
    return _choice(label, label.capitalize(), query)


def registries() -> QueryVariable:
    """Let some or all registries be chosen."""
    return every("registry", "Registry", _REGISTRIES)


def _choice(name: str, label: str, query: str) -> QueryVariable:
    made = QueryVariable(name).label(label).datasource(SOURCE).query(query).definition(query)
    made = made.refresh(VariableRefresh.ON_TIME_RANGE_CHANGED)
    return made.sort(VariableSort.NATURAL_ASC)


def _source() -> DatasourceVariable:
    return DatasourceVariable("datasource").label("Data source").type("prometheus")


def _targets() -> tuple[QueryVariable, ...]:
    info = catalogue.BUILD_INFO.name
    return (
        every("job", "Job", f"label_values({info}, job)"),
        every("instance", "Instance", f'label_values({info}{{job=~"$job"}}, instance)'),
    )


def _cluster() -> QueryVariable:
    query = f"label_values({catalogue.BUILD_INFO.name}, cluster)"
    return every("cluster", "Cluster", query).all_value(_ANY_OR_NONE)


def _address() -> QueryVariable:
    query = f'label_values({catalogue.BUILD_INFO.name}{{{TARGET},external_url!=""}}, external_url)'
    made = _choice("pullproof", "Address of pullproof", query)
    return made.description("The exporter's external_url. Links to its pages begin with it.")


def _others() -> DashboardLink:
    made = DashboardLink("pullproof").type(DashboardLinkType.DASHBOARDS).tags([MARK])
    made = made.as_dropdown(as_dropdown=True).placement(_IN_SIGHT)
    return made.keep_time(keep_time=True).include_vars(include_vars=True)


def _firing() -> AnnotationQuery:
    made = _marks("Alerts", "red").enable(enable=True)
    made = made.expr(f'ALERTS{{alertname=~"{ALERTS}",alertstate="firing"}}')
    made = made.title_format("{{alertname}}").tag_keys("severity")
    return made.text_format("{{registry}} {{repository}} {{tag}}")


def _audited() -> AnnotationQuery:
    """Off at first: with an audit every quarter of an hour they are many."""
    made = _marks("Complete audits", "blue").enable(enable=False)
    made = made.expr(f"{series(catalogue.AUDIT_LAST_SUCCESS)} * 1000")
    made = made.title_format("Audit").text_format("{{registry}}")
    return made.use_value_for_time(use_value_for_time=True)


def _marks(name: str, colour: str) -> AnnotationQuery:
    made = AnnotationQuery().name(name).datasource(SOURCE).icon_color(colour).step("60s")
    return made.placement(_IN_SIGHT)
