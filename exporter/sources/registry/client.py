"""What does one message bring back? Redirects followed, errors told apart, the body bounded.

Together with `transport` and `pinner` the only place that knows httpx.
"""

from __future__ import annotations

import asyncio
import logging
from bisect import bisect_left
from dataclasses import replace
from functools import lru_cache
from typing import Final

import httpx

from exporter import __version__
from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Full, Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.messages import ERROR_BYTES, BodyEnd, Request, Response
from exporter.sources.registry.streaming import Prolonging
from exporter.sources.registry.transport import Cut, Transport, Unresolved, Untrusted
from exporter.tally import BUCKETS, Tally

# httpx logs every address, and those of object stores carry signatures that open them.
logging.getLogger("httpx").setLevel(logging.WARNING)

_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_MOST_REDIRECTS: Final = 5
_NO_BODY: Final = httpx.ByteStream(b"")
_AGENT: Final = (b"User-Agent", f"pullproof/{__version__}".encode())
_UNCOMPRESSED: Final = (b"Accept-Encoding", b"identity")
_UNCACHED: Final = (b"Cache-Control", b"no-cache")
_OK: Final = 200
_FORM: Final = (b"Content-Type", b"application/x-www-form-urlencoded")
_TOLD_APART: Final = {401: "401", 403: "403", 404: "404", 429: "429"}
_READS: Final = frozenset({"GET", "HEAD"})
_UNBOUNDED: Final = 2**63
_NO_SIGN: Final = frozenset({429, 502, 503, 504})
"""Codes that a gateway gives while nothing behind it works."""

_FAULTS: Final = (
    (Unresolved, Reason.DNS),
    (Untrusted, Reason.TLS),
    (httpx.ConnectTimeout, Reason.CONNECT),
    (httpx.ConnectError, Reason.CONNECT),
    (httpx.ProxyError, Reason.CONNECT),
    (httpx.TimeoutException, Reason.TIMEOUT),
    (Cut, Reason.TRUNCATED),
    (httpx.TransportError, Reason.RESET),
)


class Client:
    """The way to one registry, and to the hosts that it points to."""

    def __init__(
        self, registry: Address, transport: Transport, limits: RequestLimits, tally: Tally
    ) -> None:
        self.registry = registry
        """Where a request's path begins."""
        self.tally = tally
        self._limits = limits
        timeout = httpx.Timeout(None, connect=limits.connect)
        self._transport = transport
        self._http = _Cookieless(transport=transport, timeout=timeout)
        self.signs = 0
        """Answers so far that only a working server gives."""

    async def aclose(self) -> None:
        """Close every connection."""
        await self._http.aclose()

    async def renew(self) -> None:
        """Close every connection; the next request opens another."""
        await self._transport.aclose()

    async def send(self, request: Request, authorization: str) -> Response:
        """Send a request once. Raises `Unseen` where no whole response comes, of any status."""
        limits = self._limits
        seconds = limits.list_deadline if request.patient else limits.deadline
        try:
            async with asyncio.timeout(seconds) as timeout:
                if request.sink is not None:
                    request = replace(request, sink=Prolonging(request.sink, timeout))
                return await self._follow(request, authorization)
        except TimeoutError as error:
            words = f"no whole answer within {seconds:g} seconds, or a stream too slow"
            words = words if request.sink else words.partition(",")[0]
            raise Unseen(request.subject, Reason.TIMEOUT, words) from error

    async def _follow(self, request: Request, authorization: str) -> Response:
        """Ask, and go where the response points, without credentials once the origin changes."""
        first = here = self._address(request)
        response = await self._exchange(request.endpoint, request, here, authorization)
        for _ in range(_MOST_REDIRECTS):
            if response.status not in _REDIRECTS:
                return response
            here = _onward(request, here, response)
            authorization = authorization if here.origin == first.origin else ""
            response = await self._exchange("redirect", request, here, authorization)
            response.abroad = here.origin != first.origin
        if response.status in _REDIRECTS:
            words = f"more than {_MOST_REDIRECTS} redirects"
            raise Unseen(request.subject, Reason.REDIRECT, words)
        return response

    def composed(self, request: Request, address: Address, authorization: str) -> httpx.Request:
        """Return the message that puts a request: this client reads, and can do nothing else."""
        if request.method not in _READS:
            raise AssertionError(f"{request.method} by a client that only reads")
        return _message(request, address, authorization)

    def _address(self, request: Request) -> Address:
        if request.url:
            return Address.parse(request.url)
        registry = self.registry
        return Address(registry.origin, registry.base, registry.target + request.path)

    async def _exchange(
        self, endpoint: str, request: Request, address: Address, authorization: str
    ) -> Response:
        """One message, one response, counted."""
        started = asyncio.get_running_loop().time()
        code = "error"
        try:
            message = self.composed(request, address, authorization)
            incoming = await self._http.send(message, stream=True, auth=None)
            try:
                self._note_sign(incoming.status_code)
                response = await _read(request, incoming)
            finally:
                await incoming.aclose()
            code = _TOLD_APART.get(response.status) or f"{response.status // 100}xx"
        except httpx.TransportError as error:
            raise _unseen(request.subject, error) from error
        except UnicodeError:  # httpx, which reads a redirect's address before we do
            raise Unseen(request.subject, Reason.REDIRECT, "a redirect to no address") from None
        finally:
            self._count(endpoint, code, asyncio.get_running_loop().time() - started)
        return response

    def _note_sign(self, status: int) -> None:
        if status not in _NO_SIGN and status not in _REDIRECTS:
            self.signs += 1

    def _count(self, endpoint: str, code: str, seconds: float) -> None:
        tally = self.tally
        key = (endpoint, code)
        tally.requests[key] = tally.requests.get(key, 0) + 1
        if endpoint not in tally.seconds:
            tally.seconds[endpoint] = [0] * (len(BUCKETS) + 1)
            tally.seconds_sum[endpoint] = 0.0
        tally.seconds[endpoint][bisect_left(BUCKETS, seconds)] += 1
        tally.seconds_sum[endpoint] += seconds


