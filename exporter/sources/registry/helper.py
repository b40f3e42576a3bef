"""What does a `docker-credential-*` program answer for a registry?

Source: docker/docker-credential-helpers, `credentials/credentials.go`.
"""

from __future__ import annotations

import asyncio
import json
import re
from contextlib import suppress
from typing import Final

from exporter.facts.gap import Reason
from exporter.sources import Unseen
from exporter.sources.registry.credentials import Login, login_of

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,63}")
_NOT_FOUND: Final = b"credentials not found in native keychain"


async def ask_helper(name: str, server: str, timeout: float) -> Login | None:  # noqa: ASYNC109 - kills what it started
    """Return the login that a helper keeps for a server, None where it keeps none.

    Raises `Unseen` with `CREDENTIALS` where it is not installed, fails, or takes longer than
    `timeout` seconds. What it printed is never repeated: it may hold the secret.
    """
    if not _NAME.fullmatch(name):
        raise Unseen(name[:80], Reason.CREDENTIALS, "not the name of a credential helper")
    program = f"docker-credential-{name}"
    code, printed = await _run(program, server, timeout)
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


async def _run(program: str, server: str, timeout: float) -> tuple[int, bytes]:  # noqa: ASYNC109 - as above
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
        async with asyncio.timeout(timeout):
            printed, _ = await process.communicate(server.encode())
    except TimeoutError as error:
        raise Unseen(program, Reason.CREDENTIALS, f"silent for {timeout:g} seconds") from error
    finally:
        if process.returncode is None:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
    return process.returncode or 0, printed
