"""Access control: users and their passwords, client certificates, and cross-origin requests."""

import base64
import hashlib
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit

import bcrypt
from aiohttp import web
from aiohttp.typedefs import Handler
from multidict import MultiMapping

from exporter.publish.web.config import holds
from exporter.publish.web.connections import Connection
from exporter.publish.web.password_queue import ROOM, Asker, Comparer, PasswordQueue, QueueFull

OPEN: Final = "open"
"""Begins the names of the routes that need no password: a kubelet has none."""
_NOBODY: Final = b"$2b$%02d$abcdefghijklmnopqrstuuT2FCUkXDMVA2rzW2cPPfXb7WRAqzHKa"
"""Compared if the name is unknown, which must take as long as a wrong password."""
_COST: Final = slice(4, 6)
"""The position of the cost in a bcrypt hash."""
_SIGNIFICANT: Final = 72
"""Bytes of a password that bcrypt uses; the library refuses longer ones itself."""
_REMEMBERED: Final = 1000
"""Wrong passwords that are not compared again."""
_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
"""Methods that change nothing here."""
_OWN: Final = frozenset({"same-origin", "none"})
"""`Sec-Fetch-Site` of this server's own pages, and of an address that a person typed."""
_PORTS: Final = {"http": 80, "https": 443}
_REFUSAL: Final = "refused: cross-origin request; send it without an Origin header, as curl does"


class AccessControl:
    """The users that are let in, and the verdicts that were paid for already."""

    def __init__(
        self,
        users: Mapping[str, bytes],
        compare: Comparer = bcrypt.checkpw,
        room: int = ROOM,
    ) -> None:
        """Let in these users, by name and bcrypt hash; without any, everybody.

        `room` is how many comparisons may wait under one name.
        """
        self.users = users
        """Replaced when the configuration changes: verdicts are kept for name and hash."""
        self.names: frozenset[str] = frozenset()
        """A client's certificate must have one of these names; empty: none is requested."""
        self.headers: Mapping[str, str] = {}
        """Headers of every answer, beside or instead of its own."""
        self._right: dict[str, bytes] = {}
        """By user, what was right last: apart from what was wrong, so no guess displaces it."""
        self._wrong: dict[bytes, None] = {}
        self._turns = PasswordQueue(compare, room)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 401 to those who are not let in, 429 if too many passwords wait for a check."""
        if self.names and not holds(request.get_extra_info("peercert"), self.names):
            raise web.HTTPForbidden(text="no name in the client's certificate is let in\n")
        free = (request.match_info.route.name or "").startswith(OPEN)
        if self.users and not free and not await self._admits(request):
            asks = {"WWW-Authenticate": 'Basic realm="pullproof", charset="UTF-8"'}
            raise web.HTTPUnauthorized(headers=asks)
        return await handler(request)

    async def _admits(self, request: web.Request) -> bool:
        given = _credentials(request.headers.get("Authorization", ""))
        if given is None:
            return False
        name, password = given[0], given[1][:_SIGNIFICANT]
        users = self.users
        hashed = users.get(name) or _nobody(users.values())
        key = hashlib.sha256(b"\0".join((name.encode(), hashed, password))).digest()
        if name in users and self._right.get(name) == key:
            return True
        if key in self._wrong:
            return False
        asker = _asker(name if name in users else "", request)
        try:
            right = await self._turns.right(key, password, hashed, asker) and name in users
        except QueueFull:
            headers = {"Retry-After": "1"}
            text = "too many password checks in progress, try again\n"
            raise web.HTTPTooManyRequests(headers=headers, text=text) from None
        self._remember(name, key, request, right=right)
        return right

    def _remember(self, name: str, key: bytes, request: web.Request, *, right: bool) -> None:
        if right:
            self._right = {each: kept for each, kept in self._right.items() if each in self.users}
            self._right[name] = key
            return
        if isinstance(request.protocol, Connection):
            request.protocol.refused += 1
        if len(self._wrong) >= _REMEMBERED:
            self._wrong.pop(next(iter(self._wrong)), None)
        self._wrong[key] = None


def _asker(name: str, request: web.Request) -> Asker:
    protocol = request.protocol
    refused = protocol.refused if isinstance(protocol, Connection) else 0
    transport = request.transport

    def gone() -> bool:
        return transport is None or transport.is_closing()

    return Asker(name, request.remote or "", refused, gone)


def _nobody(hashes: Iterable[bytes]) -> bytes:
    """Return a hash that is as dear to compare as the dearest of these."""
    return _NOBODY % max(int(each[_COST]) for each in hashes)


def _credentials(header: str) -> tuple[str, bytes] | None:
    """Return the name and the password of an Authorization header, if it has them."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except ValueError:  # neither base64 nor UTF-8
        return None


@web.middleware
async def same_origin(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 403 to requests from pages of another origin, unless they only read."""
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
    """Is this the origin of the one requested host?"""
    if len(hosts) != 1:
        return False
    try:
        address, host = urlsplit(origin), urlsplit(f"//{hosts[0].strip()}")
        usual = _PORTS.get(address.scheme)
        named, asked = ((each.hostname, each.port or usual) for each in (address, host))
    except ValueError:
        return False
    return named == asked and None not in named
