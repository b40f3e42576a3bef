"""What is served now? The one thing that pages, metrics and documents look at."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from exporter.publish.metrics.exposition import Exposition

if TYPE_CHECKING:
    from exporter.publish.standing import Picture


class Board(Protocol):
    """The latest picture and its rendering, swapped whole and together."""

    @property
    def picture(self) -> Picture:
        """Where everything stands."""
        ...

    @property
    def exposition(self) -> Exposition:
        """The metrics of that picture: `metrics.render(picture, limits)`."""
        ...
