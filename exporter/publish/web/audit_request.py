"""The handler of POST /-/audit: audits registries now instead of at their next interval."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web
from multidict import MultiMapping

from exporter.oci.digest import Malformed
from exporter.oci.reference import repository
from exporter.publish.web.query import check_known
from exporter.screen import plain

_PARAMETERS: Final = ("registry", "repository")
_LONGEST: Final = 2000
"""Characters of an answer about names that are not known."""


@dataclass(frozen=True, slots=True)
class AuditRequest:
    """The registries to audit, and the one repository, if only that is to be audited."""

    registries: frozenset[str] = frozenset()
    """Their names; empty means all."""
    repository: str = ""
    """Audited alone; another shard's is refused. Empty means all."""


@dataclass(frozen=True, slots=True)
class ScheduledAudit:
    """The requested audit of one registry."""

    registry: str
    wait: float
    """Seconds until it begins; after the running audit, where there is one."""
    running: bool = False
    """Is an audit of the registry running, after which it begins?"""
    repeated: bool = False
    """Was it requested before, and has not begun since?"""

    def __str__(self) -> str:
        """Return it as one line."""
        begins = f"begins in {self.wait:.0f} seconds" if self.wait >= 1 else "begins now"
        if self.running:
            begins = "begins after the running audit"
        return f"{self.registry}: {begins}{' (already requested)' if self.repeated else ''}"


class NotScheduled(Exception):
    """Nothing was scheduled: no such registry or repository here. The text says what there is."""


Auditor = Callable[[AuditRequest], Awaitable[Sequence[ScheduledAudit]]]
"""Schedules audits; raises `NotScheduled`."""


async def unscheduled(_: AuditRequest) -> Sequence[ScheduledAudit]:
    """Raise `NotScheduled`: no registry is configured."""
    raise NotScheduled("no registry is configured")


@dataclass(frozen=True, slots=True)
class AuditRequests:
    """The handler. What it costs is bounded where audits are scheduled: one waits per registry."""

    auditor: Auditor

    async def answer(self, request: web.Request) -> web.Response:
        """Answer 202 with a line per registry, 404 for an unknown name. Raises `Malformed`."""
        try:
            scheduled = await self.auditor(read(request.query))
        except NotScheduled as error:
            raise web.HTTPNotFound(text=f"{plain(str(error))[:_LONGEST]}\n") from None
        return web.Response(status=202, text="".join(f"{each}\n" for each in scheduled))


def read(parameters: MultiMapping[str]) -> AuditRequest:
    """Read an address's parameters; raises `Malformed` naming the one that is wrong."""
    check_known(parameters, _PARAMETERS)
    named = parameters.getall("repository", [])
    if len(named) > 1:
        raise Malformed("repository: only one can be named; leave it out to audit all")
    if "" in (*named, *parameters.getall("registry", [])):
        raise Malformed("registry, repository: must not be empty")
    asked = repository(named[0]) if named else ""
    return AuditRequest(frozenset(parameters.getall("registry", [])), asked)
