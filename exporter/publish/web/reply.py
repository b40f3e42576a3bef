"""How does a body reach whoever asked: compressed if they may, and not at all if they have it?"""

from __future__ import annotations

import asyncio
import gzip
import hashlib
from typing import TYPE_CHECKING, Final

from aiohttp import web

from exporter.publish.web.negotiation import accepts_gzip

if TYPE_CHECKING:
    from collections.abc import Callable

HTML: Final = "text/html; charset=utf-8"
JSON: Final = "application/json"

QUICK: Final = 1
"""Level of gzip for what is compressed while somebody waits."""
_ASK_AGAIN: Final = "private, no-cache"
"""May be kept, and is asked for again each time: what has not changed is not sent twice."""


async def page(request: web.Request, render: Callable[[], str]) -> web.Response:
    """Answer with a page that is rendered in a thread: it must not keep a scrape waiting."""
    packed = accepts_gzip(request.headers.get("Accept-Encoding", ""))
    body, tag = await asyncio.to_thread(_made, render, packed=packed)
    headers = {"ETag": tag, "Cache-Control": _ASK_AGAIN, "Vary": "Accept-Encoding"}
    known = request.if_none_match or ()
    if any(each.value in ("*", tag.strip('W/"')) for each in known):
        return web.Response(status=304, headers=headers)
    return written(body, HTML, headers, packed=packed)


async def compressed(request: web.Request, body: bytes, kind: str) -> web.Response:
    """Answer with a body that is compressed already."""
    headers = {"Vary": "Accept-Encoding"}
    if accepts_gzip(request.headers.get("Accept-Encoding", "")):
        return written(body, kind, headers, packed=True)
    plain = await asyncio.to_thread(gzip.decompress, body)
    return written(plain, kind, headers, packed=False)


def written(body: bytes, kind: str, headers: dict[str, str], *, packed: bool) -> web.Response:
    """Answer with bytes of a kind."""
    encoding = {"Content-Encoding": "gzip"} if packed else {}
    return web.Response(body=body, headers={"Content-Type": kind} | headers | encoding)


def _made(render: Callable[[], str], *, packed: bool) -> tuple[bytes, str]:
    """Return a page and its entity tag, a weak one: both encodings are the same page."""
    body = render().encode()
    tag = f'W/"{hashlib.blake2b(body, digest_size=12).hexdigest()}"'
    return (gzip.compress(body, QUICK, mtime=0) if packed else body), tag
