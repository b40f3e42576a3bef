"""A report on many tags, one in ten of them broken, and the web server that shows it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.facts.snapshot import Sealed
from exporter.oci.reference import Repository
from exporter.publish.metrics.exposition import Exposition
from exporter.publish.status import AppState
from exporter.publish.web.app import Shell
from exporter.publish.web.probe import NotProbed
from tests.publish.reports import MISSING, app_state, attestation, child, report, status, tag

if TYPE_CHECKING:
    from exporter.judge.report import Report
    from exporter.publish.web.probe import Asked


def many(tags: int, repositories: int) -> AppState:
    names = [f"team-{number % 50}/app-{number}" for number in range(repositories)]
    verdicts = (
        tag(
            f"{names[number % repositories]}:v1.{number}",
            child("amd64", name=f"amd64 {number}"),
            child("arm64", *(() if number % 10 else (MISSING,)), name=f"arm64 {number}"),
            attestation(name=f"attestation {number}"),
        )
        for number in range(tags)
    )
    sealed = {Repository(name): Sealed({}) for name in names}
    return app_state(status(report(*verdicts, sealed=sealed)))


@dataclass(frozen=True, slots=True)
class _Board:
    app_state: AppState
    exposition: Exposition


def shell(shown: AppState, exposition: Exposition, now: float) -> Shell:
    """What the web server shows at a moment; it reloads nothing and probes nothing."""
    return Shell(_Board(shown, exposition), lambda: now, _no_reload, _no_probe)


async def _no_reload() -> str | None:
    return None


async def _no_probe(asked: Asked) -> Report:
    raise NotProbed(str(asked.reference))
