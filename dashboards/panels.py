"""Which kinds of panel are there, tables apart?"""

from __future__ import annotations

from collections.abc import Mapping

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    heatmap,
    stat,
    statetimeline,
    text,
    timeseries,
)
from grafana_foundation_sdk.builders import dashboard as builders
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import (
    BarGaugeDisplayMode,
    BigValueColorMode,
    BigValueGraphMode,
    BigValueTextMode,
    LegendDisplayMode,
    LegendPlacement,
    StackingMode,
    TooltipDisplayMode,
    VisibilityMode,
    VizOrientation,
)
from grafana_foundation_sdk.models.dashboard import DynamicConfigValue, FieldColorModeId
from grafana_foundation_sdk.models.heatmap import HeatmapColorMode
from grafana_foundation_sdk.models.prometheus import PromQueryFormat
from grafana_foundation_sdk.models.text import TextMode

from dashboards.card import Ask, Card, Finished, finish, queries


def number(card: Card, ask: Ask, *, named: bool = False) -> Finished:
    """What is it now? Asked for this moment only, so that nothing old is shown as current."""
    panel = (
        stat.Panel()
        .graph_mode(BigValueGraphMode.NONE)
        .color_mode(BigValueColorMode.VALUE)
        .text_mode(BigValueTextMode.NAME if named else BigValueTextMode.AUTO)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .targets([each.instant() for each in queries([ask])])
    )
    return finish(card, panel, width=4, height=4)


def bars(card: Card, ask: Ask) -> Finished:
    """Which of them is the largest now?"""
    panel = (
        bargauge.Panel()
        .orientation(VizOrientation.HORIZONTAL)
        .display_mode(BarGaugeDisplayMode.BASIC)
        .min(0)
        .reduce_options(common.ReduceDataOptions().calcs(["lastNotNull"]))
        .targets([each.instant() for each in queries([ask])])
    )
    return finish(card, panel)


def graph(
    card: Card, *asks: Ask, stacked: bool = False, colours: Mapping[str, str] | None = None
) -> Finished:
    """How did it go over the chosen time? `colours` are by the names of the series."""
    panel = (
        timeseries.Panel()
        .min(0)
        .show_points(VisibilityMode.NEVER)
        .fill_opacity(40 if stacked else 8)
        .legend(_legend())
        .tooltip(common.VizTooltipOptions().mode(TooltipDisplayMode.MULTI))
        .targets([each.range() for each in queries(asks)])
    )
    if stacked:
        panel = panel.stacking(common.StackingConfig().mode(StackingMode.NORMAL).group("A"))
    for name, colour in (colours or {}).items():
        fixed = {"mode": FieldColorModeId.FIXED, "fixedColor": colour}
        panel = panel.override_by_name(name, [DynamicConfigValue("color", fixed)])
    return finish(card, panel)


def states(card: Card, *asks: Ask) -> Finished:
    """In which state was each of them when?"""
    panel = (
        statetimeline.Panel()
        .show_value(VisibilityMode.AUTO)
        .merge_values(merge_values=True)
        .row_height(0.8)
        .fill_opacity(75)
        .legend(_legend())
        .targets([each.range() for each in queries(asks)])
    )
    return finish(card, panel)


def heat(card: Card, ask: Ask) -> Finished:
    """How are they spread over the buckets of a histogram, and when?"""
    axis = heatmap.YAxisConfig().unit(card.unit)
    panel = (
        heatmap.Panel()
        .calculate(calculate=False)
        .y_axis(axis)
        .color(heatmap.HeatmapColorOptions().mode(HeatmapColorMode.SCHEME).scheme("Oranges"))
        .cell_values(heatmap.CellValues().unit(units.RequestsPerSecond))
        .targets([each.range().format(PromQueryFormat.HEATMAP) for each in queries([ask])])
    )
    return finish(card, panel)


def note(card: Card, content: str) -> Finished:
    """What should a reader do? Markdown; the dashboard's variables are filled in."""
    return finish(card, text.Panel().mode(TextMode.MARKDOWN).content(content))


def alerts(card: Card, names: str) -> Finished:
    """Which alerts fire or wait? Of all data sources; `names` is a regular expression."""
    options = {
        "alertInstanceLabelFilter": f'{{alertname=~"{names}"}}',
        "groupMode": "default",
        "maxItems": 30,
        "sortOrder": 3,
        "stateFilter": {"error": True, "firing": True, "noData": False, "pending": True},
        "viewMode": "list",
    }
    return finish(card, builders.Panel().type("alertlist").options(options))


def _legend() -> common.VizLegendOptions:
    legend = common.VizLegendOptions().display_mode(LegendDisplayMode.LIST)
    return legend.placement(LegendPlacement.BOTTOM).show_legend(show_legend=True)
