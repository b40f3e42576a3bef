"""The handler of /probe: checks one reference within the time of a scrape.

After the blackbox exporter, with one difference: only registries that are configured are asked.
Credentials belong to them, and a caller must not choose where they go.
"""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Final

from aiohttp import web
from multidict import MultiMapping

from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.publish.invocation import Invocation
from exporter.publish.metrics.probe import Probed, debug, metrics
from exporter.publish.web.query import check_known
from exporter.screen import plain

_AT_ONCE: Final = 4
"""Probes under way; the others wait, within their own time."""
_LONGEST: Final = 25.0
"""Seconds that a probe may take, whatever it is given: less than any answer may take."""
_OFFSET: Final = 0.5
"""Seconds of a scrape's time that are kept back for the answer's way."""
_LEAST: Final = 0.1
_TIMEOUT: Final = "X-Prometheus-Scrape-Timeout-Seconds"
_PARAMETERS: Final = ("target", "module", "platform", "debug")
_KIND: Final = "text/plain; version=0.0.4; charset=utf-8"


class Module(StrEnum):
    """How one reference is audited."""

    LAST_BYTE = "last-byte"
    """Read the last byte of every blob, as an audit does."""
    HEAD = "head"
    """Headers are believed; a registry with a warm cache may lie in them."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One reference, and how to audit it."""

    reference: Reference
    platforms: frozenset[Platform] = frozenset()
    """That must run it; empty means what the registry's settings require."""
    module: Module = Module.LAST_BYTE


class NotProbed(Exception):
    """It must not, or cannot now, be probed; the text says why."""


Prober = Callable[[Asked], Awaitable[Report]]
"""Audits one reference of a configured registry; raises `NotProbed`."""


class Probe:
    """The handler: a few probes at a time, each within its time."""

    def __init__(self, prober: Prober, invocation: Invocation) -> None:
        """Audit references with this prober; `invocation` is for the commands in an answer."""
        self._prober, self._invocation = prober, invocation
        self._slots = asyncio.Semaphore(_AT_ONCE)

    async def answer(self, request: web.Request) -> web.Response:
        """Answer 200 with the result, 400 for what must not be probed, 503 for too many probes."""
        try:
            asked = read(request.query)
            limit = time_limit(request.headers.get(_TIMEOUT, ""))
            probed = await self._probe(asked, limit)
        except (Malformed, NotProbed) as error:
            raise web.HTTPBadRequest(text=f"{plain(str(error))}\n") from None
        if request.query.get("debug") == "true":
            return web.Response(text=debug(probed, self._invocation))
        return web.Response(body=metrics(probed), headers={"Content-Type": _KIND})

    async def _probe(self, asked: Asked, limit: float) -> Probed:
        began = monotonic()
        started, report = False, None
        try:
            async with asyncio.timeout(limit), self._slots:
                started = True
                report = await self._prober(asked)
        except TimeoutError:
            if not started:
                raise web.HTTPServiceUnavailable(text="too many probes at once\n") from None
        return Probed(asked.reference, report, monotonic() - began)


def read(parameters: MultiMapping[str]) -> Asked:
    """Parse the parameters; raises `Malformed` naming the one that is wrong."""
    check_known(parameters, _PARAMETERS)
    target, module = parameters.get("target", ""), parameters.get("module", Module.LAST_BYTE)
    if not target:
        raise Malformed("target: give a reference, host/repository:tag")
    if module not in tuple(Module):
        raise Malformed(f"module: {module[:50]!r} is none of {', '.join(Module)}")
    platforms = frozenset(map(Platform.parse, parameters.getall("platform", [])))
    return Asked(Reference.parse(target), platforms, Module(module))


def time_limit(header: str) -> float:
    """Return the seconds that a probe has; raises `Malformed` for a header that is no number.

    A scrape that ends before its probe does would leave nothing at all.
    """
    if not header:
        return _LONGEST
    try:
        given = float(header)
    except ValueError:
        raise Malformed(f"{_TIMEOUT}: {header[:50]!r} is no number of seconds") from None
    if not given > 0:
        raise Malformed(f"{_TIMEOUT}: {header[:50]!r} is no time")
    return min(max(given - _OFFSET, _LEAST), _LONGEST)
