"""Which pages are there for a browser?"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Final

from aiohttp import web

from exporter.oci.digest import Malformed
from exporter.publish.metrics.rendering import Published
from exporter.publish.tag_index import TagIndex
from exporter.publish.web import sending
from exporter.publish.web.front import front
from exporter.publish.web.html import ICON
from exporter.publish.web.query import Query, read
from exporter.publish.web.sending import Once
from exporter.publish.web.tag_page import tag_page
from exporter.screen import plain

if TYPE_CHECKING:
    from multidict import MultiMapping

_A_DAY: Final = "private, max-age=86400"


class Pages:
    """The pages over one board."""

    def __init__(self, board: Published, clock: Callable[[], float], docs: str) -> None:
        """Show a board; `clock` tells seconds since the epoch, `docs` where more is to be read."""
        self._board, self._clock, self._docs = board, clock, docs
        self.indexes = Once(TagIndex.of)
        """Every tag in order, kept for as long as no audit ends."""

    async def front(self, request: web.Request) -> web.StreamResponse:
        """The status page, with as much of the list of tags as was asked for."""
        query, app_state = asked(request.query), self._board.app_state
        index = await self.indexes.of(app_state.statuses)
        return await sending.page(
            request, lambda: front(app_state, index, query, self._clock(), self._docs)
        )

    async def tag(self, request: web.Request) -> web.StreamResponse:
        """The page of one tag."""
        index = await self.indexes.of(self._board.app_state.statuses)
        place = request.match_info["registry"], request.match_info["name"]
        if place not in index.places:
            raise web.HTTPNotFound(text="No such tag in the last audit\n")
        entry = index.places[place]
        return await sending.page(request, lambda: tag_page(entry, self._clock(), self._docs))

    async def icon(self, _: web.Request) -> web.Response:
        """The picture of the browser's tab."""
        return web.Response(
            body=ICON, content_type="image/svg+xml", headers={"Cache-Control": _A_DAY}
        )


def asked(parameters: MultiMapping[str], also: Iterable[str] = ("page",)) -> Query:
    """Read what an address asks for; what cannot be meant is a bad request."""
    try:
        return read(parameters, also)
    except Malformed as error:
        raise web.HTTPBadRequest(text=f"{plain(str(error))}\n") from None