class _NoCookies(httpx.Cookies):
    """Keeps nothing: a registry knows who asks by its token alone."""

    def extract_cookies(self, incoming: httpx.Response) -> None:
        """Leave the response's cookies where they are."""


class _Cookieless(httpx.AsyncClient):
    """A client whose jar stays empty; httpx offers no other way to switch it off."""

    _none = _NoCookies()

    @property  # type: ignore[misc] # nobody needs to set it
    def cookies(self) -> httpx.Cookies:
        """Return the jar that keeps nothing."""
        return self._none


@lru_cache(maxsize=64)
def _url(base: str) -> httpx.URL:
    """Parse an origin once; the path travels beside it, as the `target` extension.

    Whoever answers may name any host, in a redirect or as the realm of its tokens.
    """
    try:
        return httpx.URL(base)
    except httpx.InvalidURL:
        raise Unresolved("no name that a host can have") from None


def _message(request: Request, address: Address, authorization: str) -> httpx.Request:
    headers = [_AGENT, _UNCOMPRESSED, (b"Accept", request.accept.encode())]
    if authorization:
        headers.append((b"Authorization", authorization.encode()))
    if request.fresh:
        headers.append(_UNCACHED)
    if request.span:
        headers.append((b"Range", request.span.encode()))
    if request.form:
        headers.append(_FORM)
    return httpx.Request(
        "POST" if request.form else request.method,
        _url(address.base),
        headers=headers,
        stream=httpx.ByteStream(request.form.encode()) if request.form else _NO_BODY,
        extensions={"target": address.target.encode()},
    )


def _onward(request: Request, here: Address, response: Response) -> Address:
    """Return where a redirect leads. A form holds secrets, so it is never sent on."""
    if request.form:
        raise Unseen(request.subject, Reason.REDIRECT, "a token server that redirects a form")
    if request.method not in _READS:
        raise Unseen(request.subject, Reason.REDIRECT, "what is written goes nowhere else")
    try:
        return here.onward(response.headers.get("location", ""))
    except Malformed as error:
        raise Unseen(request.subject, Reason.REDIRECT, str(error)) from error


async def _read(request: Request, incoming: httpx.Response) -> Response:
    headers: dict[str, str] = {}
    for raw_name, raw_value in incoming.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    response = Response(incoming.status_code, headers)
    response.overrun = incoming.extensions.get("overrun", response.overrun)
    if request.method != "HEAD":
        await _read_body(request, incoming, response)
    return response


async def _read_body(request: Request, incoming: httpx.Response, response: Response) -> None:
    """Take what was asked for and no more; how it ended is part of the response."""
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
        async for chunk in incoming.stream:  # type: ignore[union-attr] # always asynchronous here
            response.received += len(chunk)
            if response.received > most:
                response.end = BodyEnd.OVER
                if request.endpoint != "blob" or response.received > ERROR_BYTES:
                    break
                # What is longer than a small blob may be an error: only all of it can tell.
                chunks.append(chunk)
                continue
            if sink is not None:
                await sink.take(chunk)
                continue
            chunks.append(chunk)
    except Full:
        response.end = BodyEnd.ENOUGH
    except Cut as cut:
        _cut_short(request, response, cut)
    response.body = b"".join(chunks)


def _cut_short(request: Request, response: Response, cut: Cut) -> None:
    """Note that a body was cut short; raise `Cut` again where that leaves nothing to judge."""
    if response.end is BodyEnd.OVER:  # it was too long before it was cut
        return
    length = response.headers.get("content-length", "")
    if response.ok and (not length or request.endpoint != "blob"):
        raise cut
    response.received, response.end = cut.received, BodyEnd.SHORT


def _framed(response: Response, most: int) -> BodyEnd:
    """Return how a body will end, as far as its headers say."""
    length = response.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        return BodyEnd.OVER
    chunked = "chunked" in response.headers.get("transfer-encoding", "").lower()
    return BodyEnd.WHOLE if length or chunked else BodyEnd.UNFRAMED


def _unseen(subject: str, error: httpx.TransportError) -> Unseen:
    if "location header" in str(error):  # httpx's own words, which quote the address
        return Unseen(subject, Reason.REDIRECT, "a redirect to no address")
    reason = next(reason for kind, reason in _FAULTS if isinstance(error, kind))
    return Unseen(subject, reason, str(error))
