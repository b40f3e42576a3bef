"""Messages over aiohttp's connections, and why no response to one came.

Nothing else knows aiohttp's client. Why: `docs/decisions/0002-own-transport.md`.
"""

import os
import ssl
from collections.abc import AsyncIterable, AsyncIterator
from dataclasses import dataclass, field
from typing import Final, cast

import aiohttp
from aiohttp.client_proto import ResponseHandler
from aiohttp.connector import Connection
from aiohttp.http_exceptions import HttpProcessingError
from yarl import URL

from exporter.facts.gap import Reason
from exporter.sources.registry.address import Address, Origin
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.trust import Contexts

_LONGEST_HEADER: Final = 32 * 2**10
"""Signed addresses of object stores carry whole session tokens."""


class NoResponse(Exception):
    """No whole response came; the text says why, without the address."""

    def __init__(self, reason: Reason, words: str) -> None:
        """`reason` is that of the gap which it makes."""
        super().__init__(words)
        self.reason = reason


class Cut(NoResponse):
    """The connection was closed cleanly before the whole body had come."""

    def __init__(self, received: int) -> None:
        """`received` bytes of the body had come."""
        super().__init__(Reason.TRUNCATED, "closed before the whole body had come")
        self.received = received


@dataclass(frozen=True, slots=True)
class Message:
    """One request as it goes out, to the very address."""

    method: str
    address: Address
    headers: tuple[tuple[str, str], ...] = field(default=(), repr=False)
    body: bytes | AsyncIterable[bytes] | None = field(default=None, repr=False)
    """One that is iterated must have its length among the headers, and be read anew each time."""


class Incoming(aiohttp.ClientResponse):
    """A response whose body is still arriving; it remembers how its connection ended."""

    protocol: ResponseHandler | None = None

    async def start(self, connection: Connection) -> aiohttp.ClientResponse:
        """Wait for the head: a short body may have given the connection back by then."""
        self.protocol = connection.protocol
        return await super().start(connection)

    async def chunks(self) -> AsyncIterator[bytes]:
        """Yield the body as it arrives. Raises `NoResponse` where it breaks off."""
        try:
            while chunk := await self.content.readany():
                yield chunk
        except (aiohttp.ClientError, OSError) as error:
            raise self._broken_off(error) from error

    def _broken_off(self, error: aiohttp.ClientError | OSError) -> NoResponse:
        ended = self.protocol.exception() if self.protocol is not None else None
        clean = isinstance(ended, aiohttp.ServerDisconnectedError)
        if isinstance(error, aiohttp.ClientPayloadError) and clean:
            return Cut(self.content.total_bytes)
        return NoResponse(Reason.RESET, "connection reset")

    def overrun(self) -> bool:
        """Did bytes follow the body that are no response? Then its Content-Length is too small."""
        connection = self.protocol
        return connection is not None and isinstance(connection.exception(), HttpProcessingError)

    def end(self) -> None:
        """Give the connection back where the body came whole; close it where it did not."""
        if self.content.at_eof():
            self.release()
        else:
            self.close()


class Transport:
    """One pool of connections. Decodes no bodies.

    Reads are sent once more where a kept connection turned out to be closed.
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

    async def send(self, message: Message, connect: float | None) -> Incoming:
        """Send a message and return its response, which is to be ended.

        `connect` is how many seconds a connection may take. Raises `NoResponse`, and `Unseen` for
        a certificate that cannot be used.
        """
        address = message.address
        secure = self._contexts[address.origin != self._home] if address.secure else True
        try:
            response = await self._opened().request(
                message.method,
                URL(address.base + address.target, encoded=True),
                headers=[("Host", address.host), *message.headers],
                data=message.body,
                allow_redirects=False,
                ssl=secure,
                proxy=self._proxies.way(*address.origin),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=connect),
            )
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise _unsent(error) from _without_address(error)
        return cast("Incoming", response)

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
                response_class=Incoming,
                max_line_size=_LONGEST_HEADER,
                max_field_size=_LONGEST_HEADER,
            )
        return self._session


_UNSENT: Final[tuple[tuple[type[Exception], Reason, str], ...]] = (
    (aiohttp.ClientConnectorDNSError, Reason.DNS, "the name has no address"),
    (aiohttp.ClientProxyConnectionError, Reason.CONNECT, "the proxy cannot be reached"),
    (aiohttp.ClientHttpProxyError, Reason.CONNECT, "the proxy refuses"),
    (aiohttp.ConnectionTimeoutError, Reason.CONNECT, "no connection in time"),
    (aiohttp.ServerDisconnectedError, Reason.RESET, "closed without an answer"),
    (aiohttp.ClientResponseError, Reason.RESET, "the answer is not HTTP"),
    (ValueError, Reason.DNS, "no name that a host can have"),  # aiohttp.InvalidURL is one
)
"""Errors before the response's headers: the first that fits."""


def _unsent(error: aiohttp.ClientError | OSError | ValueError) -> NoResponse:
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        return NoResponse(Reason.TLS, _certificate_words(error.certificate_error))
    if isinstance(broken := error.__cause__, ssl.SSLError) or isinstance(
        broken := error, ssl.SSLError
    ):
        return NoResponse(Reason.TLS, _handshake_words(broken))
    for kind, reason, words in _UNSENT:
        if isinstance(error, kind):
            return NoResponse(reason, words)
    if isinstance(error, aiohttp.ClientConnectorError):
        number = error.os_error.errno
        return NoResponse(Reason.CONNECT, os.strerror(number) if number else "no connection")
    return NoResponse(Reason.RESET, "connection reset")


def _certificate_words(error: Exception) -> str:
    """Return OpenSSL's sentence, without the address: `certificate has expired`."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return error.verify_message
    return "the certificate is not trusted"


def _handshake_words(error: ssl.SSLError) -> str:
    """Return what went wrong; `WRONG_VERSION_NUMBER` is OpenSSL's word for a plain http answer."""
    if error.reason == "WRONG_VERSION_NUMBER":
        return "it does not speak TLS"
    why = (error.reason or "no reason given").replace("_", " ").lower()
    return f"the TLS handshake failed: {why}"


def _without_address(error: Exception) -> Exception | None:
    """Return the cause to chain, unless its text holds the URL, which may be a signed one."""
    holds_url = isinstance(error, aiohttp.ClientResponseError | ValueError)
    return None if holds_url else error
