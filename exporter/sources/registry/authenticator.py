"""Authorizations of requests: fetched once, cached, and not retried after a refusal."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final, Generic, TypeVar
from weakref import WeakValueDictionary

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.credentials import Login, LoginSource, Uncarried, carried
from exporter.sources.registry.messages import BASE, Request, Response
from exporter.sources.registry.tokens import Challenge, Send, best_challenge, fetch

MOST: Final = 4096
"""Maximum values of a cache: a registry may have very many repositories."""
MOST_BYTES: Final = 16 * 2**20
"""Maximum bytes of all values."""
_REFUSALS: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED})
_REFUSED_FOR: Final = 60.0
"""Seconds until a refused login is sent again: fewer would lock accounts."""
_FAILED_FOR: Final = 5.0
"""Seconds for which requests that waited for the same token share its failure."""
_SHOWN_FOR: Final = 300.0
"""Seconds after which a login is looked up again: files and helpers rotate them."""

_LENIENT: Final = "harbor-registry"
"""Service of a token server that gives tokens to wrong logins too (Harbor 2.15.2, run)."""
_PARTIAL: Final = (
    "its token server grants no catalogue: this is what the account may see, maybe a part"
)
_NOT_ASKED_FOR: Final = "the registry asked for no login: it may show more with one"

Doubt = tuple[Reason, str]
Name = TypeVar("Name")
Value = TypeVar("Value")


class BoundedCache(Generic[Name, Value]):
    """Cache of values by name, bounded in number and bytes; the newest is always kept."""

    def __init__(self, size: Callable[[Name, Value], int]) -> None:
        """`size` returns the bytes of a value and its name."""
        self._size = size
        self._values: dict[Name, Value] = {}
        self._bytes = 0

    def __contains__(self, name: Name) -> bool:
        return name in self._values

    def get(self, name: Name) -> Value | None:
        """Return the value of a name, or None."""
        return self._values.get(name)

    def keep(self, name: Name, value: Value) -> None:
        """Store a value, and drop the oldest ones beyond the bounds."""
        self.forget(name)
        self._values[name] = value
        self._bytes += self._size(name, value)
        while len(self._values) > MOST or (self._bytes > MOST_BYTES and len(self._values) > 1):
            self.forget(next(iter(self._values)))

    def forget(self, name: Name) -> None:
        """Drop the value of a name, if there is one."""
        if name in self._values:
            self._bytes -= self._size(name, self._values.pop(name))


@dataclass(slots=True)
class Authorization:
    """The value of an Authorization header, and its login."""

    header: str = field(repr=False)
    login: Login | None
    """None is anonymous."""
    until: float
    """Expiry, on the loop's clock."""
    works: bool = False
    """Has the registry accepted it once?"""
    scoped: bool = True
    """Is its scope the requested one? A token for the catalogue may have none."""
    unasked: Challenge | None = None
    """The challenge that it was made for, if it was sent without one."""


@dataclass(frozen=True, slots=True)
class _Refusal:
    failure: Unseen
    until: float


