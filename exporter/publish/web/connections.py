"""The connections of all listening sockets, limited: the longest idle one makes room."""

from __future__ import annotations

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

_log: Final = logging.getLogger("pullproof.web")

_MOST: Final = 256
"""Maximum number of connections, idle ones included."""
_MOST_BUSY: Final = 2
"""Where none is idle, so many times as many: a request is cut short for another at last."""
_SHARE: Final = 4
"""Of the files that the process may open, connections take at most one in so many."""
_SHORT: Final = (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM)
"""Errors of `accept` where the machine has no room (accept(2))."""
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
        """Take a connection; where it is one too many, cut the one that was idle for longest."""
        number = accepted.fileno()
        self._held.pop(number, None)  # it was closed, and its number is given again
        self._held[number] = Accepted(accepted, host)
        if len(self._held) > self._most:
            self._make_room(number)

    def find(self, line: Any) -> Accepted | None:
        """Return what is held of a connection, by its socket."""
        return self._held.get(line.fileno()) if line else None

    def begin(self, held: Accepted) -> None:
        """A request came."""
        held.busy = True

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


class Listener(socket.socket):
    """A listening socket that tells the connections whom it accepts."""

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
