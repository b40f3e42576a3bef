"""One request and its response: redirects followed, errors classified, the body bounded."""

import asyncio
import logging
from dataclasses import dataclass, field, replace
from http.cookiejar import CookieJar
from typing import Final, Self

import httpx

from exporter import __version__
from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Full, Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.messages import (
    ERROR_BYTES,
    BodyEnd,
    CutShort,
    NoAnswer,
    Request,
    Response,
)
from exporter.sources.registry.streaming import BodyDeadline
from exporter.sources.registry.transport import (
    ClosedEarly,
    Cut,
    Transport,
    Unresolved,
    Untrusted,
    message,
)
from exporter.tally import Tally

_log = logging.getLogger(__name__)

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_OK: Final = 200
_TOLD_APART: Final = frozenset({401, 403, 404, 429})
_READS: Final = frozenset({"GET", "HEAD"})
_UNBOUNDED: Final = 2**63
_NO_SIGN: Final = frozenset({429, 502, 503, 504})
"""Statuses of a gateway whose backend fails."""
_REASONS: Final = {
    Unresolved: Reason.DNS,
    Untrusted: Reason.TLS,
    Cut: Reason.TRUNCATED,
    httpx.ConnectError: Reason.CONNECT,
    httpx.ConnectTimeout: Reason.CONNECT,
    httpx.ProxyError: Reason.CONNECT,
}
"""Reasons for a missing response; any other error is a lost connection."""


@dataclass(frozen=True, slots=True)
class _Sent:
    """A request in progress."""

    request: Request
    authorization: str = field(repr=False)
    deadline: BodyDeadline
    tally: Tally

    def came(self, size: int) -> None:
        """Count some bytes of a body."""
        received, endpoint = self.tally.received, self.request.endpoint
        received[endpoint] = received.get(endpoint, 0) + size
        self.deadline.came(size)


class _NoCookies(CookieJar):
    def extract_cookies(self, *_: object) -> None:
        """Keep no cookies: a registry identifies clients by tokens alone."""


class Client:
    """Connections to one registry, and to the hosts that it redirects to."""

    def __init__(
        self, registry: Address, transport: Transport, limits: RequestLimits, tally: Tally
    ) -> None:
        self.registry = registry
        """Where a request's path begins."""
        self.tally = tally
        self._limits = limits
        self._transport = transport
        timeout = httpx.Timeout(None, connect=limits.connect)
        self._http = httpx.AsyncClient(transport=transport, cookies=_NoCookies(), timeout=timeout)
        self.signs = 0
        """Number of responses so far that only a working server sends."""

    def beside(self, limits: RequestLimits) -> Self:
        """Return another client for the same registry; its requests are counted here."""
        transport = self._transport.beside(limits.concurrency)
        return type(self)(self.registry, transport, limits, self.tally)

    async def aclose(self) -> None:
        """Close every connection; a request afterwards opens another."""
        await self._transport.aclose()

    async def send(self, request: Request, authorization: str) -> Response:
        """Send a request once. Raises `Unseen` without a complete response, of any status."""
        seconds = self.seconds(request)
        try:
            async with asyncio.timeout(seconds) as timeout:
                sent = _Sent(request, authorization, BodyDeadline(timeout, seconds), self.tally)
                return await self._follow(sent)
        except TimeoutError as error:
            words = f"no answer for {seconds:g} seconds, or a body too slow"
            raise Unseen(request.subject, Reason.TIMEOUT, words) from error

    def seconds(self, request: Request) -> float:
        """Return the timeout of a request, from its first byte to the last of its response."""
        return self._limits.list_deadline if request.patient else self._limits.deadline

    async def _follow(self, sent: "_Sent") -> Response:
        """Send a request and follow redirects, without credentials to another origin."""
        request = sent.request
        first = here = self._address(request)
        response = await self._exchange(request.endpoint, sent, here)
        for _ in range(_MOST_REDIRECTS):
            if response.status not in _REDIRECTS:
                return response
            here = self.onward(request, here, response)
            if here.origin != first.origin:
                sent = replace(sent, authorization="")
            response = await self._exchange("redirect", sent, here)
            response.foreign = here.origin != first.origin
        if response.status in _REDIRECTS:
            words = f"more than {_MOST_REDIRECTS} redirects"
            raise Unseen(request.subject, Reason.REDIRECT, words)
        return response

    def _address(self, request: Request) -> Address:
        if request.url:
            return Address.parse(request.url)
        registry = self.registry
        return Address(registry.origin, registry.base, registry.target + request.path)

    def compose(self, request: Request, address: Address, authorization: str) -> httpx.Request:
        """Return the message: this client only reads, or posts a form."""
        if request.method not in _READS:
            raise AssertionError(f"{request.method} by a client that only reads")
        sent = headers(request, authorization)
        if request.form:
            sent.append(("Content-Type", request.form_type))
            return message("POST", address, sent, request.form.encode())
        return message(request.method, address, sent)

    def onward(self, request: Request, here: Address, response: Response) -> Address:
        """Return the target of a redirect. A form holds secrets, so it is not redirected."""
        if request.form or request.headers:
            raise Unseen(request.subject, Reason.REDIRECT, "a server that redirects a form")
        if request.method not in _READS:
            raise Unseen(request.subject, Reason.REDIRECT, "what is written goes nowhere else")
        try:
            return here.onward(response.headers.get("location", ""))
        except Malformed as error:
            raise Unseen(request.subject, Reason.REDIRECT, str(error)) from error

    async def _exchange(self, endpoint: str, sent: "_Sent", address: Address) -> Response:
        """Send one message and read its response, and count them."""
        started, request = asyncio.get_running_loop().time(), sent.request
        code = "error"
        try:
            composed = self.compose(request, address, sent.authorization)
            incoming = await self._http.send(composed, stream=True)
            try:
                if incoming.status_code not in _NO_SIGN | _REDIRECTS:
                    self.signs += 1
                response = await _read(sent, incoming)
            finally:
                await incoming.aclose()
            status = response.status
            code = str(status) if status in _TOLD_APART else f"{status // 100}xx"
        except ClosedEarly as error:
            raise NoAnswer(request.subject, Reason.RESET, str(error)) from error
        except httpx.TransportError as error:
            reason = _REASONS.get(type(error), Reason.RESET)
            raise Unseen(request.subject, reason, str(error)) from error
        finally:
            seconds = asyncio.get_running_loop().time() - started
            self._count(endpoint, code, seconds)
            asked = request.method, endpoint, request.subject
            _log.debug("%s %s %s: %s in %.3f s", *asked, code, seconds)
        return response

    def _count(self, endpoint: str, code: str, seconds: float) -> None:
        tally = self.tally
        key = (endpoint, code)
        tally.requests[key] = tally.requests.get(key, 0) + 1
        tally.durations[endpoint].note(seconds)