class Authenticator:
    """Authorizations of one registry, each fetched once for all requests that wait for it."""

    def __init__(self, registry: Address, logins: LoginSource, send: Send) -> None:
        """`send` sends a request, to a token server too."""
        self._registry, self._logins, self._send = registry, logins, send
        self._learned: Challenge | None = None
        self._greeting: Challenge | None = None
        self._offered: Challenge | None = None
        """Challenge of a registry that also answers without a login: zot sends one with its 200."""
        self._spurned = False
        """Was a login refused that was sent without a challenge?"""
        self._challenges: BoundedCache[str, Challenge | None] = BoundedCache(
            lambda scope, challenge: len(scope) + sum(map(len, challenge or ()))
        )
        """Challenge by scope; None if no login is needed."""
        self._kept: BoundedCache[Challenge, Authorization | _Refusal] = BoundedCache(_size)
        self._refused: dict[Login, float] = {}
        self._worked: Login | None = None
        """The last accepted login."""
        self._locks: WeakValueDictionary[Challenge, asyncio.Lock] = WeakValueDictionary()

    @property
    def challenged(self) -> bool:
        """Has the registry ever sent a challenge?"""
        return self._learned is not None or self._spurned

    @property
    def known(self) -> Challenge | None:
        """Challenges of a registry, as far as they are known."""
        return self._learned or self._offered

    @property
    def greeting(self) -> Challenge | None:
        """Challenge of `/v2/`, which shows the kind; also that of others, until it is known."""
        return self._greeting or self.known

    def greet(self, response: Response) -> None:
        """Note the challenge of `/v2/`. That of Harbor's catalogue differs."""
        self._greeting = self.learn(response)

    def offer(self, response: Response) -> None:
        """Note the challenge of a registry that answers without a login."""
        self._offered = best_challenge(response.headers.get("www-authenticate", ""))

    def learn(self, response: Response) -> Challenge | None:
        """Note the challenge of a 401; other repositories are expected to send the same."""
        challenge = best_challenge(response.headers.get("www-authenticate", ""))
        self._learned = challenge or self._learned
        return challenge

    async def authorize(self, request: Request) -> Authorization | None:
        """Return the authorization of a request; None while none seems to be needed.

        Raises `Unseen` if it is known to be unobtainable.
        """
        if request.scope not in self._challenges:
            self._challenges.keep(request.scope, await self._expected(request))
        if challenge := self._challenges.get(request.scope):
            return await self._obtain(challenge, request)
        return await self._unasked(request) if request.lists else None

    async def _unasked(self, request: Request) -> Authorization | None:
        """Return the authorization of a login without a challenge, if the answer may depend on it.

        It is Basic if no challenge is known, as crane does: over TLS, or over plain http, if
        configured. A refused login is not sent again for a while.
        """
        login = None
        with suppress(Unseen):  # `doubt` tells why there is none
            login = await self._login(request)
        if login is None or self._is_refused(login):
            return None
        if (known := self.known) is None:
            if not (login.password or login.registry_token):
                return None  # only a token server could take it, and none is known
            known = Challenge("bearer" if login.registry_token else "basic", "")
        challenge = known._replace(scope=request.scope)
        shown = await self._obtain(challenge, request)
        shown.unasked = challenge
        return shown

    def spurns(self, response: Response, shown: Authorization | None) -> bool:
        """Did a 401 refuse a login that was sent without a challenge? Others may be let in."""
        if shown is None or shown.unasked is None or shown.login is None:
            return False
        challenge = best_challenge(response.headers.get("www-authenticate", ""))
        if challenge is not None and challenge.scheme != shown.unasked.scheme:
            return False  # it wants to be met in another way
        self._spurned, self._offered = True, challenge or self._offered
        self._refused[shown.login] = _now() + _REFUSED_FOR
        self._kept.forget(shown.unasked)
        return True

    def accept(self, request: Request, shown: Authorization) -> bool:
        """Note an accepted authorization; return whether it proves the login."""
        shown.works = True
        if shown.unasked is not None:
            if not (self.known or self._spurned):
                return False  # it may look at no login at all
            self._challenges.keep(request.scope, shown.unasked)
        self._worked = shown.login or self._worked
        return shown.login is not None

    async def doubt(self, request: Request, shown: Authorization | None) -> Doubt | None:
        """Return why a list may lack entries that the configured login could see."""
        if shown is not None and not shown.scoped:
            return Reason.INCOMPLETE_LIST, _PARTIAL
        try:
            login = await self._login(request)
            if login is None:
                return None if request.repository else await self._doubt_of_parts()
        except Unseen as failure:
            return failure.reason, failure.detail
        if self._is_refused(login):
            return Reason.UNAUTHORIZED, "the login is refused: it shows what anybody may see"
        if shown is not None and self.known:
            return None
        # A repository's tags are hidden from others as a whole: only a catalogue is shown in part.
        return None if request.repository else (Reason.CREDENTIALS, _NOT_ASKED_FOR)

    async def _doubt_of_parts(self) -> Doubt | None:
        """Return why a catalogue may not be all where only namespaces have logins."""
        named = await self._logins.namespaces(self._registry.host)
        if not named:
            return None
        more = f" and {len(named) - 1} more" if len(named) > 1 else ""
        words = f"credentials are only for {named[0]}{more}: this is what anybody may see"
        return Reason.CREDENTIALS, words

    def _is_refused(self, login: Login) -> bool:
        return self._refused.get(login, 0.0) > _now()

    async def renew(
        self, request: Request, response: Response, refused: Authorization | None
    ) -> Authorization:
        """Return the authorization that a 401 demands, after `refused`. Raises `Unseen`."""
        challenge = self.learn(response)
        if challenge is None:
            raise Unseen(request.subject, Reason.UNAUTHORIZED, "401 without a way to log in")
        if challenge.scheme == "basic" or not challenge.scope:
            challenge = challenge._replace(scope=request.scope)
        self._challenges.keep(request.scope, challenge)
        if refused is not None and self._kept.get(challenge) is refused:
            self._kept.forget(challenge)
        if refused is not None and refused.login is not None:
            self._expire(refused.login)
        return await self._obtain(challenge, request)

    def _expire(self, login: Login) -> bool:
        """Drop a login that is refused after it was accepted; return whether there was one."""
        if login != self._worked:
            return False
        self._logins.forget(login)
        self._worked = None
        return True

    async def reject(self, request: Request, refused: Authorization) -> Unseen:
        """Note that a new authorization was refused; it is not tried again for a while.

        Return why. A wrong login is not sent any more; one without this right is used elsewhere.
        """
        words = "the login is right, and does not grant this"
        if refused.login is None:
            words = "not shown to anybody without a login"
        elif not (refused.works or await self._is_right(refused.login, request)):
            words = "the registry does not accept the login"
            self._refused[refused.login] = _now() + _REFUSED_FOR
        failure = Unseen(request.subject, Reason.UNAUTHORIZED, words)
        if challenge := self._challenges.get(request.scope):
            self._kept.keep(challenge, _Refusal(failure, _now() + _REFUSED_FOR))
        return failure

    async def _is_right(self, login: Login, request: Request) -> bool:
        """Is a login that was refused for a request right, as far as that can be established?

        A token server has accepted it. Harbor's treats a wrong one as anonymous, unless no scope is
        requested, as by `docker login`. With Basic, `/v2/` decides after a list was refused; a
        password is not sent twice for content.
        """
        if login == self._worked or self._is_refused(login):
            return login == self._worked
        met, greeting = self._challenges.get(request.scope), self._greeting
        if greeting is not None and greeting.service == _LENIENT:
            return await self._gets_token(greeting._replace(scope=""), login)
        if met is None or met.scheme != "basic":
            return met is not None and not login.registry_token
        return request.lists and greeting is not None and await self._is_let_in(login)

    async def _gets_token(self, challenge: Challenge, login: Login) -> bool:
        with suppress(Unseen):
            await fetch(self._send, challenge, login, secure=self._registry.secure)
            return True
        return False

    async def _is_let_in(self, login: Login) -> bool:
        with suppress(Unseen):
            return (await self._send(BASE, login.basic)).ok
        return False

    async def _login(self, request: Request) -> Login | None:
        """Look up the login; an error names its file or helper."""
        try:
            login = await self._logins.find(self._registry.host, request.repository)
            return carried(login) if login else None
        except Unseen as failure:
            detail = f"{failure.subject}: {failure.detail}"
            raise Unseen(request.subject, failure.reason, detail) from failure
        except Uncarried as failure:
            raise Unseen(request.subject, Reason.CREDENTIALS, str(failure)) from failure

    async def _expected(self, request: Request) -> Challenge | None:
        """Predict the challenge of a registry that has sent challenges before: it saves a 401."""
        learned = self._learned
        if learned is None or not request.scope:
            return None
        if learned.scheme == "basic":
            login = await self._login(request)
            if login is None or self._is_refused(login):
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
        if login is not None and self._is_refused(login):
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
                if self._expire(login):
                    return await self._fetch(challenge, request)
            raise
        until = _now() + token.lasts
        return Authorization(f"Bearer {token.text}", login, until, scoped=token.scoped)


def _size(challenge: Challenge, kept: Authorization | _Refusal) -> int:
    return sum(map(len, challenge)) + (len(kept.header) if isinstance(kept, Authorization) else 0)


def _now() -> float:
    return asyncio.get_running_loop().time()
