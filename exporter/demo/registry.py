"""A registry that serves a storage tree over HTTP, read-only, as distribution 2.8 would."""

from __future__ import annotations

from collections import Counter
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Self

from aiohttp import web

from exporter.demo.answer import Answer, Question, Route
from exporter.demo.distribution import Distribution, remember
from exporter.demo.layout import Layout

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@dataclass(frozen=True, slots=True)
class Registry:
    """A registry and what was asked of it."""

    distribution: Distribution
    requests: Counter[tuple[str, str]] = field(default_factory=Counter)
    """How often, by method and endpoint: `("HEAD", "manifest")`."""

    @classmethod
    def of(cls, root: Path, *, lying_cache: bool = False) -> Self:
        """Serve the tree below a root.

        With `lying_cache` it answers for blobs whose link stands and whose bytes are gone: 200 or
        206 with the right length, no byte, and a closed connection. So does a real 2.8 whose
        descriptor cache is older than the collection.
        """
        layout = Layout(root)
        return cls(Distribution(layout, remember(layout) if lying_cache else {}))

    def application(self) -> web.Application:
        """Return it as an application of its own."""
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", self._respond)
        return application

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        route = Route.of(request.path)
        self.requests[request.method, route.endpoint.value] += 1
        headers = {name.lower(): value for name, value in request.headers.items()}
        question = Question(request.method, request.path, dict(request.query), headers)
        return await _send(request, self.distribution.answer(route, question))


@asynccontextmanager
async def served(registry: Registry, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[str]:
    """Serve a registry; yield its `host:port`. Port 0 is any free one."""
    runner = web.AppRunner(registry.application(), access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await site.start()
        yield "{}:{}".format(*runner.addresses[0])
    finally:
        await runner.cleanup()


async def _send(request: web.Request, answer: Answer) -> web.StreamResponse:
    length = len(answer.body) if answer.announced is None else answer.announced
    response = web.StreamResponse(status=answer.status, headers=answer.headers)
    response.headers["Docker-Distribution-Api-Version"] = "registry/2.0"
    response.content_length = length
    await response.prepare(request)
    if request.method != "HEAD":
        await response.write(answer.body)
        if length > len(answer.body):
            # Go closes a connection on which less was written than was announced.
            response.force_close()
    return response
