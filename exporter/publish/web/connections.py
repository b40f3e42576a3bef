"""Client connections: their number and times are limited; the longest idle one makes room."""

import asyncio
import errno
import logging
import resource
import socket
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Final

from aiohttp import web

_log: Final = logging.getLogger("pullproof.web")

BANNER: Final = "pullproof"
"""The `Server` header: no versions."""
_FIRST: Final = 10.0
"""Seconds that a new connection has for its first request."""
_PATIENCE: Final = 30.0
"""Seconds in which the end of an answer must be read."""
_MOST: Final = 256
"""Maximum number of connections, idle ones included."""
_MOST_BUSY: Final = 2
"""With so many times as many connections, one is cut even if none is idle."""
_SHARE: Final = 4
"""Connections take at most one in so many of the files that the process may open."""
_SHORT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Errors of `accept` if the machine has no room (accept(2))."""
_SELDOM: Final = 60.0
"""Seconds between two lines in the log about them."""


@dataclass(slots=True, eq=False)
class Accepted:
    """A connection that was accepted."""

    socket: socket.socket
    host: str
    busy: bool = False
    """A request is under way."""


class Connections:
    """The connections of all listening sockets, the one that was used last at the end.

    Counted from `accept` on: one that never shakes hands for TLS takes a file too.
    """

    def __init__(self, most: int | None = None) -> None:
        """Hold at most so many; by default 256, and less where few files may be open."""
        files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        fitting = _MOST if files == resource.RLIM_INFINITY else min(_MOST, files // _SHARE)
        self._most = fitting if most is None else most
        self._held: dict[int, Accepted] = {}

    def accept(self, accepted: socket.socket, host: str) -> None:
        """Take a connection; if it is one too many, cut the one that was idle for longest."""
        number = accepted.fileno()
        self._held.pop(number, None)  # it was closed, and its number is given again
        self._held[number] = Accepted(accepted, host)
        if len(self._held) > self._most:
            self._make_room(number)

    def find(self, line: Any) -> Accepted | None:
        """Return the record of a connection, by its socket."""
        return self._held.get(line.fileno()) if line else None

    def end(self, held: Accepted) -> None:
        """Its answer was written."""
        held.busy = False
        number = held.socket.fileno()
        if self._held.get(number) is held:
            self._held[number] = self._held.pop(number)

    def _make_room(self, newest: int) -> None:
        self._held = {
            number: each for number, each in self._held.items() if each.socket.fileno() == number
        }
        surplus = len(self._held) - self._most
        idle = [each for number, each in self._held.items() if not each.busy and number != newest]
        for each in idle[: max(0, surplus)]:
            self._cut(each)
        if len(self._held) > self._most * _MOST_BUSY:
            # Of the host that has the most: whoever comes with hundreds cuts its own.
            hosts = Counter(each.host for each in self._held.values())
            self._cut(max(self._held.values(), key=lambda each: hosts[each.host]))

    def _cut(self, held: Accepted) -> None:
        del self._held[held.socket.fileno()]
        with suppress(OSError):  # the client was quicker
            held.socket.shutdown(socket.SHUT_RDWR)


class Connection(web.RequestHandler):
    """One client's connection."""

    __slots__ = ("_connections", "_held", "_silence", "refused")

    def __init__(self, *arguments: Any, connections: Connections, **more: Any) -> None:
        """Take the library's arguments, and the connections that it belongs to."""
        super().__init__(*arguments, **more)
        self._connections = connections
        self._held: Accepted | None = None
        self._silence: asyncio.TimerHandle | None = None
        self.refused = 0
        """Wrong passwords that came on it."""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Give the client its time for a first request."""
        self._held = self._connections.find(transport.get_extra_info("socket"))
        self._silence = self._loop.call_later(_FIRST, self.cut)
        super().connection_made(transport)

    def connection_lost(self, exc: BaseException | None) -> None:
        """Forget the client."""
        if self._silence:
            self._silence.cancel()
        super().connection_lost(exc)

    def cut(self) -> None:
        """End it at once, with what was not read of an answer: `close` waits for the reader."""
        if self.transport:
            self.transport.abort()

    def begin(self) -> None:
        """Note that a request is under way."""
        if self._silence:
            self._silence.cancel()
        if self._held:
            self._held.busy = True

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


class Listener(socket.socket):
    """A listening socket that reports what it accepts to the connections."""

    def __init__(self, bound: socket.socket, connections: Connections) -> None:
        """Listen beside a socket that is bound and listens."""
        super().__init__(fileno=bound.dup().detach())
        self._connections = connections

    def accept(self) -> tuple[socket.socket, Any]:
        """Accept a connection, as any socket does."""
        accepted, address = super().accept()
        self._connections.accept(accepted, str(address[0]))
        return accepted, address


@contextmanager
def shortage_told_seldom() -> Iterator[None]:
    """Have the running loop log once a minute, in one line, that it cannot accept connections.

    asyncio logs a traceback for each of a hundred tries a second (3.11, `_accept_connection`).
    """
    loop = asyncio.get_running_loop()
    before, told = loop.get_exception_handler(), -_SELDOM

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        nonlocal told
        error = context.get("exception")
        if not (isinstance(error, OSError) and error.errno in _SHORT):
            (before or type(loop).default_exception_handler)(loop, context)
        elif loop.time() - told >= _SELDOM:
            told = loop.time()
            _log.warning("cannot accept connections", extra={"cause": str(error)})

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)
