"""A board of values, served for real on a free port."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import bcrypt

from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from exporter.publish.status import AppState
from exporter.publish.web.access_control import AccessControl
from exporter.publish.web.app import Shell, application
from exporter.publish.web.audit_request import Auditor, unscheduled
from exporter.publish.web.event_request import FindReceiver, no_receiver
from exporter.publish.web.probe import Asked, NotProbed, Prober
from exporter.publish.web.server import WebServer, listening
from tests.publish.reports import TAKEN_AT, app_state, incident, status

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from exporter.judge.report import Report
    from exporter.publish.metrics.exposition import Exposition

SECRET = "correct horse"
HASHED = bcrypt.hashpw(SECRET.encode(), bcrypt.gensalt(4)).decode()


async def nobody(asked: Asked) -> Report:
    """No registry is configured."""
    raise NotProbed(f"{asked.reference.registry}: no configured registry")


@dataclass
class Board:
    """What is served; a test swaps it."""

    app_state: AppState = field(default_factory=lambda: app_state(status(incident())))
    prober: Prober = nobody
    auditor: Auditor = unscheduled
    receiver: FindReceiver = no_receiver
    access: AccessControl = field(default_factory=lambda: AccessControl({}))

    @property
    def exposition(self) -> Exposition:
        return render(self.app_state, Limits())


@dataclass
class Served:
    """The web server of one test."""

    web_server: WebServer
    board: Board
    reloads: list[str | None]
    """What the next reloads answer, last first."""

    @property
    def port(self) -> int:
        return self.web_server.addresses[0][1]

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def tls_url(self) -> str:
        return f"https://localhost:{self.port}"


@asynccontextmanager
async def serving(
    config: Path | None = None,
    board: Board | None = None,
    prefix: str = "",
    address: tuple[str, int] = ("127.0.0.1", 0),
    look_every: float = 3600,
) -> AsyncIterator[Served]:
    shown = board or Board()
    reloads: list[str | None] = [None]

    async def reload() -> str | None:
        return reloads.pop()

    asked = shown.prober, shown.auditor, shown.receiver
    shell = Shell(shown, lambda: TAKEN_AT + 3600, reload, *asked)
    access = shown.access
    app = application(shell, access, prefix=prefix)
    async with listening(app, access, [address], config, look_every=look_every) as web_server:
        yield Served(web_server, shown, reloads)
