"""Sessions: authorized requests to a registry, within its limits, with retries."""

import asyncio
import logging
import random
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Final, Self

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import Pulls
from exporter.facts.snapshot import Role
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Unseen
from exporter.sources.registry.authenticator import Authenticator
from exporter.sources.registry.client import Client
from exporter.sources.registry.credentials import LoginSource, carried
from exporter.sources.registry.kind_facts import UNKNOWN_FACTS, KindFacts
from exporter.sources.registry.kinds import recognised
from exporter.sources.registry.limits import Breaker, Pace, PullBudget, RequestLimits
from exporter.sources.registry.messages import BASE, Request, Response
from exporter.sources.registry.proxy_caches import PROXY_APIS, ProxyCaches
from exporter.sources.registry.responses import (
    Unparsable,
    absence,
    has_proxy_caches,
    missing_project,
    refusal,
    wait_wanted,
)
from exporter.sources.registry.signs import Signs

_LOG: Final = logging.getLogger("pullproof.registry")
_LOST: Final = frozenset({Reason.DNS, Reason.CONNECT, Reason.RESET, Reason.TRUNCATED})
_AGAIN: Final = _LOST | {Reason.RATE_LIMITED, Reason.SERVER_ERROR}
"""Errors that a retry may mend. A timeout is none of them: it has cost enough."""
_CONTENT: Final = frozenset({"manifest", "blob"})
_READS: Final = frozenset({"GET", "HEAD"})
_CONFIG: Final = Request("base", "/config", "/config", most=2**20)
_QUAY_IO: Final = "quay.io"
_OK, _UNAUTHORIZED, _DENIED, _TOO_MANY, _SERVER_ERROR, _AWAY = 200, 401, 403, 429, 500, 503


class Witnesses:
    """Most recent complete small blobs: read again, they show that the registry serves blobs."""

    _largest: Final = 2**16
    """Maximum bytes of each: most configurations are smaller."""

    def __init__(self) -> None:
        self._last: deque[tuple[Repository, Descriptor]] = deque(maxlen=2)

    def add(self, repository: Repository, blob: Descriptor) -> None:
        """Note a complete blob."""
        known = any(each.digest == blob.digest for _, each in self._last)
        if not known and blob.size is not None and 0 < blob.size <= self._largest:
            self._last.append((repository, blob))

    def other_than(self, digest: Digest) -> tuple[Repository, Descriptor] | None:
        """Return a blob other than this one, or None."""
        return next((each for each in self._last if each[1].digest != digest), None)


