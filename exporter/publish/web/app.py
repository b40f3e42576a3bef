"""Which paths are there, and what do they answer?"""

from __future__ import annotations

import asyncio
import gzip
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from aiohttp import web

from exporter.publish.archive.pack import pack
from exporter.publish.board import Board
from exporter.publish.document import compose, encode
from exporter.publish.sheet import root_name
from exporter.publish.telemetry import Telemetry
from exporter.publish.web.connection import BANNER
from exporter.publish.web.gate import OPEN
from exporter.publish.web.html import POLICY
from exporter.publish.web.negotiation import accepts_gzip, metrics_format
from exporter.publish.web.pages import front, tag_page

if TYPE_CHECKING:
    from aiohttp.typedefs import Handler

    from exporter.judge.report import Report, TagVerdict
    from exporter.publish.standing import Standing
    from exporter.publish.web.gate import Gate

_PATIENCE: Final = 30.0
"""Seconds that an answer may take."""
_LARGEST_BODY: Final = 1 << 10
"""Bytes of a request's body: nothing here reads one."""
_QUICK: Final = 1
"""Level of gzip for what is compressed while somebody waits."""
_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "Server": BANNER,
}


@dataclass(frozen=True, slots=True)
class Shell:
    """What the pages need from the program around them."""

    board: Board
    clock: Callable[[], float]
    """Seconds since the epoch, now."""
    reload: Callable[[], Awaitable[str | None]]
    """Load the configuration again; returns what is wrong, or None where it is in force."""


def application(shell: Shell, gate: Gate, *, prefix: str = "") -> web.Application:
    """Return the web application; `prefix` stands before every path (`/registry-audit`)."""
    answers = _Answers(shell)
    app = web.Application(middlewares=[_in_time, gate.middleware], client_max_size=_LARGEST_BODY)
    app.add_routes(
        [
            web.get(f"{prefix}/", answers.front),
            web.get(f"{prefix}/metrics", answers.metrics),
            web.get(f"{prefix}/report.json", answers.report),
            web.get(f"{prefix}/snapshot/{{registry}}", answers.snapshot),
            web.get(f"{prefix}/tag/{{registry}}/{{name:.+}}", answers.tag),
            web.get(f"{prefix}/-/healthy", _healthy, name=f"{OPEN}-healthy"),
            web.get(f"{prefix}/-/ready", answers.ready, name=f"{OPEN}-ready"),
            web.post(f"{prefix}/-/reload", answers.reload),
        ]
    )
    app.on_response_prepare.append(_finish)
    return app


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="healthy\n")


@web.middleware
async def _in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    async with asyncio.timeout(_PATIENCE):
        return await handler(request)


async def _finish(_: web.Request, response: web.StreamResponse) -> None:
    """Say what browsers need for safety."""
    response.headers.update(_HEADERS)


class _Answers:
    """The handlers, over one board."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._telemetry = Telemetry()
        self._reports = _Reports()

    async def metrics(self, request: web.Request) -> web.Response:
        # Both are taken in one breath: what is appended belongs to the same moment.
        picture, exposition = self._shell.board.picture, self._shell.board.exposition
        form = metrics_format(request.headers.get("Accept", ""))
        live = self._telemetry.body(picture, form)
        rendered = exposition.rendered(form)
        headers = {"Content-Type": form.value, "Vary": "Accept, Accept-Encoding"}
        if not accepts_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=rendered.plain + live, headers=headers)
        headers["Content-Encoding"] = "gzip"
        return web.Response(body=rendered.continued(live), headers=headers)

    async def front(self, _: web.Request) -> web.Response:
        now = self._shell.clock()
        page = await asyncio.to_thread(front, self._shell.board.picture, now)
        return web.Response(text=page, content_type="text/html")

    async def tag(self, request: web.Request) -> web.Response:
        found = self._find(request.match_info["registry"], request.match_info["name"])
        if found is None:
            raise web.HTTPNotFound(text="no such tag in the last audit\n")
        page = await asyncio.to_thread(tag_page, *found, self._shell.clock())
        return web.Response(text=page, content_type="text/html")

    async def report(self, request: web.Request) -> web.Response:
        standings = self._shell.board.picture.standings
        wanted = request.query.getall("registry", [])
        unknown = set(wanted) - {each.registry for each in standings}
        if unknown:
            raise web.HTTPNotFound(text=f"no such registry: {', '.join(sorted(unknown))}\n")
        chosen = tuple(each for each in standings if not wanted or each.registry in wanted)
        packed = await self._reports.packed(chosen, self._shell.clock())
        headers = {"Content-Type": "application/json", "Vary": "Accept-Encoding"}
        if accepts_gzip(request.headers.get("Accept-Encoding", "")):
            return web.Response(body=packed, headers=headers | {"Content-Encoding": "gzip"})
        plain = await asyncio.to_thread(gzip.decompress, packed)
        return web.Response(body=plain, headers=headers)

    async def snapshot(self, request: web.Request) -> web.Response:
        """What the last complete audit saw, for `--from`: the commands ask nothing again."""
        registry = request.match_info["registry"]
        reports = (each.report for each in self._shell.board.picture.standings if each.report)
        found = next((each for each in reports if each.snapshot.registry == registry), None)
        if found is None:
            raise web.HTTPNotFound(text="no such registry, or not audited yet\n")
        packed = await asyncio.to_thread(pack, found.snapshot)
        return web.Response(body=packed, content_type="application/octet-stream")

    async def ready(self, _: web.Request) -> web.Response:
        """Ready once each registry was tried or has an old truth: not only where all are up."""
        standings = self._shell.board.picture.standings
        waiting = [each.registry for each in standings if each.up is None and each.report is None]
        if waiting or not standings:
            names = ", ".join(waiting) or "any registry"
            raise web.HTTPServiceUnavailable(text=f"not audited yet: {names}\n")
        return web.Response(text="ready\n")

    async def reload(self, _: web.Request) -> web.Response:
        wrong = await self._shell.reload()
        if wrong is not None:
            raise web.HTTPInternalServerError(text=f"{wrong}\n")
        return web.Response(text="reloaded\n")

    def _find(self, registry: str, name: str) -> tuple[Report, TagVerdict] | None:
        reports = (
            each.report
            for each in self._shell.board.picture.standings
            if each.registry == registry and each.report
        )
        pairs = ((report, verdict) for report in reports for verdict in report.verdicts)
        return next((pair for pair in pairs if root_name(pair[1]) == name), None)


class _Reports:
    """The JSON report, written once for one set of standings, however many ask."""

    def __init__(self) -> None:
        self._turn = asyncio.Lock()
        self._of: tuple[Standing, ...] | None = None
        self._packed = b""

    async def packed(self, standings: tuple[Standing, ...], now: float) -> bytes:
        """Return the report, compressed; `now` is when it says that it was written."""
        async with self._turn:
            if self._of is None or not _same(self._of, standings):
                self._packed = await asyncio.to_thread(_write, standings, now)
                self._of = standings
            return self._packed


def _same(one: tuple[Standing, ...], other: tuple[Standing, ...]) -> bool:
    """Are these the very same values? Comparing whole reports would cost more than writing one."""
    return len(one) == len(other) and all(a is b for a, b in zip(one, other, strict=True))


def _write(standings: tuple[Standing, ...], now: float) -> bytes:
    return gzip.compress(encode(compose(standings, now)), _QUICK, mtime=0)
