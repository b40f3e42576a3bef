"""The series of a state, as a scrape reads them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prometheus_client.parser import text_string_to_metric_families as read_text

from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from tests.publish.reports import app_state, status

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.publish.status import AppState

LIMITS = Limits()


def samples(
    about: AppState, limits: Limits = LIMITS
) -> dict[str, list[tuple[dict[str, str], float]]]:
    """Every sample by metric name, as prometheus_client's own parser reads it."""
    found: dict[str, list[tuple[dict[str, str], float]]] = {}
    for family in read_text(render(about, limits).text.plain.decode()):
        for sample in family.samples:
            found.setdefault(sample.name, []).append((sample.labels, sample.value))
    return found


def value(about: Report, metric: str, **labels: str) -> float | None:
    """The one value of a metric whose labels include these; None where there is no series.

    `class_` is the label `class`.
    """
    labels = {name.rstrip("_"): each for name, each in labels.items()}
    rows = samples(app_state(status(about))).get(f"pullproof_{metric}", [])
    matching = [number for names, number in rows if labels.items() <= names.items()]
    assert len(matching) <= 1, f"{labels} is ambiguous"
    return matching[0] if matching else None
