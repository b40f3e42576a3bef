"""Transport of httpx over aiohttp's connections, with the errors of httpx.

No other module uses aiohttp's client. Why: `docs/decisions/0002-own-transport.md`.
"""

import os
import ssl
from collections.abc import AsyncIterable, AsyncIterator, Sequence
from functools import lru_cache
from typing import Final, cast

import aiohttp
import httpx
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from exporter.sources.registry.address import Address, Origin
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.trust import Contexts

_LONGEST_HEADER: Final = 32 * 2**10
"""Signed addresses of object stores hold whole session tokens."""
_url: Final = lru_cache(maxsize=64)(httpx.URL)


class Unresolved(httpx.ConnectError):
    """The host's name has no address."""


class Untrusted(httpx.ConnectError):
    """The certificate is not trusted, or the handshake failed."""


class Cut(httpx.RemoteProtocolError):
    """The connection was closed cleanly before the whole body had come."""

    def __init__(self, received: int) -> None:
        """`received` bytes of the body had come."""
        super().__init__("closed before the whole body had come")
        self.received = received


class ClosedEarly(httpx.RemoteProtocolError):
    """The connection was closed cleanly before an answer began."""


def message(
    method: str,
    address: Address,
    headers: Sequence[tuple[str, str]],
    body: bytes | AsyncIterable[bytes] | None = None,
) -> httpx.Request:
    """Return a request for an address as it is; httpx would quote its path once more.

    An iterated body must state its length in the headers, and be readable again.
    """
    stream = None if body is None or isinstance(body, bytes) else body
    named = [("Host", address.host), *headers]
    try:
        return httpx.Request(
            method,
            _url(address.base),
            headers=[(name.encode(), value.encode()) for name, value in named],
            content=body if isinstance(body, bytes) else None,
            extensions={"address": address, "body": stream},
        )
    except (httpx.InvalidURL, ValueError):
        raise Unresolved("no name that a host can have") from None


class _Incoming(aiohttp.ClientResponse, httpx.AsyncByteStream):
    """A response whose body is still arriving; it records how its connection ended."""

    protocol: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Wait for the head: a short body may have released the connection by then."""
        self.protocol = connection.protocol
        return await super().start(connection)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises `httpx.TransportError` if it breaks off."""
        try:
            while chunk := await self.content.readany():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken_off(error) from error

    def _broken_off(self, error: aiohttp.ClientError | OSError) -> httpx.TransportError:
        ended = self.protocol.exception() if self.protocol is not None else None
        clean = isinstance(ended, aiohttp.ServerDisconnectedError)
        if isinstance(error, aiohttp.ClientPayloadError) and clean:
            return Cut(self.content.total_bytes)
        return httpx.ReadError("connection reset")

    def overrun(self) -> bool:
        """Did bytes follow the body that are no response? Then its Content-Length is too small."""
        connection = self.protocol
        return connection is not None and isinstance(connection.exception(), HttpProcessingError)

    async def aclose(self) -> None:
        """Release the connection if the body is complete; else close it."""
        if self.content.at_eof():
            self.release()
        else:
            self.close()


class _Response(httpx.Response):
    """A response whose Location httpx does not parse: it raises for invalid ones."""

    has_redirect_location = False


class Transport(httpx.AsyncBaseTransport):
    """One pool of connections, for the requests of `message`. Bodies are not decoded.

    Reads are repeated once if a kept connection was closed.
    """

    def __init__(
        self,
        home: Origin,
        contexts: Contexts | tuple[ssl.SSLContext, ssl.SSLContext],
        proxies: Proxies,
        connections: int,
    ) -> None:
        """Use the first context for `home`, the second for others."""
        self._home = home
        self._contexts = contexts
        self._proxies = proxies
        self._connections = connections
        self._session: aiohttp.ClientSession | None = None

    def beside(self, connections: int) -> "Transport":
        """Return a pool of so many other connections to the same hosts."""
        return Transport(self._home, self._contexts, self._proxies, connections)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return its response; close it after use.

        Raises `Unseen` for a certificate that cannot be used.
        """
        address: Address = request.extensions["address"]
        connect: float | None = request.extensions["timeout"]["connect"]
        secure = self._contexts[address.origin != self._home] if address.secure else True
        try:
            response = await self._opened().request(
                request.method,
                URL(address.base + address.target, encoded=True),
                headers=[(name.decode(), value.decode()) for name, value in request.headers.raw],
                data=request.extensions.get("body") or request.content or None,
                allow_redirects=False,
                ssl=secure,
                proxy=self._proxies.way(*address.origin),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unsent(error) from _without_address(error)
        incoming = cast("_Incoming", response)
        return _Response(
            incoming.status,
            headers=incoming.raw_headers,
            stream=incoming,
            extensions={"overrun": incoming.overrun},
        )

    async def aclose(self) -> None:
        """Close every connection; a request afterwards opens another."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        """Return the session, which needs a running loop."""
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=self._connections),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
                response_class=_Incoming,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
        return self._session


_UNSENT: Final[tuple[tuple[type[Exception], type[httpx.TransportError], str], ...]] = (
    (aiohttp.ClientConnectorDNSError, Unresolved, "the name has no address"),
    (aiohttp.ClientProxyConnectionError, httpx.ProxyError, "the proxy cannot be reached"),
    (aiohttp.ClientHttpProxyError, httpx.ProxyError, "the proxy refuses"),
    (aiohttp.ConnectionTimeoutError, httpx.ConnectTimeout, "no connection in time"),
    (aiohttp.ServerDisconnectedError, ClosedEarly, "closed without an answer"),
    (aiohttp.ClientResponseError, httpx.RemoteProtocolError, "the answer is not HTTP"),
    (ValueError, Unresolved, "no name that a host can have"),  # aiohttp.InvalidURL is one
)
"""Errors before the response's headers: the first that fits."""


def _unsent(error: aiohttp.ClientError | OSError | ValueError) -> httpx.TransportError:
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


def _certificate_words(error: Exception) -> str:
    """Return OpenSSL's sentence, without the address: `certificate has expired`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return "the certificate is not trusted"


def _handshake_words(error: ssl.SSLError) -> str:
    """Return the error; `WRONG_VERSION_NUMBER` is OpenSSL's word for a plain http answer."""
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS"
    why = (error.reason or "no reason given").replace("_", " ").lower()
    return f"the TLS handshake failed: {why}"


def _without_address(error: Exception) -> Exception | None:
    """Return the cause to chain, unless its text holds the URL, which may be signed."""
    holds_url = isinstance(error, aiohttp.ClientResponseError | ValueError)
    return None if holds_url else error
