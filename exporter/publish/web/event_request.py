"""The handler of POST /-/events/NAME: takes the events of a registry that shows its token."""

import asyncio
import hashlib
import hmac
import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from aiohttp import web

from exporter.facts.focus import ImageEvent
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.screen import plain
from exporter.sources.events import read
from exporter.tally import EventTally

_LARGEST: Final = 256 << 10
"""Bytes of a message: distribution's have 1 KB, Gitea's 3, and GitHub's 20 and more."""
_FRESH: Final = 5.0
"""Seconds until a token is read again."""
_UNPROVEN: Final = 32
"""Bodies that are held at once before it is known who sends them."""
_PATIENCE: Final = 10.0
"""Seconds in which a body must have come; GitHub waits so long for the answer."""
_LONGEST: Final = 300
"""Maximum characters of an answer that repeats input."""
_SIGNATURE: Final = "X-Hub-Signature-256"
"""GitHub's header, which Gitea and Forgejo send as well: `sha256=` and the HMAC of the body."""
_UNAUTHORIZED: Final = (
    "no valid token: send Authorization: Bearer and what events.token_file holds, or sign with it\n"
)


@dataclass(slots=True)
class EventReceiver:
    """The receiver of the events of one registry."""

    read_token: Callable[[], str]
    """Reads the token anew, since it is rotated; raises `Unseen`."""
    take: Callable[[Iterable[ImageEvent | None]], None]
    """Takes events and returns at once."""
    tally: EventTally
    _token: bytes = field(default=b"", init=False, repr=False)
    _read_at: float = field(default=-math.inf, init=False)
    _reading: asyncio.Lock = field(default_factory=asyncio.Lock, init=False, repr=False)

    async def knows(self, proves: Callable[[bytes], bool]) -> bool:
        """Is the token proven? One that was just read is read again before that is denied.

        Requests that wait for the same reading share it. Raises `Unseen`.
        """
        now = asyncio.get_running_loop().time
        came = now()
        if came - self._read_at < _FRESH and proves(self._token):
            return True
        async with self._reading:
            if self._read_at < came:
                began = now()
                # In a thread, and in one only: the file may be on a disk that hangs.
                self._token = (await asyncio.to_thread(self.read_token)).encode()
                self._read_at = began
        return proves(self._token)


FindReceiver = Callable[[str], EventReceiver | None]
"""Returns the receiver of a registry's events, by name; None if there is none."""


def no_receiver(_: str) -> EventReceiver | None:
    """Return None: no registry is configured."""
    return None


@dataclass(slots=True)
class EventRequests:
    """The handler. Nothing of a request is kept but the names in it, once it has shown the token.

    A sender repeats what is not accepted, and what comes after waits: so what is readable is
    accepted, whatever it names.
    """

    find: FindReceiver
    unproven: int = field(default=0, init=False)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer 202; 401 without the token, 404 for another name; 400, 408, 413 by the body."""
        name = request.match_info["registry"]
        receiver = self.find(name)
        if receiver is None:
            words = f"no events are taken for {plain(name)[:_LONGEST]}: see registries[].events\n"
            raise web.HTTPNotFound(text=words)
        try:
            events = read(request.headers, await self._body(request, receiver))
        except Malformed as error:
            receiver.tally.note("refused")
            raise web.HTTPBadRequest(text=f"{plain(str(error))[:_LONGEST]}\n") from None
        except web.HTTPException:
            receiver.tally.note("refused")
            raise
        receiver.take(events)
        return web.Response(status=202, text="accepted\n")

    async def _body(self, request: web.Request, receiver: EventReceiver) -> bytes:
        """Return the body of a request that shows the token, or is signed with it."""
        shown = request.headers.getall("Authorization", [])
        signed = request.headers.getall(_SIGNATURE, [])
        try:
            if len(shown) == 1 and await receiver.knows(lambda token: _shows(shown[0], token)):
                return await _whole(request)
            if shown or len(signed) != 1:
                raise _unauthorized()
            body = await self._unproven(request)
            if not await receiver.knows(lambda token: _signs(signed[0], body, token)):
                raise _unauthorized()
        except Unseen as unseen:
            text = f"the token cannot be read: {unseen.reason}\n"
            raise web.HTTPServiceUnavailable(text=text) from None
        return body

    async def _unproven(self, request: web.Request) -> bytes:
        """Return a body before it is known who sends it."""
        if self.unproven >= _UNPROVEN:
            words = "too many signed messages at once, try again\n"
            raise web.HTTPServiceUnavailable(text=words, headers={"Retry-After": "1"})
        self.unproven += 1
        try:
            return await _whole(request)
        finally:
            self.unproven -= 1


def _shows(authorization: str, token: bytes) -> bool:
    """Does the header show the token?"""
    scheme, _, shown = authorization.partition(" ")
    return scheme.lower() == "bearer" and _same(shown.strip(), token)


def _signs(signature: str, body: bytes, token: bytes) -> bool:
    """Was the body signed with the token?"""
    code = hmac.new(token, body, hashlib.sha256).hexdigest()
    return _same(signature, f"sha256={code}".encode())


def _same(given: str, known: bytes) -> bool:
    """Compare in constant time."""
    return hmac.compare_digest(given.encode(errors="surrogateescape"), known)


def _unauthorized() -> web.HTTPUnauthorized:
    asks = {"WWW-Authenticate": 'Bearer realm="pullproof"'}
    return web.HTTPUnauthorized(text=_UNAUTHORIZED, headers=asks)


async def _whole(request: web.Request) -> bytes:
    """Return the body. Raises `Malformed`; answers 408 to a slow one, 413 to a large one unread."""
    if "Content-Encoding" in request.headers:
        raise Malformed("Content-Encoding: send the body as it is")
    body, stated = bytearray(), request.content_length or 0
    if stated <= _LARGEST:
        try:
            async with asyncio.timeout(_PATIENCE):
                async for part in request.content.iter_any():
                    body += part
                    if len(body) > _LARGEST:
                        break
        except TimeoutError:
            words = f"the body did not come within {_PATIENCE:g} seconds\n"
            raise web.HTTPRequestTimeout(text=words) from None
        except (web.RequestPayloadError, ConnectionError):
            raise Malformed("the body ends early") from None
    if max(stated, len(body)) > _LARGEST:
        words = f"a message of more than {_LARGEST >> 10} KiB\n"
        raise web.HTTPRequestEntityTooLarge(_LARGEST, max(stated, len(body)), text=words)
    return bytes(body)
