"""What stands in a table: one row an object, its labels and values as columns, in this order?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import common, table
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.dashboard import DataTransformerConfig, DynamicConfigValue
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from dashboards.card import Ask, Card, Finished, finish, queries
from dashboards.links import Target
from dashboards.meanings import Words
from dashboards.promql import NAMED

_LETTERS: Final = "ABCDEFGHIJKLMN"


@dataclass(frozen=True, slots=True)
class Label:
    """A column that shows a label of the series, under the label's own name."""

    name: str
    links: tuple[Target, ...] = ()
    mappings: Words = ()
    width: int | None = None


@dataclass(frozen=True, slots=True)
class Value:
    """A column that shows what a query gives for a row."""

    title: str
    expression: str
    unit: str = units.Short
    mappings: Words = ()
    links: tuple[Target, ...] = ()
    shown: bool = True
    """Not where it is always 1, and only the labels tell something."""


def rows(card: Card, *columns: Label | Value, sort: str = "") -> Finished:
    """Merge the answers of all values' queries into rows; `sort` is the column, largest first."""
    columns = tuple(_with_cluster(columns))
    values = [column for column in columns if isinstance(column, Value)]
    asked = queries([Ask(value.expression) for value in values])
    panel = (
        table.Panel()
        .targets([each.instant().format(PromQueryFormat.TABLE) for each in asked])
        .with_transformation(DataTransformerConfig("merge", options={}))
        .with_transformation(DataTransformerConfig("organize", options=_order(columns, values)))
        .footer(common.TableFooterOptions().show(show=False).reducer(["sum"]))
    )
    if sort:
        panel = panel.sort_by([common.TableSortByFieldState().display_name(sort).desc(desc=True)])
    for column in columns:
        name = column.title if isinstance(column, Value) else column.name
        properties = list(_properties(column))
        if properties:
            panel = panel.override_by_name(name, properties)
    return finish(card, panel)


def _with_cluster(columns: tuple[Label | Value, ...]) -> Iterator[Label | Value]:
    """Yield the columns, and the cluster before a name in it; Grafana omits it where none is."""
    for column in columns:
        if isinstance(column, Label) and column.name in NAMED:
            yield Label("cluster")
        yield column


def _order(columns: tuple[Label | Value, ...], values: list[Value]) -> dict[str, object]:
    """Name and sort the columns; Grafana calls the value of a lone query `Value`."""
    named = {f"Value #{letter}": each.title for letter, each in zip(_LETTERS, values, strict=False)}
    if len(values) == 1:
        named["Value"] = values[0].title
    fields = {title: field for field, title in named.items()}
    order = [fields[each.title] if isinstance(each, Value) else each.name for each in columns]
    unshown = {each.title for each in values if not each.shown}
    hidden = ["Time", *(field for field, title in named.items() if title in unshown)]
    return {
        "excludeByName": dict.fromkeys(hidden, True),
        "indexByName": {name: index for index, name in enumerate(order)},
        "renameByName": named,
    }


def _properties(column: Label | Value) -> Iterator[DynamicConfigValue]:
    if isinstance(column, Value):
        yield DynamicConfigValue("unit", column.unit)
    elif column.width:
        yield DynamicConfigValue("custom.width", column.width)
    if column.mappings:
        yield DynamicConfigValue("mappings", list(column.mappings))
    if column.links:
        links = [{"title": title, "url": url} for title, url in column.links]
        yield DynamicConfigValue("links", links)
