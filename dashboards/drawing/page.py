"""How do all panels of a dashboard lie on one page?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from html import escape
from typing import Any, Final

from dashboards.drawing import chart, plain
from dashboards.drawing.look import COLOURS, PALETTE, Look
from dashboards.drawing.series import Series, read

Json = dict[str, Any]

WIDTH: Final = 1500
"""Of a page, in pixels."""
_CELL: Final = 34
"""Height of a row of Grafana's grid, in pixels, the gap below it included."""
_GAP: Final = 8
_HEAD: Final = 76
_STYLE: Final = """
body{margin:0;padding:12px;background:#111217;color:#ccccdc;font:13px "DejaVu Sans",sans-serif}
h1{font-size:19px;margin:2px 0 2px}
h2{font-size:14px;margin:0;line-height:26px}
header p{margin:0 0 10px;color:#9a9ba6}
main{position:relative}
section{position:absolute;box-sizing:border-box;background:#181b1f;border:1px solid #2c3235;
border-radius:3px;padding:6px 8px;overflow:hidden}
section.row{background:none;border:none;padding:0 2px}
h3{font-size:12.5px;margin:0 0 4px;font-weight:bold;white-space:nowrap;overflow:hidden;
text-overflow:ellipsis}
.big{font-size:25px;margin:12px 0 0;text-align:center}
.nothing{color:#9a9ba6;text-align:center;margin-top:18px}
svg{display:block;font:11px "DejaVu Sans",sans-serif}
svg .on text{fill:#111217;font-weight:bold}
.legend{font-size:11px;line-height:15px;color:#ccccdc;max-height:30px;overflow:hidden}
.legend span{white-space:nowrap}
.legend i{display:inline-block;width:12px;height:3px;margin:0 5px 3px 10px}
table{border-collapse:collapse;width:100%;font-size:12px}
th{text-align:left;color:#6e9fff;padding:3px 8px;font-weight:normal;white-space:nowrap}
td{border-top:1px solid #2c3235;padding:4px 8px;white-space:nowrap}
td.number{text-align:left}
pre,code{background:#22252b;font-family:"DejaVu Sans Mono",monospace;font-size:11.5px}
pre{margin:3px 0 6px;padding:5px 8px}
.note p{margin:3px 0}
.bar{display:flex;align-items:center;margin:7px 0;font-size:12px}
.bar span{width:170px;text-align:right;padding-right:10px}
.bar i{flex:1;background:#22252b}
.bar b{display:block;height:16px}
.bar em{width:90px;padding-left:10px;font-style:normal}
.alert{padding:4px 8px;margin:3px 0;background:#22252b;border-left:4px solid}
.alert.red{border-color:#f2495c}.alert.orange{border-color:#ff9830}.alert.blue{border-color:#5794f2}
.alert span{float:right;color:#9a9ba6}
"""


@dataclass(frozen=True, slots=True)
class View:
    """What somebody looks at: how queries are answered, what was chosen, and which time."""

    ask: Callable[[Json], list[Json]]
    """Answers one target of a panel with the `result` of Prometheus' API."""
    chosen: Mapping[str, str]
    """Values of the dashboard's variables, by `$name`."""
    begin: float
    end: float
    caption: str


def page(document: Json, view: View) -> str:
    """Draw a dashboard."""
    panels = document["panels"]
    body = "".join(_placed(panel, view) for panel in panels)
    title = escape(document["title"])
    return (
        f'<!doctype html><meta charset="utf-8"><title>{title}</title><style>{_STYLE}</style>'
        f"<header><h1>{title}</h1><p>{escape(view.caption)}</p></header>"
        f'<main style="height:{_below(document)}px">{body}</main>'
    )


def height(document: Json) -> int:
    """How high is its page, in pixels?"""
    return _below(document) + _HEAD


def _below(document: Json) -> int:
    ends = (each["gridPos"].get("y", 0) + each["gridPos"]["h"] for each in document["panels"])
    return int(max(ends)) * _CELL


def drawn(panel: Json, view: View) -> str:
    """Draw what is below a panel's title: what it answers, or what it says instead."""
    if panel["type"] == "text":
        return plain.note(_filled(panel["options"]["content"], view))
    answers = {
        target["refId"]: read(view.ask(target), target.get("legendFormat", ""))
        for target in _targets(panel)
    }
    found = [each for answer in answers.values() for each in answer]
    if not found:
        absent = panel["fieldConfig"]["defaults"]["noValue"]
        return f'<p class="nothing">{escape(absent)}</p>'
    if panel["type"] == "table":
        return plain.table(panel, answers, view.end)
    return _valued(panel, found, view)


def _valued(panel: Json, found: list[Series], view: View) -> str:
    field = panel["fieldConfig"]["defaults"]
    look, (width, height) = Look.of(field, view.end), _size(panel)
    whole = chart.Frame(width - 18, height - 36, view.begin, view.end)
    part = replace(whole, height=height - 68)
    match panel["type"]:
        case "stat":
            return plain.values(found, look, named=panel["options"]["textMode"] == "name")
        case "bargauge":
            return plain.bars(found, look)
        case "alertlist":
            return plain.alerts(found)
        case "state-timeline":
            return chart.states(replace(whole, left=150), found, look)
        case "heatmap":
            return chart.heat(whole, found, panel["options"]["yAxis"]["unit"])
        case _:
            stacked = (field["custom"].get("stacking") or {}).get("mode") == "normal"
            colours = _colours(panel)
            return chart.lines(part, found, look, colours, stacked=stacked) + _legend(
                found, colours
            )


def _targets(panel: Json) -> list[Json]:
    if panel["type"] == "alertlist":
        wanted = panel["options"]["alertInstanceLabelFilter"]
        return [{"refId": "A", "expr": f"ALERTS{wanted}", "instant": True}]
    return list(panel["targets"])


def _colours(panel: Json) -> dict[str, str]:
    return {
        rule["matcher"]["options"]: COLOURS[each["value"]["fixedColor"]]
        for rule in panel["fieldConfig"]["overrides"]
        for each in rule["properties"]
        if each["id"] == "color"
    }


def _legend(found: list[Series], colours: Mapping[str, str]) -> str:
    used = (
        (each.name, colours.get(each.name, PALETTE[index % len(PALETTE)]))
        for index, each in enumerate(found)
    )
    entries = (
        f'<span><i style="background:{colour}"></i>{escape(name)}</span> ' for name, colour in used
    )
    return f'<div class="legend">{"".join(entries)}</div>'


def _placed(panel: Json, view: View) -> str:
    at, (width, height) = panel["gridPos"], _size(panel)
    left, top = at.get("x", 0) * WIDTH // 24, at.get("y", 0) * _CELL
    place = f"left:{left}px;top:{top}px;width:{width}px;height:{height}px"
    title = escape(_filled(panel["title"], view))
    if panel["type"] == "row":
        return f'<section class="row" style="{place}"><h2>{title}</h2></section>'
    return f'<section style="{place}"><h3>{title}</h3>{drawn(panel, view)}</section>'


def _size(panel: Json) -> tuple[int, int]:
    at = panel["gridPos"]
    return at["w"] * WIDTH // 24 - _GAP, at["h"] * _CELL - _GAP


def _filled(text: str, view: View) -> str:
    for name, value in view.chosen.items():
        text = text.replace(f"${{{name.removeprefix('$')}}}", value)
    return text
