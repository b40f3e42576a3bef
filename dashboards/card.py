"""What does every panel have? A number, a place, words, a unit and the chosen data source."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from grafana_foundation_sdk.builders import prometheus
from grafana_foundation_sdk.cog.builder import Builder
from grafana_foundation_sdk.models import units
from grafana_foundation_sdk.models.common import DataSourceRef
from grafana_foundation_sdk.models.dashboard import (
    FieldConfig,
    FieldConfigSource,
    GridPos,
    Panel,
)

from dashboards.links import Target, panel_link
from dashboards.meanings import QUIET, Steps, Words, thresholds
from dashboards.promql import NAMED

SOURCE: Final = DataSourceRef(type_val="prometheus", uid="${datasource}")
NOTHING: Final = "nothing is known"
"""What stands where there is no series: never a zero."""


@dataclass(frozen=True, slots=True)
class Card:
    """What every panel has."""

    number: int
    """Unique in its dashboard and never used again: links to a panel name it."""
    title: str
    about: str
    width: int = 0
    """Of the grid's 24 columns; 0 is what its kind of panel has."""
    height: int = 0
    unit: str = units.Short
    links: tuple[Target, ...] = ()
    mappings: Words = ()
    base: str = QUIET
    steps: Steps = ()
    absent: str = NOTHING
    """What is said where there is no series."""


@dataclass(frozen=True, slots=True)
class Ask:
    """One query, and what each of its series is called."""

    expression: str
    legend: str = ""


@dataclass(frozen=True, slots=True)
class Finished(Builder[Panel]):
    """A panel that is built already."""

    panel: Panel

    def build(self) -> Panel:
        """Return it as it is."""
        return self.panel


def finish(card: Card, builder: Builder[Panel], width: int = 12, height: int = 8) -> Finished:
    """Give a panel what every panel has; `width` and `height` are its kind's own."""
    panel = builder.build()
    panel.id_val, panel.title, panel.description = card.number, card.title, card.about
    panel.datasource = SOURCE
    panel.grid_pos = GridPos(h=card.height or height, w=card.width or width)
    panel.links = [panel_link(target).build() for target in card.links] or None
    panel.field_config = panel.field_config or FieldConfigSource()
    defaults = panel.field_config.defaults or FieldConfig()
    defaults.unit, defaults.no_value = card.unit, card.absent
    defaults.mappings = list(card.mappings)
    defaults.thresholds = thresholds(card.base, card.steps).build()
    panel.field_config.defaults = defaults
    return Finished(panel)


def queries(asks: Sequence[Ask]) -> list[prometheus.Dataquery]:
    """Make queries, lettered from A on."""
    return [_query(letter, ask) for letter, ask in zip("ABCDEFGHIJKLMN", asks, strict=False)]


def _query(letter: str, ask: Ask) -> prometheus.Dataquery:
    made = prometheus.Dataquery().expr(ask.expression).ref_id(letter).datasource(SOURCE)
    # Empty where no series has that label.
    legend = re.sub(rf"{{{{({'|'.join(NAMED)})}}}}", r"\g<0> {{cluster}}", ask.legend)
    return made.legend_format(legend) if legend else made
