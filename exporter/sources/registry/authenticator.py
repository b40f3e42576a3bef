"""Authorizations of requests: fetched once, kept while they last, not tried after a refusal."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.credentials import Login, LoginSource, Uncarried, carried
from exporter.sources.registry.messages import Request, Response
from exporter.sources.registry.tokens import Challenge, Send, best_challenge, fetch

MOST: Final = 4096
"""Values: a registry may have very many repositories."""
MOST_BYTES: Final = 16 * 2**20
"""Bytes of all of them."""

Name = TypeVar("Name")
Value = TypeVar("Value")


class BoundedCache(Generic[Name, Value]):
    """Values by name, so many and so large at most; the newest is always kept."""

    def __init__(self, size: Callable[[Name, Value], int]) -> None:
        """`size` returns the bytes of a value and its name."""
        self._size = size
        self._values: dict[Name, Value] = {}
        self._bytes = 0

    def __contains__(self, name: Name) -> bool:
        """Is there a value of this name?"""
        return name in self._values

    def get(self, name: Name) -> Value | None:
        """Return the value of a name, None where there is none."""
        return self._values.get(name)

    def keep(self, name: Name, value: Value) -> None:
        """Keep a value, and forget the oldest where there are too many, or too many bytes."""
        self.forget(name)
        self._values[name] = value
        self._bytes += self._size(name, value)
        while len(self._values) > MOST or (self._bytes > MOST_BYTES and len(self._values) > 1):
            self.forget(next(iter(self._values)))

    def forget(self, name: Name) -> None:
        """Forget a value, where there is one of this name."""
        if name in self._values:
            self._bytes -= self._size(name, self._values.pop(name))


_REFUSALS: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED})
_REFUSED_FOR: Final = 60.0
"""Seconds for which a refused login is not shown again: accounts get locked for less."""
_FAILED_FOR: Final = 5.0
"""Seconds for which those who waited for the same token share its failure."""
_SHOWN_FOR: Final = 300.0
"""Seconds after which a login is looked up anew: files and helpers rotate them."""


@dataclass(slots=True)
class Authorization:
    """The value of an Authorization header, and whose it is."""

    header: str = field(repr=False)
    login: Login | None
    """None where nobody in particular asks."""
    until: float
    """When it expires, on the loop's clock."""
    works: bool = False
    """Has the registry accepted it once?"""


@dataclass(frozen=True, slots=True)
class _Refusal:
    failure: Unseen
    until: float


