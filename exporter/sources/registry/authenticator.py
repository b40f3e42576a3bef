"""Authorizations of requests: fetched once, kept while they last, not tried after a refusal."""

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
"""Values in a cache: a registry may have very many repositories."""
MOST_BYTES: Final = 16 * 2**20
"""Bytes of all of them."""
_REFUSALS: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED})
_REFUSED_FOR: Final = 60.0
"""Seconds for which a refused login is not shown again: accounts get locked for less."""
_FAILED_FOR: Final = 5.0
"""Seconds for which those who waited for the same token share its failure."""
_SHOWN_FOR: Final = 300.0
"""Seconds after which a login is looked up anew: files and helpers rotate them."""

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


@dataclass(slots=True)
class Authorization:
    """The value of an Authorization header, and whose it is."""

    header: str = field(repr=False)
    login: Login | None
    """None is anonymous."""
    until: float
    """When it expires, on the loop's clock."""
    works: bool = False
    """Has the registry accepted it once?"""


@dataclass(frozen=True, slots=True)
class _Refusal:
    failure: Unseen
    until: float


class Authenticator:
    """The authorizations of one registry, each fetched once however many wait for it."""

    def __init__(self, registry: Address, logins: LoginSource, send: Send) -> None:
        """`send` sends a request to a token server."""
        self._registry, self._logins, self._send = registry, logins, send
        self._learned: Challenge | None = None
        self._challenges: BoundedCache[str, Challenge | None] = BoundedCache(
            lambda scope, challenge: len(scope) + sum(map(len, challenge or ()))
        )
        """By scope: the one to meet, None where nobody needs to."""
        self._kept: BoundedCache[Challenge, Authorization | _Refusal] = BoundedCache(_size)
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

    async def authorize(self, request: Request) -> Authorization | None:
        """Return the authorization of a request; None as long as none seems to be needed.

        Raises `Unseen` where it is known to be out of reach.
        """
        if request.scope not in self._challenges:
            self._challenges.keep(request.scope, await self._expected(request))
        challenge = self._challenges.get(request.scope)
        return await self._obtain(challenge, request) if challenge else None

    async def renew(
        self, request: Request, response: Response, refused: Authorization | None
    ) -> Authorization:
        """Return the one that a 401 demands, after `refused` did not fit. Raises `Unseen`."""
        challenge = self.learn(response)
        if challenge is None:
            raise Unseen(request.subject, Reason.UNAUTHORIZED, "401 without a way to log in")
        if challenge.scheme == "basic" or not challenge.scope:
            challenge = challenge._replace(scope=request.scope)
        self._challenges.keep(request.scope, challenge)
        if refused is not None and self._kept.get(challenge) is refused:
            self._kept.forget(challenge)
        return await self._obtain(challenge, request)

    def reject(self, request: Request, refused: Authorization) -> None:
        """Note that one which was just fetched does not fit: it is not tried for a while."""
        words = "the login does not grant this"
        if refused.login is None:
            words = "not shown to anybody without a login"
        elif not refused.works:
            words = "the registry does not accept the login"
            self._refused[refused.login] = _now() + _REFUSED_FOR
        if challenge := self._challenges.get(request.scope):
            failure = Unseen(request.subject, Reason.UNAUTHORIZED, words)
            self._kept.keep(challenge, _Refusal(failure, _now() + _REFUSED_FOR))

    async def _login(self, request: Request) -> Login | None:
        """Look up the login; where that fails, say which file or helper it was."""
        try:
            login = await self._logins.find(self._registry.host, request.repository)
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
        if learned.scheme == "basic" and await self._login(request) is None:
            return None  # what is shown to everybody stays in sight
        return learned._replace(scope=request.scope)

    async def _obtain(self, challenge: Challenge, request: Request) -> Authorization:
        async with self._locks.setdefault(challenge, asyncio.Lock()):
            kept = self._kept.get(challenge)
            if kept is not None and kept.until > _now():
                if isinstance(kept, Authorization):
                    return kept
                raise Unseen(request.subject, kept.failure.reason, kept.failure.detail)
            try:
                fetched = await self._fetch(challenge, request)
            except Unseen as failure:
                lasts = _REFUSED_FOR if failure.reason in _REFUSALS else _FAILED_FOR
                self._kept.keep(challenge, _Refusal(failure, _now() + lasts))
                raise Unseen(request.subject, failure.reason, failure.detail) from failure
            self._kept.keep(challenge, fetched)
            return fetched

    async def _fetch(self, challenge: Challenge, request: Request) -> Authorization:
        login = await self._login(request)
        if login is not None and self._refused.get(login, 0.0) > _now():
            raise Unseen(request.subject, Reason.UNAUTHORIZED, "the login was refused before")
        if challenge.scheme == "basic":
            if login is None or not login.password:
                words = 'no credentials found; run "docker login" or pass --username'
                raise Unseen(request.subject, Reason.UNAUTHORIZED, words)
            return Authorization(login.basic, login, _now() + _SHOWN_FOR)
        if login is not None and login.registry_token:
            return Authorization(f"Bearer {login.registry_token}", login, _now() + _SHOWN_FOR)
        try:
            token = await fetch(self._send, challenge, login, secure=self._registry.secure)
        except Unseen as failure:
            if login is not None and failure.reason is Reason.UNAUTHORIZED:
                self._refused[login] = _now() + _REFUSED_FOR
            raise
        return Authorization(f"Bearer {token.text}", login, _now() + token.lasts)


def _size(challenge: Challenge, kept: Authorization | _Refusal) -> int:
    return sum(map(len, challenge)) + (len(kept.header) if isinstance(kept, Authorization) else 0)


def _now() -> float:
    return asyncio.get_running_loop().time()
