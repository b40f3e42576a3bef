"""Listening sockets that stay open while certificates and users are replaced."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast

from aiohttp import web

from exporter.oci.digest import Malformed
from exporter.publish.web.access_control import AccessControl
from exporter.publish.web.config import WebConfig, load, server_context
from exporter.publish.web.connections import Connection, Connections, Listener, shortage_told_seldom

if TYPE_CHECKING:
    Protocol = Callable[[], asyncio.BaseProtocol]
    Stamp = tuple[tuple[int, ...], ...]

_log: Final = logging.getLogger("pullproof.web")

_LOOK_EVERY: Final = 5.0
"""Seconds between two checks of the files."""
_HANDSHAKE: Final = 10.0
"""Seconds that a client has for its TLS handshake."""
_IDLE: Final = 75.0
"""Seconds until a connection without a request is closed: longer than scrapes are apart."""
_GRACE: Final = 1.0
"""Seconds that requests under way have when the server stops."""
_UNREAD: Final = 1 << 17
"""Bytes of answers that the kernel buffers per client; they count to the process's limit."""


@asynccontextmanager
async def listening(
    application: web.Application,
    access: AccessControl,
    addresses: Iterable[tuple[str, int]],
    config: Path | None,
    *,
    look_every: float = _LOOK_EVERY,
) -> AsyncIterator[WebServer]:
    """Serve on addresses: each a host (empty for all interfaces) and a port (0 for a free one).

    The files of the web configuration are checked every so many seconds.
    Raises `Malformed` for what is wrong in the web configuration file, and `OSError` for an address
    that cannot be listened on.
    """
    connections = Connections()
    async with AsyncExitStack() as stack:
        stack.enter_context(shortage_told_seldom())
        sockets = [stack.enter_context(each) for host in addresses for each in _sockets(*host)]
        for each in sockets:  # what they accept inherits it
            each.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, _UNREAD)
        runner = web.AppRunner(application, shutdown_timeout=_GRACE)
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        web_server = WebServer(_protocol(runner, connections), access, sockets, config, connections)
        stack.callback(web_server.close)
        await web_server.refresh()
        watch = asyncio.create_task(web_server.watch(look_every))
        stack.push_async_callback(_ended, watch)
        yield web_server


class WebServer:
    """The listening sockets, and the web configuration in force.

    Whatever changes in its files holds for the next connection, without one being refused: new
    servers begin on the same sockets before the old ones end.
    """

    def __init__(
        self,
        protocol: Protocol,
        access: AccessControl,
        sockets: Sequence[socket.socket],
        path: Path | None,
        connections: Connections,
    ) -> None:
        """Hold sockets that are bound and listen; nothing is accepted before `refresh`."""
        self._connections = connections
        self._protocol = protocol
        self._access = access
        self._sockets = sockets
        self._path = path
        self._files: tuple[Path, ...] = (path,) if path else ()
        self._stamp: Stamp | None = None
        self._servers: list[asyncio.Server] = []

    @property
    def addresses(self) -> tuple[tuple[str, int], ...]:
        """Host and port of every socket, as it was bound."""
        return tuple(each.getsockname()[:2] for each in self._sockets)

    async def refresh(self) -> None:
        """Put the files in force, if they changed.

        Raises `Malformed` if they are wrong; what was in force stays so.
        """
        stamp = await asyncio.to_thread(_stamp, self._files)
        if stamp == self._stamp:
            return
        self._stamp = stamp
        config = await asyncio.to_thread(load, self._path) if self._path else WebConfig()
        secrets = config.tls.files if config.tls else ()
        # Looked at before they are read: what changes in between is then seen as a change.
        self._stamp = (*stamp[:1], *(await asyncio.to_thread(_stamp, secrets)))
        self._files = (*self._files[:1], *secrets)
        context = await asyncio.to_thread(server_context, config.tls) if config.tls else None
        await self._reopen(context)
        self._access.users, self._access.headers = config.users, config.headers
        self._access.names = config.tls.client_allowed_sans if config.tls else frozenset()

    async def watch(self, every: float) -> None:
        """Check the files periodically, after so many seconds each; nothing ends it."""
        while True:
            await asyncio.sleep(every)
            try:
                await self.refresh()
            except Malformed as error:
                _log.warning("web configuration rejected", extra={"cause": str(error)})
            except Exception:  # noqa: BLE001 - a job boundary: later changes must be applied
                _log.exception("web configuration rejected")
                self._stamp = None  # it is no fault of the files: try again

    def close(self) -> None:
        """Accept nothing more."""
        for server in self._servers:
            server.close()
        self._servers = []

    async def _reopen(self, context: ssl.SSLContext | None) -> None:
        loop = asyncio.get_running_loop()
        handshake = _HANDSHAKE if context else None
        before, self._servers = self._servers, []
        try:
            for each in self._sockets:
                listener = Listener(each, self._connections)
                server = await loop.create_server(
                    self._protocol, sock=listener, ssl=context, ssl_handshake_timeout=handshake
                )
                self._servers.append(server)
        except BaseException:
            self.close()
            self._servers = before
            raise
        for server in before:
            server.close()


def _protocol(runner: web.AppRunner, connections: Connections) -> Protocol:
    """Return what makes a connection's protocol, for a runner that was set up."""
    server, loop = runner.server, asyncio.get_running_loop()
    if server is None:
        raise RuntimeError("the runner was not set up")
    # `None` for no access log is what aiohttp documents; its annotation forgot it.
    silent = cast("logging.Logger", None)
    return lambda: Connection(
        server,
        connections=connections,
        loop=loop,
        access_log=silent,
        keepalive_timeout=_IDLE,
        auto_decompress=False,  # a small body could become one that no limit has seen
    )


def _sockets(host: str, port: int) -> list[socket.socket]:
    """Listen on every address that a host name stands for."""
    try:
        if not host and socket.has_dualstack_ipv6():
            return [socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)]
        found = socket.getaddrinfo(host or "0.0.0.0", port, type=socket.SOCK_STREAM)  # noqa: S104 - asked for
        places = dict.fromkeys((family, place) for family, _, _, _, place in found)
        return [socket.create_server(place[:2], family=family) for family, place in places]
    except OSError as error:
        # What Python adds to the system's words names no way out.
        number = None if isinstance(error, socket.gaierror) else error.errno
        why = os.strerror(number) if number else error.strerror
        raise OSError(f"cannot listen on {host}:{port}: {why}") from error


def _stamp(files: Iterable[Path]) -> Stamp:
    """Return a value that changes with the files, also with one behind a replaced link."""
    return tuple(_times(each) for each in files)


def _times(path: Path) -> tuple[int, ...]:
    try:
        status = path.stat()
    except (OSError, ValueError):  # ValueError: a name that no file can have
        return ()
    return (status.st_mtime_ns, status.st_ctime_ns, status.st_size, status.st_ino)


async def _ended(task: asyncio.Task[None]) -> None:
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task
