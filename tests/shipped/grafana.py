"""The dashboards as Grafana reads them: panels, queries, choices."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterator

Json = dict[str, Any]

FOLDER: Final = Path(__file__).parents[2] / "dashboards"
FILES: Final = tuple(sorted(FOLDER.glob("*.json")))


def documents() -> dict[str, Json]:
    """Every dashboard, by the name of its file."""
    return {path.name: json.loads(path.read_text()) for path in FILES}


def panels(document: Json) -> list[Json]:
    """The panels of a dashboard, those of folded rows too, without its rows."""
    return [panel for panel in placed(document) if panel["type"] != "row"]


def placed(document: Json) -> list[Json]:
    """Everything that has a place: panels and rows."""
    return [each for top in document["panels"] for each in (top, *top.get("panels", ()))]


def targets(document: Json) -> Iterator[tuple[Json, Json]]:
    """Every query, with its panel."""
    for panel in panels(document):
        for target in panel.get("targets", ()):
            yield panel, target


def choices(document: Json) -> dict[str, Json]:
    """The variables by name."""
    return {each["name"]: each for each in document["templating"]["list"]}


def chosen(variable: Json) -> str:
    """The selector from which a variable takes its values, or nothing."""
    query = variable["query"]
    if variable["type"] != "query" or not query.startswith("label_values("):
        return ""
    return str(query.removeprefix("label_values(").rpartition(",")[0])


def expressions(document: Json) -> Iterator[str]:
    """All PromQL of a dashboard: of panels, choices and marks."""
    yield from (target["expr"] for _, target in targets(document))
    yield from filter(None, map(chosen, choices(document).values()))
    yield from (each["expr"] for each in document["annotations"]["list"])