class Authenticator:
    """The keys of one registry, each fetched once however many wait for it."""

    def __init__(self, registry: Address, credentials: LoginSource, send: Send) -> None:
        """`send` sends a request to a token server."""
        self._registry = registry
        self._credentials = credentials
        self._send = send
        self._learned: Challenge | None = None
        self._wanted: BoundedCache[str, Challenge | None] = BoundedCache(_size_of_challenge)
        """By scope: the challenge to meet, None where nobody needs to."""
        self._held: BoundedCache[Challenge, Authorization | _Refusal] = BoundedCache(_size_of_key)
        self._refused: dict[Login, float] = {}
        self._locks: WeakValueDictionary[Challenge, asyncio.Lock] = WeakValueDictionary()

    @property
    def challenged(self) -> bool:
        """Has the registry ever asked who asks?"""
        return self._learned is not None

    def learn(self, response: Response) -> Challenge | None:
        """Note how a 401 wants to be met; it is expected of other repositories as well."""
        challenge = best_challenge(response.headers.get("www-authenticate", ""))
        self._learned = challenge or self._learned
        return challenge

    async def key(self, request: Request) -> Authorization | None:
        """Return the authorization for a request; None as long as none seems to be needed.

        Raises `Unseen` where the key is known to be out of reach.
        """
        if request.scope not in self._wanted:
            self._wanted.keep(request.scope, await self._expected(request))
        wanted = self._wanted.get(request.scope)
        if wanted is None:
            return None
        held = self._held.get(wanted)
        if isinstance(held, Authorization) and held.until > _now():
            return held
        return await self._obtain(wanted, request)

    async def renewed(
        self, request: Request, response: Response, refused: Authorization | None
    ) -> Authorization:
        """Return the one that a 401 demands, after `refused` did not fit. Raises `Unseen`."""
        challenge = self.learn(response)
        if challenge is None:
            raise Unseen(request.subject, Reason.UNAUTHORIZED, "401 without a way to log in")
        if challenge.scheme == "basic" or not challenge.scope:
            challenge = challenge._replace(scope=request.scope)
        self._wanted.keep(request.scope, challenge)
        if refused is not None and self._held.get(challenge) is refused:
            self._held.forget(challenge)
        return await self._obtain(challenge, request)

    def refuse(self, request: Request, key: Authorization) -> None:
        """Note that a key which was just fetched does not fit: it is not tried for a while."""
        words = "the login does not grant this"
        if key.login is None:
            words = "not shown to anybody without a login"
        elif not key.works:
            words = "the registry does not accept the login"
            self._refused[key.login] = _now() + _REFUSED_FOR
        wanted = self._wanted.get(request.scope)
        if wanted is not None:
            failure = Unseen(request.subject, Reason.UNAUTHORIZED, words)
            self._held.keep(wanted, _Refusal(failure, _now() + _REFUSED_FOR))

    async def _login(self, request: Request) -> Login | None:
        """Look up the login; where that fails, say which file or helper it was."""
        try:
            login = await self._credentials.find(self._registry.host, request.repository)
            return carried(login) if login else None
        except Unseen as failure:
            detail = f"{failure.subject}: {failure.detail}"
            raise Unseen(request.subject, failure.reason, detail) from failure
        except Uncarried as failure:
            raise Unseen(request.subject, Reason.CREDENTIALS, str(failure)) from failure

    async def _expected(self, request: Request) -> Challenge | None:
        """Foresee what a registry demands that has made its demands before: it saves a 401."""
        learned = self._learned
        if learned is None or not request.scope:
            return None
        if learned.scheme == "basic":
            login = await self._login(request)
            if login is None:  # what is shown to everybody stays in sight
                return None
        return learned._replace(scope=request.scope)

    async def _obtain(self, wanted: Challenge, request: Request) -> Authorization:
        lock = self._locks.setdefault(wanted, asyncio.Lock())
        async with lock:
            held = self._held.get(wanted)
            if isinstance(held, Authorization) and held.until > _now():
                return held
            if isinstance(held, _Refusal) and held.until > _now():
                raise Unseen(request.subject, held.failure.reason, held.failure.detail)
            try:
                key = await self._fetch(wanted, request)
            except Unseen as failure:
                lasts = _REFUSED_FOR if failure.reason in _REFUSALS else _FAILED_FOR
                self._held.keep(wanted, _Refusal(failure, _now() + lasts))
                raise Unseen(request.subject, failure.reason, failure.detail) from failure
            self._held.keep(wanted, key)
            return key

    async def _fetch(self, wanted: Challenge, request: Request) -> Authorization:
        login = await self._login(request)
        if login is not None and self._refused.get(login, 0.0) > _now():
            raise Unseen(request.subject, Reason.UNAUTHORIZED, "the login was refused before")
        if wanted.scheme == "basic":
            if login is None or not login.password:
                raise Unseen(
                    request.subject,
                    Reason.UNAUTHORIZED,
                    'no credentials found; run "docker login" or pass --username',
                )
            return Authorization(login.basic, login, _now() + _SHOWN_FOR)
        if login is not None and login.registry_token:
            return Authorization(f"Bearer {login.registry_token}", login, _now() + _SHOWN_FOR)
        try:
            token = await fetch(self._send, wanted, login, secure=self._registry.secure)
        except Unseen as failure:
            if login is not None and failure.reason is Reason.UNAUTHORIZED:
                self._refused[login] = _now() + _REFUSED_FOR
            raise
        return Authorization(f"Bearer {token.text}", login, _now() + token.lasts)


def _size_of_key(wanted: Challenge, held: Authorization | _Refusal) -> int:
    return sum(map(len, wanted)) + (len(held.header) if isinstance(held, Authorization) else 0)


def _size_of_challenge(scope: str, wanted: Challenge | None) -> int:
    return len(scope) + sum(map(len, wanted or ()))


def _now() -> float:
    return asyncio.get_running_loop().time()
