"""How do httpx's requests travel over aiohttp's connections, with errors as httpx defines them?

httpx's own connection pool costs sixteen times the CPU at 32 connections.
"""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Final

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from exporter.sources.registry.address import Origin
from exporter.sources.registry.proxies import Proxies

_PORTS: Final = {"http": 80, "https": 443}
_BODILESS: Final = ("GET", "HEAD")
_MOST_ROUTES: Final = 256
_LONGEST_HEADER: Final = 32 * 2**10
"""Signed addresses of object stores carry whole session tokens."""


class Unresolved(httpx.ConnectError):
    """The host's name has no address."""


class Untrusted(httpx.ConnectError):
    """The certificate is not trusted, or the handshake failed."""


class Cut(httpx.RemoteProtocolError):
    """The connection was closed cleanly before the whole body had come."""

    def __init__(self, received: int) -> None:
        super().__init__("peer closed connection without sending complete message body")
        self.received = received
        """Bytes of the body that had come."""


@dataclass(frozen=True, slots=True)
class Route:
    """How one origin is reached."""

    address: str
    tls: ssl.SSLContext | bool
    proxy: str | None = field(repr=False)


class Transport(httpx.AsyncBaseTransport):
    """Sends requests over one pool of connections. Keeps no cookies and decodes no bodies.

    The request's `target` extension overrides the path of its URL, as in httpcore. Idempotent
    requests are sent once more where a kept connection turned out to be closed.
    """

    def __init__(
        self,
        home: Origin,
        contexts: tuple[ssl.SSLContext, ssl.SSLContext],
        proxies: Proxies,
        connections: int,
    ) -> None:
        """Use the first context for `home`, the second for every other origin."""
        self._home = home
        self._contexts = contexts
        self._proxies = proxies
        self._connections = connections
        self._routes: dict[Origin, Route] = {}
        self._timeouts: dict[tuple[float | None, float | None], aiohttp.ClientTimeout] = {}
        self._session: aiohttp.ClientSession | None = None

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request; its body is read from the response's stream."""
        target: bytes = request.extensions.get("target") or request.url.raw_path
        try:
            route = self._route(request.url)
            answer = await self._opened().request(
                request.method,
                URL(route.address + target.decode("ascii"), encoded=True),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=None if request.method in _BODILESS else await request.aread(),
                allow_redirects=False,
                ssl=route.tls,
                proxy=route.proxy,
                timeout=self._timeout(request.extensions.get("timeout", {})),
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unsent(error) from _without_address(error)
        stream = _Stream(answer)
        known = {"overrun": stream.overrun}
        return httpx.Response(
            answer.status, headers=answer.raw_headers, stream=stream, extensions=known
        )

    async def aclose(self) -> None:
        """Close every connection; a request afterwards opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session; it can only be made where a loop runs."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                response_class=_Answer,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
        return self._session

    def _route(self, url: httpx.URL) -> Route:
        origin = (url.scheme, url.host, url.port or _PORTS.get(url.scheme, 0))
        if (route := self._routes.get(origin)) is None:
            scheme, host, port = origin
            tls = self._contexts[origin != self._home] if scheme == "https" else True
            address = f"{scheme}://{url.netloc.decode()}"
            route = Route(address, tls, self._proxies.way(scheme, host, port))
            if len(self._routes) >= _MOST_ROUTES:  # redirects to ever new hosts
                self._routes.clear()
            self._routes[origin] = route
        return route

    def _timeout(self, wanted: dict[str, float | None]) -> aiohttp.ClientTimeout:
        key = (wanted.get("connect"), wanted.get("read"))
        if (timeout := self._timeouts.get(key)) is None:
            connect, read = key
            timeout = aiohttp.ClientTimeout(total=None, sock_connect=connect, sock_read=read)
            self._timeouts[key] = timeout
        return timeout


class _Answer(aiohttp.ClientResponse):
    """An answer that remembers its connection, which knows how the body ended."""

    protocol: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Wait for the answer's head: a short body may have given the connection back by then."""
        self.protocol = connection.protocol
        return await super().start(connection)


class _Stream(httpx.AsyncByteStream):
    """A body that is still arriving."""

    __slots__ = ("_answer", "_connection")

    def __init__(self, answer: aiohttp.ClientResponse) -> None:
        self._answer = answer
        self._connection = answer.protocol if isinstance(answer, _Answer) else None

    async def __aiter__(self) -> AsyncIterator[bytes]:
        content = self._answer.content
        try:
            while chunk := await content.readany():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise _unread(error, content.total_bytes, self._connection) from error

    def overrun(self) -> bool:
        """Did bytes follow the body that are no answer? Then its Content-Length is too small."""
        connection = self._connection
        return connection is not None and isinstance(connection.exception(), HttpProcessingError)

    async def aclose(self) -> None:
        """Give the connection back where the body came whole; close it where it did not."""
        if self._answer.content.at_eof():
            self._answer.release()
        else:
            self._answer.close()


_UNSENT: Final[tuple[tuple[type[Exception], type[httpx.TransportError], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, Unresolved, "the name has no address"),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError, "the proxy cannot be reached"),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError, "the proxy refuses"),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "no connection in time"),
    (aiohttp.ServerTimeoutError, httpx.ReadTimeout, "no answer in time"),
    (aiohttp.ServerDisconnectedError, httpx.RemoteProtocolError, "closed without an answer"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "the answer is not HTTP"),
    (ValueError, Unresolved, "no name that a host can have"),  # aiohttp.InvalidURL is one
)
"""Errors before the answer's headers: the first that fits."""


def _unsent(error: aiohttp.ClientError | OSError | ValueError) -> httpx.TransportError:
    """Return httpx's error for one that came before the answer's headers."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return Untrusted(_certificate_words(error.certificate_error))
    if isinstance(broken := error.__cause__, ssl.SSLError) or isinstance(
        broken := error, ssl.SSLError
    ):
        return Untrusted(_handshake_words(broken))
    for kind, meant, words in _UNSENT:
        if isinstance(error, kind):
            return meant(words)
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return httpx.ConnectError(os.strerror(number) if number else "no connection")
    return httpx.ReadError("connection reset")


def _unread(
    error: aiohttp.ClientError | OSError, received: int, connection: ResponseHandler | None
) -> httpx.TransportError:
    """Return httpx's error for one that came within the body."""
    if isinstance(error, aiohttp.ServerTimeoutError):
        return httpx.ReadTimeout("no more of the body in time")
    ended = connection.exception() if connection is not None else None
    if isinstance(error, aiohttp.ClientPayloadError) and isinstance(
        ended, aiohttp.ServerDisconnectedError
    ):
        return Cut(received)
    return httpx.ReadError("connection reset")


def _certificate_words(error: Exception) -> str:
    """Return OpenSSL's sentence, without the address: `certificate has expired`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return "the certificate is not trusted"


def _handshake_words(error: ssl.SSLError) -> str:
    """Return what went wrong; `WRONG_VERSION_NUMBER` is OpenSSL's word for a plain http answer."""
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS, and plain_http is not set"
    return (
        f"the TLS handshake failed: {(error.reason or 'no reason given').replace('_', ' ').lower()}"
    )


def _without_address(error: Exception) -> Exception | None:
    """Return the cause to chain, unless its text holds the URL, which may be a signed one."""
    holds_url = isinstance(error, aiohttp.ClientResponseError | ValueError)
    return None if holds_url else error
