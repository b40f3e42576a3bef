"""How is one connection treated? As the library does, but without telling what it is."""

from __future__ import annotations

import asyncio
from typing import Any, Final, cast

from aiohttp import web

from exporter.publish.web.connections import Accepted, Connections

BANNER: Final = "pullproof"
"""All that an answer says of the software behind it: no versions."""
_FIRST: Final = 10.0
"""Seconds that a new connection has for its first request."""
_PATIENCE: Final = 30.0
"""Seconds in which the end of an answer must be read."""


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ("_connections", "_held", "_line", "_silence", "refused")

    def __init__(self, *arguments: Any, connections: Connections, **more: Any) -> None:
        """Take what the library gives, and the connections that the connection is in."""
        super().__init__(*arguments, **more)
        self._connections = connections
        self._held: Accepted | None = None
        self._line: asyncio.Transport | None = None
        self._silence: asyncio.TimerHandle | None = None
        self.refused = 0
        """Wrong passwords that came on it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the client its time for a first request."""
        self._line = cast("asyncio.Transport", transport)
        self._held = self._connections.find(transport.get_extra_info("socket"))
        self._silence = self._loop.call_later(_FIRST, self.cut)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the client."""
        if self._silence:
            self._silence.cancel()
        self._line = None
        super().connection_lost(exc)

    def cut(self) -> None:
        """End it at once, with what was not read of an answer: `close` waits for the reader."""
        if self._line:
            self._line.abort()

    def begin(self) -> None:
        """Note that a request is under way."""
        if self._silence:
            self._silence.cancel()
        if self._held:
            self._connections.begin(self._held)

    async def finish_response(
        self, request: web.BaseRequest, resp: web.StreamResponse, start_time: float | None
    ) -> tuple[web.StreamResponse, bool]:
        """Write the rest of an answer; cut a reader that does not read it."""
        try:
            async with asyncio.timeout(_PATIENCE):
                return await super().finish_response(request, resp, start_time)
        except TimeoutError:
            self.cut()
            return resp, True
        finally:
            if self._held:
                self._connections.end(self._held)

    def handle_error(
        self,
        request: web.BaseRequest,
        status: int = 500,
        exc: BaseException | None = None,
        message: str | None = None,
    ) -> web.StreamResponse:
        """Answer what the application never saw, or failed at."""
        if request.writer.output_size and (exc is None or isinstance(exc, ConnectionError)):
            # The reader left, or let the time pass: nobody's fault, and nothing for the log.
            raise ConnectionResetError
        if isinstance(exc, UnicodeError) and "Expect" in request.headers:
            # aiohttp repeats the header in its refusal, and fails where it is no text.
            response: web.StreamResponse = web.Response(status=417, text="unknown Expect header\n")
            response.force_close()
        else:
            response = super().handle_error(request, status, exc, message)
        response.headers["Server"] = BANNER
        return response
