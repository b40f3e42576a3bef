"""What does a `docker-credential-*` program answer for a registry?

Source: docker/docker-credential-helpers, `credentials/credentials.go`.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import Reason
from exporter.sources import Unseen
from exporter.sources.registry.credentials import Login, login_of

_KEPT_FOR: Final = 300.0
"""Seconds for which an answer is kept: one audit asks for very many repositories."""
_LONGEST: Final = 1_048_576
"""Bytes of an answer; who prints more is not waited for."""
_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_FOUND: Final = b"credentials not found in native keychain"


@dataclass(slots=True)
class Helpers:
    """The credential helpers of this machine, each asked one at a time."""

    timeout: float = 10.0
    """Seconds that one may take."""
    _kept: dict[tuple[str, str], tuple[Login | None, float]] = field(
        default_factory=dict, repr=False
    )
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock, repr=False)

    async def ask(self, name: str, server: str) -> Login | None:
        """Return the login that a helper keeps for a server, None where it keeps none.

        Raises `Unseen` with `CREDENTIALS` where it is not installed, fails, or takes too long.
        What it printed is never repeated: it may hold the secret.
        """
        if not _NAME.fullmatch(name):
            raise Unseen(name[:80], Reason.CREDENTIALS, "not the name of a credential helper")
        async with self._turn:
            now = asyncio.get_running_loop().time()
            login, until = self._kept.get((name, server), (None, now))
            if until <= now:
                login = await _ask(f"docker-credential-{name}", server, self.timeout)
                self._kept[name, server] = (login, now + _KEPT_FOR)
            return login


async def _ask(program: str, server: str, patience: float) -> Login | None:
    code, printed = await _run(program, server, patience)
    if code != 0:
        if _NOT_FOUND in printed:
            return None
        raise Unseen(program, Reason.CREDENTIALS, f"ended with code {code}")
    try:
        document = json.loads(printed)
        username, secret = document["Username"], document["Secret"]
    except (ValueError, RecursionError, KeyError, TypeError) as error:
        raise Unseen(program, Reason.CREDENTIALS, "its answer is not a login") from error
    return login_of(str(username), str(secret))


async def _run(program: str, server: str, patience: float) -> tuple[int, bytes]:
    try:
        process = await asyncio.create_subprocess_exec(
            program,
            "get",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
        )
    except OSError as error:
        words = error.strerror or "cannot be started"
        raise Unseen(program, Reason.CREDENTIALS, words) from error
    try:
        async with asyncio.timeout(patience):
            printed = await _printed(process, server.encode())
    except TimeoutError as error:
        raise Unseen(program, Reason.CREDENTIALS, f"silent for {patience:g} seconds") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    if len(printed) > _LONGEST:
        raise Unseen(program, Reason.CREDENTIALS, f"its response has more than {_LONGEST} bytes")
    return process.returncode or 0, printed


async def _printed(process: asyncio.subprocess.Process, asked: bytes) -> bytes:
    """Read what it prints until it ends, or a little more than it may print."""
    printed = bytearray()
    if process.stdin and process.stdout:
        with suppress(BrokenPipeError, ConnectionResetError):  # it need not listen
            process.stdin.write(asked)
            await process.stdin.drain()
        process.stdin.close()
        while len(printed) <= _LONGEST and (chunk := await process.stdout.read(_LONGEST)):
            printed += chunk
    if len(printed) <= _LONGEST:
        await process.wait()
    return bytes(printed)
