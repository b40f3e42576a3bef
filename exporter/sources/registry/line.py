"""How is a question put until it is answered: with a key, at the registry's pace, maybe again?"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Final

from exporter.facts.gap import Reason
from exporter.ports import Absent, Unseen
from exporter.sources.registry.answers import absence, refusal, wait_wanted
from exporter.sources.registry.breaker import Breaker
from exporter.sources.registry.credentials import Credentials
from exporter.sources.registry.keys import Keys
from exporter.sources.registry.limits import Limits
from exporter.sources.registry.pace import Pace
from exporter.sources.registry.question import Answer, Question

if TYPE_CHECKING:
    from exporter.sources.registry.client import Client

_LOG: Final = logging.getLogger("pullproof.registry")
_AGAIN: Final = frozenset(
    {
        Reason.DNS,
        Reason.CONNECT,
        Reason.RESET,
        Reason.TRUNCATED,
        Reason.RATE_LIMITED,
        Reason.SERVER_ERROR,
    }
)
"""What another try may mend. A timeout is not among them: it has cost enough already."""
_BASE: Final = Question("base", "/v2/", "/v2/")
_OK, _UNAUTHORIZED, _DENIED, _TOO_MANY, _SERVER_ERROR, _AWAY = 200, 401, 403, 429, 500, 503


class Line:
    """The line to one registry."""

    def __init__(
        self,
        name: str,
        client: Client,
        credentials: Credentials,
        limits: Limits,
        pace: Pace | None = None,
    ) -> None:
        self.address = client.registry.base
        """Where the registry is: `scheme://host[:port]`."""
        self._name, self._client = name, client
        self._tally = client.tally
        self.limits = limits
        self.pace = pace or Pace(name, limits, client.tally)
        """Who asks the same registry over another line keeps to it too."""
        self._breaker = Breaker(name, limits)
        self._keys = Keys(client.registry, credentials, self._ask_for_token)
        self._shown_to_all: bool | None = None

    def of_other(self, credentials: Credentials) -> Line:
        """Return a line for somebody else, over the same connections and at the same pace."""
        return Line(self._name, self._client, credentials, self.limits, self.pace)

    async def ask(self, question: Question) -> Answer:
        """Put a question. Raises `Unseen` for 401, 403, 429, 5xx and where no answer comes."""
        self._breaker.admit(question.subject, _now())
        return await self._decided(self._patiently(lambda: self._with_key(question)))

    async def ping(self) -> None:
        """Does it answer at all? Nobody is held back; an answer ends failing fast."""
        answer = await self._decided(self._patiently(lambda: self._once(_BASE, "")))
        if answer.status == _UNAUTHORIZED and not answer.abroad:
            self._keys.learn(answer)
        elif answer.media_type == "text/html" or answer.status not in (_OK, _DENIED):
            raise refusal(answer, _BASE.subject)
        self._shown_to_all = answer.status == _OK

    async def absence(self, answer: Answer, subject: str) -> Absent:
        """Return the absence that an answer proves to whoever asked; raise `Unseen` where none.

        A registry hides what it shows only to some as a repository that is not there.
        """
        absent = absence(answer, subject)
        if absent.code == "NAME_UNKNOWN" and answer.nobody:
            if self._shown_to_all is None:
                await self.ping()
            if not self._shown_to_all or self._keys.challenged:
                words = "not there, or hidden from those without a login"
                raise Unseen(subject, Reason.DENIED, words)
        return absent

    async def _decided(self, outcome: Awaitable[Answer]) -> Answer:
        """Tell the breaker how it went."""
        try:
            answer = await outcome
        except Unseen as failure:
            self._breaker.failed(failure, self._client.signs, _now())
            raise
        self._breaker.answered()
        return answer

    async def _patiently(self, attempt: Callable[[], Awaitable[Answer]]) -> Answer:
        """Try again where that may help, a few times, after ever longer pauses."""
        for tried in range(1, self.limits.tries + 1):
            try:
                return await attempt()
            except Unseen as failure:
                if tried == self.limits.tries or failure.reason not in _AGAIN:
                    raise
                self._tally.retries += 1
                _LOG.debug("%s, tried %d times", failure, tried)
            await asyncio.sleep(self._backoff(tried))
        raise AssertionError("a question is put at least once")

    def _backoff(self, tried: int) -> float:
        jitter = random.uniform(0.5, 1.5)  # noqa: S311 - spreads load, keeps no secret
        longest: float = self.limits.backoff * 2 ** (tried - 1)
        return min(longest, self.limits.pause_cap) * jitter

    async def _with_key(self, question: Question) -> Answer:
        """Put a question with the key that it needs; a key that does not fit is replaced once."""
        key = await self._keys.key(question)
        answer = await self._once(question, key.header if key else "")
        if answer.status == _UNAUTHORIZED and not answer.abroad:
            key = await self._keys.renewed(question, answer, key)
            answer = await self._once(question, key.header)
            if answer.status == _UNAUTHORIZED and not answer.abroad:
                self._keys.refuse(question, key)
        if answer.status in (_UNAUTHORIZED, _DENIED):
            raise refusal(answer, question.subject)
        if key is not None:
            key.works = True
            answer.nobody = key.login is None or answer.abroad
        return answer

    async def _ask_for_token(self, question: Question, authorization: str) -> Answer:
        return await self._patiently(lambda: self._once(question, authorization))

    async def _once(self, question: Question, authorization: str) -> Answer:
        """Put a question at the registry's pace. Raises `Unseen` for 429 and 5xx as well."""
        async with self.pace:
            answer = await self._client.ask(question, authorization)
        if answer.status < _SERVER_ERROR and answer.status != _TOO_MANY:
            self.pace.went_well()
            return answer
        wanted = wait_wanted(answer)
        if answer.status == _TOO_MANY or (answer.status == _AWAY and wanted is not None):
            self.pace.pause(self.limits.backoff if wanted is None else wanted)
        raise refusal(answer, question.subject)


def _now() -> float:
    return asyncio.get_running_loop().time()
