"""Responses: content negotiation, compression, entity tags, and bodies sent in pieces."""

import asyncio
import gzip
import hashlib
import operator
import zlib
from collections.abc import AsyncIterable, AsyncIterator, Callable, Iterable, Iterator, Mapping
from typing import Final, Generic, TypeVar

from aiohttp import web

from exporter.publish.metrics.exposition import Format
from exporter.publish.status import RegistryStatus

HTML: Final = "text/html; charset=utf-8"
QUICK: Final = 1
"""Level of gzip for what is compressed on request."""
LIMIT: Final = web.RequestKey("limit", asyncio.Timeout)
"""The request's key for the `asyncio.Timeout` that its answer is under."""

_ASK_AGAIN: Final = "private, no-cache"
"""May be cached, and is requested again each time: unchanged content is not sent twice."""
_PIECE: Final = 1 << 16
"""Bytes that are written at a time: a connection holds a few of them, never a whole body."""
_SLOWEST: Final = 1 << 17
"""Minimum rate of a reader of a large body, in bytes per second, beyond the time for any answer."""
_TRAILER: Final = 4
"""Bytes at the end of a gzip file that say how long the plain text is (RFC 1952, 2.3.1)."""
_GZIP: Final = 31
"""zlib's code for a gzip file."""
_OPENMETRICS: Final = "application/openmetrics-text"
_TEXT: Final = frozenset({"text/plain", "text/*", "*/*"})

Made = TypeVar("Made")


class Once(Generic[Made]):
    """Something made of the results of the audits, once for all requests until one of them ends."""

    def __init__(self, make: Callable[[tuple[RegistryStatus, ...]], Made]) -> None:
        """Make it by a function, which is called in a thread."""
        self._make = make
        self._turn = asyncio.Lock()
        self._last: tuple[tuple[RegistryStatus, ...], Made] | None = None

    async def of(self, statuses: tuple[RegistryStatus, ...]) -> Made:
        """Return what was made of these statuses, or make it now."""
        async with self._turn:
            if self._last is None or not _same(self._last[0], statuses):
                self._last = statuses, await asyncio.to_thread(self._make, statuses)
            return self._last[1]


def _same(one: tuple[RegistryStatus, ...], other: tuple[RegistryStatus, ...]) -> bool:
    """Are these the very same values? Comparing whole reports would cost more than writing one."""
    return len(one) == len(other) and all(map(operator.is_, one, other))


async def send(
    request: web.Request, headers: Mapping[str, str], pieces: Iterable[bytes]
) -> web.StreamResponse:
    """Answer with a body in pieces, which all answers may share: none is copied or joined."""
    pieces = tuple(pieces)
    return await _send(request, headers, sum(map(len, pieces)), _each(_views(pieces)))


async def page(request: web.Request, render: Callable[[], str]) -> web.StreamResponse:
    """Answer with a page that is rendered in a thread: it must not keep a scrape waiting."""
    packed = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    body, tag = await asyncio.to_thread(_made, render, packed=packed)
    headers = {"ETag": tag, "Cache-Control": _ASK_AGAIN, "Vary": "Accept-Encoding"}
    known = request.if_none_match or ()
    if any(each.value in ("*", tag.strip('W/"')) for each in known):
        return web.Response(status=304, headers=headers)
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    return await send(request, {"Content-Type": HTML} | headers | encoding, (body,))


async def compressed(
    request: web.Request, headers: Mapping[str, str], packed: tuple[bytes, ...]
) -> web.StreamResponse:
    """Answer with a gzip file of one member, in pieces: shared by all, and unpacked while sent."""
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        return await send(request, {**headers, "Content-Encoding": "gzip"}, packed)
    size = int.from_bytes(packed[-1][-_TRAILER:], "little")
    return await _send(request, headers, size, _each(_unpacked(packed)))


async def made(
    request: web.Request, headers: Mapping[str, str], pieces: Iterator[bytes]
) -> web.StreamResponse:
    """Answer with a body of unknown length; each piece is made in a thread once it is sent."""

    async def views() -> AsyncIterator[memoryview]:
        while piece := await asyncio.to_thread(next, pieces, b""):
            _extend(request, len(piece))
            for view in _views((piece,)):
                yield view

    return await _send(request, headers, None, views())


async def _send(
    request: web.Request,
    headers: Mapping[str, str],
    size: int | None,
    pieces: AsyncIterable[memoryview],
) -> web.StreamResponse:
    """Write pieces as fast as they are read; cut a reader that lets the time pass."""
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    _extend(request, size or 0)
    await response.prepare(request)
    try:
        if request.method != "HEAD":
            async for piece in pieces:
                await response.write(piece)
                await asyncio.sleep(0)  # a fast reader must not keep a scrape waiting
        await response.write_eof()
    except asyncio.CancelledError:
        if request.transport:
            request.transport.abort()  # `close` would wait for the reader
        raise
    return response


async def _each(pieces: Iterable[memoryview]) -> AsyncIterator[memoryview]:
    for piece in pieces:
        yield piece


def _extend(request: web.Request, size: int) -> None:
    limit = request.get(LIMIT)
    if limit and (when := limit.when()) is not None:
        limit.reschedule(when + size / _SLOWEST)


def _views(pieces: Iterable[bytes]) -> Iterator[memoryview]:
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), _PIECE):
            yield view[start : start + _PIECE]


def _unpacked(packed: Iterable[bytes]) -> Iterator[memoryview]:
    unpacker = zlib.decompressobj(wbits=_GZIP)
    for piece in packed:
        rest = piece
        while rest:
            yield memoryview(unpacker.decompress(rest, _PIECE))
            rest = unpacker.unconsumed_tail


def _made(render: Callable[[], str], *, packed: bool) -> tuple[bytes, str]:
    """Return a page and its entity tag, a weak one: both encodings are the same page."""
    body = render().encode()
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return (gzip.compress(body, QUICK, mtime=0) if packed else body), tag


def metrics_format(accept: str) -> Format:
    """Choose the format by an Accept header; without a preference, the older text format."""
    openmetrics = text = 0.0
    for name, parameters, weight in _entries(accept):
        if name == _OPENMETRICS and parameters.get("version", "1.0.0") == "1.0.0":
            openmetrics = max(openmetrics, weight)
        elif name in _TEXT:
            text = max(text, weight)
    return Format.OPENMETRICS if openmetrics > 0 and openmetrics >= text else Format.TEXT


def accepts_gzip(encodings: str) -> bool:
    """May the answer be compressed, by an Accept-Encoding header?"""
    weights = {name: weight for name, _, weight in _entries(encodings)}
    return weights.get("gzip", weights.get("*", 0.0)) > 0


def _entries(header: str) -> Iterator[tuple[str, dict[str, str], float]]:
    """Read names, parameters and weights of a header (RFC 9110, section 12.4.2)."""
    for entry in header.split(","):
        name, *rest = (part.strip() for part in entry.split(";"))
        pairs = (part.partition("=") for part in rest)
        parameters = {key.strip().lower(): value.strip() for key, _, value in pairs}
        yield name.lower(), parameters, _weight(parameters.get("q", "1"))


def _weight(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return 0.0
