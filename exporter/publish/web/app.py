"""The paths of the web server, and the handlers for monitoring and control."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from aiohttp.typedefs import Handler

from exporter.oci.digest import Malformed
from exporter.publish.metrics.rendering import Published
from exporter.publish.metrics.telemetry import Telemetry
from exporter.publish.render.html import text
from exporter.publish.web import sending
from exporter.publish.web.access_control import OPEN, AccessControl, same_origin
from exporter.publish.web.audit_request import Auditor, AuditRequests, unscheduled
from exporter.publish.web.connections import BANNER, Connection
from exporter.publish.web.event_request import EventRequests, FindReceiver, no_receiver
from exporter.publish.web.frame import POLICY, frame, link
from exporter.publish.web.handlers import Handlers
from exporter.publish.web.probe import Probe, Prober
from exporter.publish.web.sending import HTML, metrics_format
from exporter.screen import plain

_PATIENCE: Final = 30.0
"""Seconds that an answer may take, until it is written; large bodies have longer."""
_LARGEST_BODY: Final = 1 << 10
"""Maximum bytes of a request's body; events have a limit of their own."""
_HEADERS: Final[Mapping[str, str]] = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Server": BANNER,
}

_TITLES: Final = {400: "This address cannot be answered", 404: "There is no such page"}
_PREFIX: Final = web.AppKey("prefix", str)
"""The application's key for the prefix of every path."""


@dataclass(frozen=True, slots=True)
class Shell:
    """The program around the pages, as they need it."""

    board: Published
    clock: Callable[[], float]
    """Seconds since the epoch, now."""
    reload: Callable[[], Awaitable[str | None]]
    """Load the configuration again; returns what is wrong, or None if it is in force."""
    prober: Prober
    """Audits one reference on request."""
    auditor: Auditor = unscheduled
    """Schedules requested audits."""
    receiver: FindReceiver = no_receiver
    """Finds the receiver of a registry's events."""


def application(shell: Shell, access: AccessControl, *, prefix: str = "") -> web.Application:
    """Return the web application; `prefix` stands before every path (`/registry-audit`)."""
    answers = _Answers(shell)
    shown = Handlers(shell.board, shell.clock)
    probe = Probe(shell.prober, shell.board.app_state.invocation)
    events = EventRequests(shell.receiver)
    asked = [_in_time, same_origin, access.middleware, _refusals]
    app = web.Application(middlewares=asked, client_max_size=_LARGEST_BODY)
    app[_PREFIX] = prefix
    app.add_routes(
        [
            web.get(f"{prefix}/", shown.front),
            web.get(f"{prefix}/icon.svg", shown.icon),
            web.get(f"{prefix}/digest/{{registry}}/{{digest}}", shown.digest),
            web.get(f"{prefix}/docs/{{place:.*}}", shown.document),
            web.get(f"{prefix}/tag/{{registry}}/{{name:.+}}", shown.tag),
            web.get(f"{prefix}/report.json", shown.report),
            web.get(f"{prefix}/snapshot/{{registry}}", shown.snapshot),
            web.get(f"{prefix}/metrics", answers.metrics),
            web.get(f"{prefix}/probe", probe.answer, allow_head=False),
            web.get(f"{prefix}/-/healthy", _healthy, name=f"{OPEN}-healthy"),
            web.get(f"{prefix}/-/ready", answers.ready, name=f"{OPEN}-ready"),
            web.post(f"{prefix}/-/reload", answers.reload),
            web.post(f"{prefix}/-/audit", AuditRequests(shell.auditor).answer),
            # Senders show a token of their own, and know no password.
            web.post(f"{prefix}/-/events/{{registry:.+}}", events.answer, name=f"{OPEN}-events"),
        ]
    )
    if prefix:
        app.router.add_get(prefix, _inside)

    async def finish(_: web.Request, response: web.StreamResponse) -> None:
        """Say what browsers need for safety, and that nothing is kept that does not say so."""
        response.headers.update({**_HEADERS, **access.headers})
        response.headers.setdefault("Cache-Control", "no-store")

    app.on_response_prepare.append(finish)
    return app


async def _healthy(_: web.Request) -> web.Response:
    return web.Response(text="healthy\n")


async def _inside(request: web.Request) -> web.Response:
    """Add the slash without which relative links would lead out of the prefix."""
    raise web.HTTPFound(f"{request.path.rpartition('/')[2]}/")


@web.middleware
async def _in_time(request: web.Request, handler: Handler) -> web.StreamResponse:
    async with asyncio.timeout(_PATIENCE) as limit:
        request[sending.LIMIT] = limit
        if isinstance(request.protocol, Connection):
            request.protocol.begin()
        return await handler(request)


@web.middleware
async def _refusals(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Answer 400 to what is malformed, and a browser with a page that has a way back."""
    refusal: web.HTTPException
    try:
        return await handler(request)
    except Malformed as error:
        refusal = web.HTTPBadRequest(text=f"{plain(str(error))}\n")
    except (web.HTTPBadRequest, web.HTTPNotFound) as error:
        refusal = error
    if "text/html" not in request.headers.get("Accept", ""):
        raise refusal
    body = _refusal_page(request, refusal).encode()
    headers = {"Content-Type": HTML, "Vary": "Accept"}
    return web.Response(status=refusal.status, body=body, headers=headers)


def _refusal_page(request: web.Request, refusal: web.HTTPException) -> str:
    # An encoded slash is none to a browser.
    inside = request.rel_url.raw_path.removeprefix(request.app[_PREFIX])
    home = "../" * max(0, inside.count("/") - 1) or "./"
    title = _TITLES[refusal.status]
    body = (
        f'<section class="verdict unsure"><h1>{title}</h1><p class="lead">'
        f"{text((refusal.text or '').strip())}</p><p>{link(home, 'Back to the status page')}</p>"
        "</section>"
    )
    return frame(f"{title} · pullproof", body, home)


class _Answers:
    """The handlers for monitoring and control, over one board."""

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._telemetry = Telemetry()

    async def metrics(self, request: web.Request) -> web.StreamResponse:
        # Both are taken in one breath: what is appended belongs to the same moment.
        app_state, exposition = self._shell.board.app_state, self._shell.board.exposition
        form = metrics_format(request.headers.get("Accept", ""))
        live = self._telemetry.body(app_state, form)
        headers = {"Content-Type": form.value, "Vary": "Accept, Accept-Encoding"}
        packed = exposition.rendered(form).continued(live)
        return await sending.compressed(request, headers, packed)

    async def ready(self, _: web.Request) -> web.Response:
        """Ready once each registry was tried or has an old truth: not only where all are up."""
        app_state = self._shell.board.app_state
        statuses = app_state.statuses
        waiting = [each.registry for each in statuses if each.up is None and each.report is None]
        if waiting or not statuses:
            names = ", ".join(waiting) or "any registry"
            raise web.HTTPServiceUnavailable(text=f"not audited yet: {names}\n")
        sources = app_state.sources
        partly = sum(not each.complete for each in sources)
        said = f"image sources incomplete: {partly} of {len(sources)}\n" if partly else ""
        return web.Response(text=f"ready\n{said}")

    async def reload(self, _: web.Request) -> web.Response:
        wrong = await self._shell.reload()
        if wrong is not None:
            raise web.HTTPInternalServerError(text=f"{wrong}\n")
        return web.Response(text="reloaded\n")
