"""Ask a `docker-credential-*` program for the login of a registry.

Source: docker/docker-credential-helpers, `credentials/credentials.go`.
"""

from __future__ import annotations

import asyncio
import json
import re
from dataclasses import dataclass, field
from typing import Final
from weakref import WeakValueDictionary

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.program import Program
from exporter.sources.registry.credentials import Login, Uncarried, login_of, presentable

_KEPT_FOR: Final = 300.0
"""Seconds for which a response is kept: one audit asks for very many repositories."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_FOUND: Final = b"credentials not found in native keychain"

_Asked = tuple[str, str]
"""A helper's name and a server."""


@dataclass(slots=True)
class Helpers:
    """The credential helpers of this machine. Each is asked once, whoever else waits."""

    timeout: float = 10.0
    """Seconds that one may take."""
    failed_for: float = 10.0
    """Seconds for which a failure stands: very many repositories do not wait for it one by one."""
    _kept: dict[_Asked, tuple[Login | Unseen | None, float]] = field(
        default_factory=dict, repr=False
    )
    """Answers, and until when they stand."""
    _turns: WeakValueDictionary[_Asked, asyncio.Lock] = field(
        default_factory=WeakValueDictionary, repr=False
    )

    async def ask(self, name: str, server: str) -> Login | None:
        """Return the login that a helper keeps for a server, None where it keeps none.

        Raises `Unseen` with `CREDENTIALS` where it is not installed, fails, or takes too long.
        What it printed is never repeated: it may hold the secret.
        """
        if not _NAME.fullmatch(name):
            raise Unseen(name[:80], Reason.CREDENTIALS, "not the name of a credential helper")
        asked = (name, server)
        turn = self._turns.setdefault(asked, asyncio.Lock())
        async with turn:
            kept = self._kept.get(asked)
            if kept is None or kept[1] <= _now():
                response = await self._response(*asked)
                lasts = self.failed_for if isinstance(response, Unseen) else _KEPT_FOR
                kept = self._kept[asked] = (response, _now() + lasts)
        response = kept[0]
        if isinstance(response, Unseen):
            raise Unseen(response.subject, response.reason, response.detail)
        return response

    async def _response(self, name: str, server: str) -> Login | Unseen | None:
        try:
            return await _ask(f"docker-credential-{name}", server, self.timeout)
        except Unseen as failure:
            return failure


async def _ask(program: str, server: str, patience: float) -> Login | None:
    asked = server.encode(errors="replace")
    code, printed = await Program((program, "get"), patience, asked).run()
    if code != 0:
        if _NOT_FOUND in printed:
            return None
        raise Unseen(program, Reason.CREDENTIALS, f"exited with code {code}")
    try:
        document = json.loads(printed)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Unseen(program, Reason.CREDENTIALS, "its answer is not a login") from error
    try:
        return presentable(login_of(username, secret))
    except Uncarried as error:
        raise Unseen(program, Reason.CREDENTIALS, str(error)) from error


def _now() -> float:
    return asyncio.get_running_loop().time()
