"""Servers that say exactly what a test wants on the wire, and registries opened against them."""

from __future__ import annotations

import asyncio
import socket
import struct
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.facts.registry_kind import Pulls
from exporter.ports import Full
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.messages import BodyEnd, Request, Response
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

QUICK = RequestLimits(
    tries=2,
    deadline=PATIENCE,
    connect=PATIENCE,
    backoff=0.001,
    pause_cap=0.01,
    probe_after=PATIENCE,
    pulls=Pulls.ACCEPT,
)
"""Pauses that no test notices, patience for every answer that comes, and no question of its kind
before the first read."""

RESET = object()
"""Said last: the connection is torn down instead of closed."""
SILENCE = object()
"""Said last: nothing more comes, and the connection stays open."""


@dataclass
class Speaker:
    """A server that is up."""

    port: int
    heard: list[bytes] = field(default_factory=list)
    """The head of each request."""
    connections: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"


@asynccontextmanager
async def speaking(
    *sayings: bytes | object,
    tls: ssl.SSLContext | None = None,
    keep: bool = False,
    late: float = 0.0,
) -> AsyncIterator[Speaker]:
    """Say all this to every request, then close the connection, or `keep` it for the next.

    It begins to speak so many seconds `late`.
    """
    speaker = Speaker(0)

    async def talk(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        speaker.connections += 1
        try:
            while head := await reader.readuntil(b"\r\n\r\n"):
                speaker.heard.append(head)
                await asyncio.sleep(late)
                for saying in sayings if not head.startswith(b"HEAD") else _heads(sayings):
                    if saying is SILENCE:
                        await reader.read()
                    elif saying is RESET:
                        _tear(writer)
                        return
                    elif isinstance(saying, bytes):
                        writer.write(saying)
                        await writer.drain()
                if not keep:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass  # the client went away
        finally:
            writer.close()

    server = await asyncio.start_server(talk, "127.0.0.1", 0, ssl=tls)
    speaker.port = server.sockets[0].getsockname()[1]
    async with server:
        yield speaker


def _heads(sayings: tuple[bytes | object, ...]) -> list[bytes | object]:
    """What is left for a HEAD: everything but bodies."""
    spoken = [saying for saying in sayings if isinstance(saying, bytes)]
    first = spoken[0].partition(b"\r\n\r\n") if spoken else ()
    return [b"".join(first[:2]), *(saying for saying in sayings if not isinstance(saying, bytes))]


def _tear(writer: asyncio.StreamWriter) -> None:
    """Send RST: close with unsent data thrown away."""
    raw = writer.get_extra_info("socket")
    raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    writer.transport.abort()


def head(status: str = "200 OK", **headers: object) -> bytes:
    """The head of an answer; underscores in names stand for dashes."""
    lines = [f"{name.replace('_', '-')}: {value}" for name, value in headers.items()]
    return "\r\n".join((f"HTTP/1.1 {status}", *lines, "", "")).encode()


def registry_at(url: str, limits: RequestLimits = QUICK, **more: object) -> Distribution:
    """Open a registry without any proxy of this machine's."""
    return Distribution.open("tests", url, limits=limits, environ={}, **more)  # type: ignore[arg-type]


async def handed(question: Request, answer: Response) -> Response:
    """Hand an answer's body to the question's sink, as the client does while it comes."""
    if question.sink is not None and answer.ok:
        question.sink.begin()
        try:
            await question.sink.take(answer.body)
        except Full:
            answer.end = BodyEnd.ENOUGH
    return answer
