"""May this request come in? Basic authentication, checked without stopping the others."""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
from typing import TYPE_CHECKING, Final

import bcrypt
from aiohttp import web

from exporter.publish.web.tls import holds

if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp.typedefs import Handler

OPEN: Final = "open"
"""Begins the names of the routes that need no password: a kubelet has none."""
_NOBODY: Final = b"$2b$10$abcdefghijklmnopqrstuuT2FCUkXDMVA2rzW2cPPfXb7WRAqzHKa"
"""Compared where the name is unknown, which must take as long as a wrong password does."""
_SIGNIFICANT: Final = 72
"""Bytes of a password that bcrypt looks at; the library refuses longer ones itself."""
_REMEMBERED: Final = 1000


class Gate:
    """The users that are let in, and the verdicts that were paid for already."""

    def __init__(self, users: Mapping[str, bytes]) -> None:
        """Let in these users, by name and bcrypt hash; without any, everybody."""
        self.users = users
        """Replaced when the configuration changes: verdicts are kept for name and hash."""
        self.names: frozenset[str] = frozenset()
        """Of which a client's certificate must hold one; empty: none is asked for."""
        self.headers: Mapping[str, str] = {}
        """What every answer has beside, or instead of, its own headers."""
        self._verdicts: dict[bytes, bool] = {}
        self._turn = asyncio.Semaphore(1)

    @web.middleware
    async def middleware(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        """Answer 401 to whoever is not let in."""
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
        name, password = given
        hashed = self.users.get(name, _NOBODY)
        key = hashlib.sha256(b"\0".join((name.encode(), hashed, password))).digest()
        if key not in self._verdicts:
            async with self._turn:  # One at a time: guessing must not take every processor.
                right = await asyncio.to_thread(bcrypt.checkpw, password[:_SIGNIFICANT], hashed)
            if len(self._verdicts) >= _REMEMBERED:
                self._verdicts.clear()
            self._verdicts[key] = right
        return self._verdicts[key] and name in self.users


def _credentials(header: str) -> tuple[str, bytes] | None:
    """Read a name and a password out of an Authorization header, if they are there."""
    scheme, _, encoded = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(encoded, validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except (binascii.Error, UnicodeDecodeError):
        return None
