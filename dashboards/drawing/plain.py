"""What is written: single values, bars, tables, notes and alerts. HTML."""

from __future__ import annotations

import re
from collections import Counter
from html import escape
from typing import TYPE_CHECKING, Any, Final

from dashboards.drawing.look import Look

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from dashboards.drawing.series import Series

Json = dict[str, Any]
Row = dict[str, float | str]

_SEVERITIES: Final = {"critical": "red", "warning": "orange", "info": "blue"}


def values(found: Sequence[Series], look: Look, *, named: bool) -> str:
    """Write each value large."""
    return "".join(
        f'<p class="big" style="color:{look.colour(each.last)}">'
        f"{escape(each.name if named else look.text(each.last))}</p>"
        for each in found
    )


def bars(found: Sequence[Series], look: Look) -> str:
    """Draw one bar for each series."""
    most = max(each.last for each in found) or 1.0
    return "".join(
        f'<div class="bar"><span>{escape(each.name)}</span>'
        f'<i><b style="width:{100 * each.last / most:.1f}%;background:{look.colour(each.last)}">'
        f"</b></i><em>{escape(look.text(each.last))}</em></div>"
        for each in found
    )


def table(panel: Json, answers: Mapping[str, Sequence[Series]], now: float) -> str:
    """Merge answers into rows and arrange the columns, as the panel's transformations say."""
    arranged = panel["transformations"][-1]["options"]
    titles, order = arranged["renameByName"], arranged["indexByName"]
    looks = _looks(panel, now)
    linked = _linked(panel)
    shown = sorted(order.keys() - arranged["excludeByName"].keys(), key=order.__getitem__)
    columns = [titles.get(field, field) for field in shown]
    rows = _merged({titles[f"Value #{letter}"]: found for letter, found in answers.items()})
    for sort in panel["options"].get("sortBy") or ():
        rows.sort(key=lambda row: row.get(sort["displayName"], float("-inf")), reverse=sort["desc"])
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    lines = (
        "".join(_cell(row.get(column), looks[column], link=column in linked) for column in columns)
        for row in rows
    )
    body = "".join(f"<tr>{line}</tr>" for line in lines)
    return f"<table><tr>{head}</tr>{body}</table>"


def note(markdown: str) -> str:
    """Write what a panel says in words; of Markdown only what is used there."""
    blocks = (_block(each) for each in re.split(r"\n\n", markdown.strip()))
    return f'<div class="note">{"".join(blocks)}</div>'


def alerts(found: Sequence[Series]) -> str:
    """List what fires, each alert once with the number of its objects."""
    fields = ("severity", "alertname", "alertstate")
    counted = Counter(tuple(each.labels[field] for field in fields) for each in found)
    return "".join(
        f'<div class="alert {_SEVERITIES[severity]}"><b>{name}</b> ({count})'
        f"<span>{severity}, {state}</span></div>"
        for (severity, name, state), count in sorted(counted.items())
    )


def _merged(answers: Mapping[str, Sequence[Series]]) -> list[Row]:
    """Join by labels, as Grafana's `merge`: rows with the same labels are one."""
    rows: dict[frozenset[tuple[str, str]], Row] = {}
    for title, found in answers.items():
        for each in found:
            rows.setdefault(frozenset(each.labels.items()), dict(each.labels))[title] = each.last
    return list(rows.values())


def _looks(panel: Json, now: float) -> Mapping[str, Look]:
    """How each column looks; those without settings of their own look like the panel."""

    class Looks(dict[str, Look]):
        def __missing__(self, column: str) -> Look:
            return Look.of({"unit": panel["fieldConfig"]["defaults"]["unit"]}, now)

    return Looks(
        (rule["matcher"]["options"], Look.of(_properties(rule), now))
        for rule in panel["fieldConfig"]["overrides"]
    )


def _linked(panel: Json) -> set[str]:
    rules = panel["fieldConfig"]["overrides"]
    return {rule["matcher"]["options"] for rule in rules if "links" in _properties(rule)}


def _properties(rule: Json) -> Json:
    return {each["id"]: each["value"] for each in rule["properties"]}


def _cell(value: float | str | None, look: Look, *, link: bool) -> str:
    if value is None:
        return "<td></td>"
    kind = "number" if isinstance(value, float) and not look.mappings else "words"
    colour = look.colour(value, "#6e9fff" if link else "inherit")
    return f'<td class="{kind}" style="color:{colour}">{escape(look.text(value))}</td>'


def _block(text: str) -> str:
    if text.startswith("    "):
        return f"<pre>{escape(re.sub('^    ', '', text, flags=re.MULTILINE))}</pre>"
    return f"<p>{''.join(_spans(escape(text)))}</p>"


def _spans(text: str) -> Iterator[str]:
    marked = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    yield re.sub(r"`(.+?)`", r"<code>\1</code>", marked)
