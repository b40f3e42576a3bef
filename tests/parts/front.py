"""Something between a client and a server: it counts what is asked, and spoils what it is told.

A load balancer, a proxy, a gateway: most answers that are not a registry's come from one.
"""

from __future__ import annotations

import socket
import ssl
import threading
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import httpx

from tests.parts.http import RESET, Answer, Asked, serving
from tests.parts.process import PATIENCE, until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from tests.parts.certificates import Pair
    from tests.parts.registry import Registry

_HOPS: Final = frozenset({"connection", "content-length", "date", "server", "transfer-encoding"})


@dataclass(frozen=True, slots=True)
class Front:
    """A front that is up."""

    url: str
    asked: list[Asked]
    """Every request so far."""
    streams: list[httpx.Response]
    """The watches of a cluster that were passed on."""

    @property
    def host(self) -> str:
        """`127.0.0.1:port`, as it stands in references."""
        return urlsplit(self.url).netloc

    def cut(self) -> None:
        """Break every watch that is open."""
        while self.streams:
            with suppress(OSError, RuntimeError):
                _socket(self.streams.pop()).shutdown(socket.SHUT_RDWR)

    def count(self, method: str, part: str) -> int:
        """How many requests of a method had this in their path?"""
        return sum(each.method == method and part in each.target for each in self.asked)


def nothing(_: Asked) -> Answer | None:
    """Spoil nothing."""
    return None


@contextmanager
def front(registry: Registry, spoil: Callable[[Asked], Answer | None] = nothing) -> Iterator[Front]:
    """Stand before a registry; where `spoil` has an answer of its own, it is given instead."""
    authority = registry.settings.authority
    trusted = authority.certificate if authority else None
    with before(registry.url, spoil, trusted) as standing:
        yield standing


@contextmanager
def before(
    server: str,
    spoil: Callable[[Asked], Answer | None],
    trusted: Path | None = None,
    tls: Pair | None = None,
) -> Iterator[Front]:
    """Stand before any server, whose certificate `trusted` vouches for; serve `tls` oneself."""
    asked: list[Asked] = []
    passing: list[Asked] = []
    over = threading.Event()
    context = ssl.create_default_context(cafile=trusted) if trusted else False
    with httpx.Client(base_url=server, verify=context, trust_env=False, timeout=PATIENCE) as behind:

        def answer(request: Asked) -> Answer:
            asked.append(request)
            if said := spoil(request):
                return said
            passing.append(request)
            try:
                if over.is_set():
                    return RESET
                if "watch=1" in request.target:
                    return _followed(behind, request, standing.streams)
                return _pass_on(behind, request)
            finally:
                passing.remove(request)

        with serving(answer, tls) as url:
            standing = Front(url, asked, [])
            try:
                yield standing
            finally:
                over.set()
                # A connection that is opened while the client is closed would stay open.
                until(lambda: not passing, "nothing is passed on any more")
                standing.cut()


def _followed(behind: httpx.Client, request: Asked, streams: list[httpx.Response]) -> Answer:
    """Ask for a watch, and pass on what comes as it comes."""
    sent = {**request.headers, "Accept-Encoding": "identity"}
    built = behind.build_request(request.method, request.target, headers=sent, timeout=None)
    answer = behind.send(built, stream=True)
    if not answer.is_success:
        return Answer(answer.status_code, answer.read())
    streams.append(answer)

    def pieces() -> Iterator[bytes]:
        with suppress(httpx.HTTPError), closing(answer):
            yield from answer.iter_raw()

    return Answer(200, stream=pieces())


def _socket(answer: httpx.Response) -> socket.socket:
    found = answer.extensions["network_stream"].get_extra_info("socket")
    assert isinstance(found, socket.socket)
    return found


def _pass_on(behind: httpx.Client, request: Asked) -> Answer:
    """Ask the registry, and repeat its answer to the byte, short bodies included."""
    body = bytearray()
    sent = {**request.headers, "Accept-Encoding": "identity"}
    with behind.stream(
        request.method, request.target, headers=sent, content=request.body
    ) as answer:
        with suppress(httpx.RemoteProtocolError):  # it promises more than it sends
            for chunk in answer.iter_raw():
                body += chunk
        headers = {name: value for name, value in answer.headers.items() if name not in _HOPS}
        announced = int(answer.headers.get("Content-Length", len(body)))
        return Answer(answer.status_code, bytes(body), headers, announced)
