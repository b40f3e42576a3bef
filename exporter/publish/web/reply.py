"""How does a body reach whoever asked: compressed if they may, and not at all if they have it?"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final

from aiohttp import web

from exporter.publish.web.negotiation import accepts_gzip

HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"

QUICK: Final = 1
"""Level of gzip for what is compressed while somebody waits."""
_ASK_AGAIN: Final = "private, no-cache"
"""May be kept, and is asked for again each time: what has not changed is not sent twice."""


LIMIT: Final = web.RequestKey("limit", asyncio.Timeout)
"""The request's key for the `asyncio.Timeout` that its answer is under."""
_PIECE: Final = 1 << 16
"""Bytes that are written at a time: a connection holds a few of them, never a whole body."""
_SLOWEST: Final = 1 << 17
"""Minimum rate of a reader of a large body, in bytes per second, beyond the time for any answer."""
_GZIP: Final = 31
"""zlib's code for a gzip file."""
_TRAILER: Final = 4
"""Bytes at the end of a gzip file that say how long the plain text is (RFC 1952, 2.3.1)."""


async def send(
    request: web.Request, headers: Mapping[str, str], pieces: Iterable[bytes]
) -> web.StreamResponse:
    """Answer with a body in pieces, which all answers may share: none is copied or joined."""
    pieces = tuple(pieces)
    return await _send(request, headers, sum(map(len, pieces)), _views(pieces))


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


async def compressed(request: web.Request, body: bytes, kind: str) -> web.StreamResponse:
    """Answer with a body that `gzip.compress` made: shared by all, and unpacked while sent."""
    headers = {"Content-Type": kind, "Vary": "Accept-Encoding"}
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        return await send(request, headers | {"Content-Encoding": "gzip"}, (body,))
    size = int.from_bytes(body[-_TRAILER:], "little")
    return await _send(request, headers, size, _unpacked(body))


async def _send(
    request: web.Request, headers: Mapping[str, str], size: int, pieces: Iterable[memoryview]
) -> web.StreamResponse:
    """Write pieces as fast as they are read; cut a reader that lets the time pass."""
    response = web.StreamResponse(headers=headers)
    response.content_length = size
    _extend(request, size)
    await response.prepare(request)
    try:
        if request.method != "HEAD":
            for piece in pieces:
                await response.write(piece)
                await asyncio.sleep(0)  # a fast reader must not keep a scrape waiting
        await response.write_eof()
    except asyncio.CancelledError:
        if request.transport:
            request.transport.abort()  # `close` would wait for the reader
        raise
    return response


def _extend(request: web.Request, size: int) -> None:
    limit = request.get(LIMIT)
    if limit and (when := limit.when()) is not None:
        limit.reschedule(when + size / _SLOWEST)


def _views(pieces: Iterable[bytes]) -> Iterator[memoryview]:
    for piece in pieces:
        view = memoryview(piece)
        for start in range(0, len(view), _PIECE):
            yield view[start : start + _PIECE]


def _unpacked(body: bytes) -> Iterator[memoryview]:
    unpacker = zlib.decompressobj(_GZIP)
    for packed in _views((body,)):
        rest: bytes | memoryview = packed
        while rest and not unpacker.eof:
            if plain := unpacker.decompress(rest, _PIECE):
                yield memoryview(plain)
            rest = unpacker.unconsumed_tail
    while plain := unpacker.decompress(b"", _PIECE):
        yield memoryview(plain)


def _made(render: Callable[[], str], *, packed: bool) -> tuple[bytes, str]:
    """Return a page and its entity tag, a weak one: both encodings are the same page."""
    body = render().encode()
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return (gzip.compress(body, QUICK, mtime=0) if packed else body), tag