def headers(request: Request, authorization: str) -> list[tuple[str, str]]:
    """Return a request's own headers."""
    found = [
        ("User-Agent", f"pullproof/{__version__}"),
        ("Accept-Encoding", "identity"),
        ("Accept", request.accept),
    ]
    if authorization:
        found.append(("Authorization", authorization))
    if request.fresh:
        found.append(("Cache-Control", "no-cache"))
    if request.span:
        found.append(("Range", request.span))
    return [*found, *request.headers]


async def _read(sent: _Sent, incoming: httpx.Response) -> Response:
    found: dict[str, str] = {}
    for raw_name, raw_value in incoming.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        found[name] = f"{found[name]}, {value}" if name in found else value
    response = Response(incoming.status_code, found, overrun=incoming.extensions["overrun"])
    if sent.request.method != "HEAD":
        sent.deadline.begin()
        await _read_body(sent, incoming, response)
    return response


async def _read_body(sent: _Sent, incoming: httpx.Response, response: Response) -> None:
    """Read the requested bytes and no more; the response records how its body ended."""
    request = sent.request
    most = request.most if response.ok else ERROR_BYTES
    # That a blob is too long its bytes have to show: a header proves no loss.
    counted = request.endpoint == "blob" and response.status == _OK
    response.end = _framed(response, _UNBOUNDED if counted else request.announced or most)
    if response.end is BodyEnd.OVER:
        return
    sink = request.sink if response.ok else None
    if sink is not None:
        sink.begin()
    chunks: list[bytes] = []
    try:
        async for chunk in incoming.aiter_raw():
            response.received += len(chunk)
            sent.came(len(chunk))
            if response.received > most:
                response.end = BodyEnd.OVER
                if request.endpoint != "blob" or response.received > ERROR_BYTES:
                    break
                # What is longer than a small blob may be an error: only all of it can tell.
                chunks.append(chunk)
                continue
            if sink is not None:
                await sent.deadline.taken(sink, chunk)
                continue
            chunks.append(chunk)
    except Full:
        response.end = BodyEnd.ENOUGH
    except Cut as cut:
        _cut_short(request, response, cut, b"".join(chunks))
    response.body = b"".join(chunks)


def _cut_short(request: Request, response: Response, cut: Cut, body: bytes) -> None:
    """Note a truncated body. Raises `Cut` or `CutShort` if it is not a blob's."""
    if response.end is BodyEnd.OVER:  # it was too long before it was cut
        return
    length = response.headers.get("content-length", "")
    if response.ok and not length:
        raise cut
    if response.ok and request.endpoint == "manifest":
        raise CutShort(request.subject, body, length) from cut
    if response.ok and request.endpoint != "blob":
        raise cut
    response.received, response.end = cut.received, BodyEnd.SHORT


def _framed(response: Response, most: int) -> BodyEnd:
    """Return how a body will end, according to its headers."""
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        return BodyEnd.OVER
    chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
    return BodyEnd.WHOLE if length or chunked else BodyEnd.UNFRAMED
