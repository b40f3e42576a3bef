"""Does a request that changes something come from a page of another site? Browsers say so."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from aiohttp import web
from aiohttp.typedefs import Handler

if TYPE_CHECKING:
    from multidict import MultiMapping

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing here."""
_OWN: Final = frozenset({"same-origin", "none"})
"""What a browser says of a page of this server's own, and of an address that a person typed."""
_PORTS: Final = {"http": 80, "https": 443}
_REFUSAL: Final = "refused: cross-origin request; send it without an Origin header, as curl does"


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 403 to what a page of another origin makes a browser send, unless it only reads."""
    if request.method not in _SAFE and is_foreign(request.headers):
        raise web.HTTPForbidden(text=f"{_REFUSAL}\n")
    return await handler(request)


def is_foreign(headers: MultiMapping[str]) -> bool:
    """Do the headers say that a page of another origin sent it?

    Without any of them it was no browser, or one that is too old to be safe anywhere.
    Source: Fetch standard (`Origin`), Fetch Metadata (`Sec-Fetch-Site`).
    """
    sites = headers.getall("Sec-Fetch-Site", [])
    hosts = headers.getall("Host", [])
    return any(each.strip().lower() not in _OWN for each in sites) or any(
        not _is_own(origin.strip(), hosts) for origin in headers.getall("Origin", [])
    )


def _is_own(origin: str, hosts: list[str]) -> bool:
    """Is this the origin of the one host that was asked for?"""
    if len(hosts) != 1:
        return False
    try:
        address, host = urlsplit(origin), urlsplit(f"//{hosts[0].strip()}")
        usual = _PORTS.get(address.scheme)
        named, asked = ((each.hostname, each.port or usual) for each in (address, host))
    except ValueError:
        return False
    return named == asked and None not in named
