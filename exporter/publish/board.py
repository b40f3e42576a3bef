"""What is served now? The one thing that pages, metrics and documents look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from exporter.publish.metrics.exposition import Exposition

if TYPE_CHECKING:
    from exporter.publish.status import AppState


class Board(Protocol):
    """The latest state and its rendering, swapped whole and together."""

    @property
    def app_state(self) -> AppState:
        """Where everything stands."""
        ...

    @property
    def exposition(self) -> Exposition:
        """The metrics of that state: `metrics.render(app_state, limits)`."""
        ...
