"""What does one request bring back? Redirects followed, errors told apart, the body bounded.

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
from exporter.sources.registry.limits import Limits
from exporter.sources.registry.question import ERROR_BYTES, Answer, End, Question
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
        self, registry: Address, transport: Transport, limits: Limits, tally: Tally
    ) -> None:
        self.registry = registry
        """Where a question's path begins."""
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
        """Close every connection; the next question opens another."""
        await self._transport.aclose()

    async def ask(self, question: Question, authorization: str) -> Answer:
        """Put a question once. Raises `Unseen` where no whole answer comes, whatever its status."""
        limits = self._limits
        seconds = limits.list_deadline if question.patient else limits.deadline
        try:
            async with asyncio.timeout(seconds) as timeout:
                if question.sink is not None:
                    question = replace(question, sink=Prolonging(question.sink, timeout))
                return await self._follow(question, authorization)
        except TimeoutError as error:
            words = f"no whole answer within {seconds:g} seconds, or a stream too slow"
            words = words if question.sink else words.partition(",")[0]
            raise Unseen(question.subject, Reason.TIMEOUT, words) from error

    async def _follow(self, question: Question, authorization: str) -> Answer:
        """Ask, and go where the answer points, without credentials once the origin changes."""
        first = here = self._address(question)
        answer = await self._exchange(question.endpoint, question, here, authorization)
        for _ in range(_MOST_REDIRECTS):
            if answer.status not in _REDIRECTS:
                return answer
            here = _onward(question, here, answer)
            authorization = authorization if here.origin == first.origin else ""
            answer = await self._exchange("redirect", question, here, authorization)
            answer.abroad = here.origin != first.origin
        if answer.status in _REDIRECTS:
            words = f"more than {_MOST_REDIRECTS} redirects"
            raise Unseen(question.subject, Reason.REDIRECT, words)
        return answer

    def composed(self, question: Question, address: Address, authorization: str) -> httpx.Request:
        """Return the request that puts a question: this client reads, and can do nothing else."""
        if question.method not in _READS:
            raise AssertionError(f"{question.method} by a client that only reads")
        return _request(question, address, authorization)

    def _address(self, question: Question) -> Address:
        if question.url:
            return Address.parse(question.url)
        registry = self.registry
        return Address(registry.origin, registry.base, registry.target + question.path)

    async def _exchange(
        self, endpoint: str, question: Question, address: Address, authorization: str
    ) -> Answer:
        """One request, one answer, counted."""
        started = asyncio.get_running_loop().time()
        code = "error"
        try:
            request = self.composed(question, address, authorization)
            response = await self._http.send(request, stream=True, auth=None)
            try:
                self._note_sign(response.status_code)
                answer = await _read(question, response)
            finally:
                await response.aclose()
            code = _TOLD_APART.get(answer.status) or f"{answer.status // 100}xx"
        except httpx.TransportError as error:
            raise _unseen(question.subject, error) from error
        except UnicodeError:  # httpx, which reads a redirect's address before we do
            raise Unseen(question.subject, Reason.REDIRECT, "a redirect to no address") from None
        finally:
            self._count(endpoint, code, asyncio.get_running_loop().time() - started)
        return answer

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

    def extract_cookies(self, response: httpx.Response) -> None:
        """Leave the answer's cookies where they are."""


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


def _request(question: Question, address: Address, authorization: str) -> httpx.Request:
    headers = [_AGENT, _UNCOMPRESSED, (b"Accept", question.accept.encode())]
    if authorization:
        headers.append((b"Authorization", authorization.encode()))
    if question.fresh:
        headers.append(_UNCACHED)
    if question.span:
        headers.append((b"Range", question.span.encode()))
    if question.form:
        headers.append(_FORM)
    return httpx.Request(
        "POST" if question.form else question.method,
        _url(address.base),
        headers=headers,
        stream=httpx.ByteStream(question.form.encode()) if question.form else _NO_BODY,
        extensions={"target": address.target.encode()},
    )


def _onward(question: Question, here: Address, answer: Answer) -> Address:
    """Return where a redirect leads. A form holds secrets, so it is never sent on."""
    if question.form:
        raise Unseen(question.subject, Reason.REDIRECT, "a token server that redirects a form")
    if question.method not in _READS:
        raise Unseen(question.subject, Reason.REDIRECT, "what is written goes nowhere else")
    try:
        return here.onward(answer.headers.get("location", ""))
    except Malformed as error:
        raise Unseen(question.subject, Reason.REDIRECT, str(error)) from error


async def _read(question: Question, response: httpx.Response) -> Answer:
    headers: dict[str, str] = {}
    for raw_name, raw_value in response.headers.raw:
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    answer = Answer(response.status_code, headers)
    answer.overrun = response.extensions.get("overrun", answer.overrun)
    if question.method != "HEAD":
        await _read_body(question, response, answer)
    return answer


async def _read_body(question: Question, response: httpx.Response, answer: Answer) -> None:
    """Take what was asked for and no more; how it ended is part of the answer."""
    most = question.most if answer.ok else ERROR_BYTES
    # That a blob is too long its bytes have to show: a header proves no loss.
    counted = question.endpoint == "blob" and answer.status == _OK
    answer.end = _framed(answer, _UNBOUNDED if counted else question.announced or most)
    if answer.end is End.OVER:
        return
    sink = question.sink if answer.ok else None
    if sink is not None:
        sink.begin()
    chunks: list[bytes] = []
    try:
        async for chunk in response.stream:  # type: ignore[union-attr] # always asynchronous here
            answer.received += len(chunk)
            if answer.received > most:
                answer.end = End.OVER
                if question.endpoint != "blob" or answer.received > ERROR_BYTES:
                    break
                # What is longer than a small blob may be an error: only all of it can tell.
                chunks.append(chunk)
                continue
            if sink is not None:
                await sink.take(chunk)
                continue
            chunks.append(chunk)
    except Full:
        answer.end = End.ENOUGH
    except Cut as cut:
        _cut_short(question, answer, cut)
    answer.body = b"".join(chunks)


def _cut_short(question: Question, answer: Answer, cut: Cut) -> None:
    """Note that a body was cut short; raise `Cut` again where that leaves nothing to judge."""
    if answer.end is End.OVER:  # it was too long before it was cut
        return
    length = answer.headers.get("content-length", "")
    if answer.ok and (not length or question.endpoint != "blob"):
        raise cut
    answer.received, answer.end = cut.received, End.SHORT


def _framed(answer: Answer, most: int) -> End:
    """Return how a body will end, as far as its headers say."""
    length = answer.headers.get("content-length", "")
    if length.isdigit() and int(length) > most:
        return End.OVER
    chunked = "chunked" in answer.headers.get("transfer-encoding", "").lower()
    return End.WHOLE if length or chunked else End.UNFRAMED


def _unseen(subject: str, error: httpx.TransportError) -> Unseen:
    if "location header" in str(error):  # httpx's own words, which quote the address
        return Unseen(subject, Reason.REDIRECT, "a redirect to no address")
    reason = next(reason for kind, reason in _FAULTS if isinstance(error, kind))
    return Unseen(subject, reason, str(error))