class Session:
    """Requests to one registry, over its connections and with its logins."""

    def __init__(
        self,
        name: str,
        client: Client,
        logins: LoginSource,
        limits: RequestLimits,
        pace: Pace | None = None,
    ) -> None:
        """`name` is the label of the registry in metrics and logs."""
        self.name, self.limits = name, limits
        self.tally = client.tally
        """Counts of requests, those of further connections included."""
        self.address = client.registry.base
        """Address of the registry: `scheme://host[:port]`."""
        self._client, self._logins = client, logins
        self._pace = pace or Pace(name, limits, client.tally)
        self._breaker = Breaker(name, limits)
        self.pull_budget = PullBudget()
        """Pull limit, shared with further connections."""
        self.witnesses = Witnesses()
        """Complete small blobs, shared with further connections."""
        self.caches = ProxyCaches(client.registry.host, self._ask_api)
        """Proxy caches that its API names, shared with further connections."""
        self._authenticator = Authenticator(client.registry, logins, self._ask_for_token)
        self._shown_to_all: bool | None = None
        self._listed_to_login = False
        self.origin: Session | None = None
        """Session whose answers show the same registry's kind; None if it has none."""
        self._asked = self._noted = False
        self._host = client.registry.host
        self._headers: Mapping[str, str] = {}
        """Signs in the answers of `/v2/`."""
        self.evicts: bool | None = None
        """May reads extend the expiry of its proxy caches? None before it was asked."""
        self.ranges: bool | None = None
        """Does it serve ranges of blobs? None before the first answer."""

    @property
    def signs(self) -> Signs:
        """Signs of its kind in the answers so far."""
        if self.origin is not None and not self._asked:
            return self.origin.signs
        challenge = self._authenticator.greeting
        where = (challenge.realm, challenge.service) if challenge else ()
        return Signs(self._host, self._headers, *where)

    @property
    def facts(self) -> KindFacts:
        """Facts about its kind, as far as it is recognised."""
        return recognised(self.signs)[1]

    def of_other(self, logins: LoginSource) -> "Session":
        """Return a session with other logins, over the same connections and limits."""
        other = Session(self.name, self._client, logins, self.limits, self._pace)
        other.origin, other.caches = self, self.caches
        return other

    def beside(self) -> Self:
        """Return a session over a connection of its own: one request at a time."""
        limits = replace(self.limits, concurrency=1)
        client, pace = self._client.beside(limits), self._pace.beside(limits)
        other = type(self)(self.name, client, self._logins, limits, pace)
        other.origin, other.pull_budget = self, self.pull_budget
        other.witnesses, other.evicts, other.caches = self.witnesses, self.evicts, self.caches
        return other

    async def aclose(self) -> None:
        """Close every connection; a request afterwards opens another."""
        await self._client.aclose()

    async def __aenter__(self) -> Self:
        """Return the session, open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self.aclose()

    async def send(self, request: Request) -> Response:
        """Send a request. Raises `Unseen` for 401, 403, 429, 5xx and without a response.

        No request concerns a repository in a pull-through cache, with any login: each may fetch
        from upstream, a HEAD of a tag too (distribution 2.8 and Harbor 2.15.2, run; Quay extends
        its expiry, run).
        """
        if request.repository and self.limits.proxied(request.repository):
            raise Unseen(request.subject, Reason.BY_DESIGN, "in a pull-through cache")
        self._breaker.admit(request.subject, _now())
        await self._check_cache(request)
        if request.endpoint in _CONTENT and request.method in _READS:
            await self._count(request)
        counted = request.endpoint == "manifest" and request.method == "GET"
        if not counted or self.limits.pulls is Pulls.UNCOUNTED:
            return await self._decided(self._patiently(lambda: self._authorized(request)))
        with self.pull_budget.reading(request.subject, _now()):
            return await self._decided(self._patiently(lambda: self._authorized(request)))

    async def _count(self, request: Request) -> None:
        """Note the first counted request. Raises `Unseen` for one without consent.

        So the kind must be recognised before any content is read.
        """
        if self.limits.pulls is Pulls.UNCOUNTED:
            return
        if self.limits.pulls is Pulls.ASK:
            unasked = self.facts.caches.value and self.evicts is None and not self._asked
            if request.endpoint == "manifest" and (unasked or not self.recognizable):
                await self._recognize()
            self.check_consent(request.subject, request.method, request.endpoint)
        facts = self.facts
        if not self._noted and (changed := facts.effects(request.method, request.endpoint)):
            self._noted = True
            words = ", ".join(sorted(changed))
            _LOG.info("%s: %s counts what is read: %s", self.name, facts.title, words)

    async def _check_cache(self, request: Request) -> None:
        """Raise `Unseen` for a repository in a proxy cache that no part names."""
        facts, at = self.facts, request.repository
        api = PROXY_APIS.get(facts.name)
        if not at or api is None or self.limits.named(at):
            return
        if await self.caches.holds(at, api):
            cache = at.partition("/")[0]
            words = (
                f"{facts.title}'s {api.noun} {cache} is a proxy cache: reads fetch from upstream"
            )
            way = f"name {cache}/* in parts with role: proxy, or with role: owned to read it"
            raise Unseen(request.subject, Reason.CONSENT, f"{words}; {way}")

    async def _ask_api(self, request: Request) -> Response:
        """Send a request to its own API, on the same host, with its login. Raises `Unseen`."""
        login = await self._logins.find(self._host, request.repository)
        shown = carried(login).basic if login is not None and login.password else ""
        return await self._once(request, shown)

    @property
    def differs_by_login(self) -> bool:
        """Is the registry public, although a list was requested with a login?"""
        return bool(self._shown_to_all) and self._listed_to_login

    @property
    def recognizable(self) -> bool:
        """Is its kind known, or was `/v2/` answered, which shows it if anything does?"""
        known = self._asked or self.facts is not UNKNOWN_FACTS
        return known or (self.origin is not None and self.origin.recognizable)

    async def silent(self) -> bool:
        """Are manifests read among the blobs, which changes no record? Raises `Unseen`."""
        if self.limits.pulls is Pulls.ASK and not self.recognizable:
            await self._recognize()
        return self.facts.silent.value

    async def _recognize(self) -> None:
        """Request `/v2/`: the headers of any answer show the kind. Raises `Unseen`."""
        try:
            await self.ping()
        except Unseen:
            if not self._asked:
                raise

    def check_consent(self, subject: str, method: str = "GET", endpoint: str = "manifest") -> None:
        """Raise `Unseen` for a read that a cleanup decides by, without consent."""
        facts = self.facts
        changed = facts.decisive(method, endpoint)
        if changed and self.limits.pulls is Pulls.ASK:
            words = f"{facts.title} cleans up by {', '.join(sorted(changed))}, and reads change it"
            way = "set pulls: accept, or pulls: uncounted with an account that it does not count"
            raise Unseen(subject, Reason.CONSENT, f"{words}; {way}")
        asks = facts.caches.value and self.limits.pulls is Pulls.ASK
        if asks and self.evicts is not False and endpoint == "manifest":
            have = "has" if self.evicts else "may have (/config does not tell)"
            words = (
                f"{facts.title} {have} proxy caches, and reads move the expiry that evicts there"
            )
            way = "name them in parts with role: proxy, or set pulls: accept"
            raise Unseen(subject, Reason.CONSENT, f"{words}; {way}")

    async def ping(self) -> None:
        """Does it answer at all? Without limits; a response closes the circuit breaker."""
        response = await self._decided(self._patiently(lambda: self._once(BASE, "")))
        self._asked, self._headers = True, {} if response.foreign else response.headers
        if response.status == _UNAUTHORIZED and not response.foreign:
            self._authenticator.greet(response)
        elif response.media_type == "text/html" or response.status not in (_OK, _DENIED):
            raise refusal(response, BASE.subject)
        else:
            self._authenticator.offer(response)
        self._shown_to_all = response.status == _OK
        if (most := self.facts.at_once.value) is not None:
            self._pace.limit(most)
        if self.limits.pulls is Pulls.ASK and self.facts.caches.value and self.evicts is None:
            self.evicts = await self._has_caches()

    async def _has_caches(self) -> bool | None:
        """Does it have proxy caches that no part names? None if it does not state that.

        Quay's public `/config` states whether it may have any (endpoints/web.py), and nothing that
        a robot may request names them. On quay.io they are enabled for all, and few use them.
        """
        roles = (self.limits.role, *(each.role for each in self.limits.parts))
        if Role.PROXY in roles or self._host == _QUAY_IO:
            return False
        try:
            return has_proxy_caches(await self._once(_CONFIG, ""))
        except Unseen:
            return None

    async def absence(self, response: Response, subject: str) -> Absent:
        """Return the absence that a response proves to this account. Raises `Unseen` for others.

        A registry answers 404 for a repository that is hidden from an account.
        """
        absent = absence(response, subject)
        if absent.code == "NAME_UNKNOWN" and response.anonymous:
            if self._shown_to_all is None:
                await self.ping()
            if not self._shown_to_all or self._authenticator.challenged:
                words = "not there, or hidden from those without a login"
                raise Unseen(subject, Reason.DENIED, words)
        return absent

    async def _decided(self, outcome: Awaitable[Response]) -> Response:
        """Report the outcome to the circuit breaker."""
        try:
            response = await outcome
        except Unseen as failure:
            self._breaker.failed(failure, self._client.signs, _now())
            raise
        self._breaker.answered()
        return response

    async def _patiently(self, attempt: Callable[[], Awaitable[Response]]) -> Response:
        """Retry where that may help, a few times, after growing pauses."""
        for tried in range(1, self.limits.tries + 1):
            try:
                return await attempt()
            except Unseen as failure:
                settled = isinstance(failure, Unparsable) or failure.reason not in _AGAIN
                if settled or tried == self.limits.tries:
                    raise
                self.tally.retries += 1
                _LOG.debug("%s, tried %d times", failure, tried)
            await asyncio.sleep(self._backoff(tried))
        raise AssertionError("a request is sent at least once")

    def _backoff(self, tried: int) -> float:
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, keeps no secret
        longest: float = self.limits.backoff * 2 ** (tried - 1)
        return min(longest, self.limits.pause_cap) * jitter

    async def _authorized(self, request: Request) -> Response:
        """Send a request with its authorization; a refused one is replaced once."""
        shown = await self._authenticator.authorize(request)
        response = await self._once(request, shown.header if shown else "")
        if _refuses(request, response) and self._authenticator.spurns(response, shown):
            shown, response = None, await self._once(request, "")
        if _refuses(request, response):
            shown = await self._authenticator.renew(request, response, shown)
            response = await self._once(request, shown.header)
            if _refuses(request, response):
                raise await self._authenticator.reject(request, shown)
        if response.status == _UNAUTHORIZED and not (
            response.foreign or _refuses(request, response)
        ):
            return response
        if response.status in (_UNAUTHORIZED, _DENIED):
            raise refusal(response, request.subject)
        if shown is not None:
            response.anonymous = response.foreign or not self._authenticator.accept(request, shown)
            self._listed_to_login |= bool(request.lists) and not response.anonymous
        if request.lists:
            response.doubt = await self._authenticator.doubt(request, shown)
        return response

    async def _ask_for_token(self, request: Request, authorization: str) -> Response:
        return await self._patiently(lambda: self._once(request, authorization))

    async def _once(self, request: Request, authorization: str) -> Response:
        """Send a request within the limits. Raises `Unseen` for 429 and 5xx as well."""
        async with self._pace:
            response = await self._client.send(request, authorization)
        if request.endpoint == "manifest" and not response.foreign:
            self.pull_budget.note(response.headers, _now())
        if response.status < _SERVER_ERROR and response.status != _TOO_MANY:
            self._pace.went_well()
            return response
        wanted = wait_wanted(response)
        if response.status == _TOO_MANY or (response.status == _AWAY and wanted is not None):
            self._pace.pause(self.limits.backoff if wanted is None else wanted)
        raise refusal(response, request.subject)


def _refuses(request: Request, response: Response) -> bool:
    """Is it a 401 of the registry that a login may answer?

    Not if it states that a project does not exist, nor a HEAD's without a challenge: GET then shows
    which of both it is.
    """
    if response.status != _UNAUTHORIZED or response.foreign:
        return False
    if request.method == "HEAD" and not response.challenged:
        return False
    return not missing_project(response, request.repository)


def _now() -> float:
    return asyncio.get_running_loop().time()
