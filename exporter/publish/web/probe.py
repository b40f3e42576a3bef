"""The handler of /probe: checks one reference within the time of a scrape.

After the blackbox exporter, with one difference: only registries that are configured are asked.
Credentials belong to them, and a caller must not choose where they go.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from time import monotonic
from typing import Final

from aiohttp import web
from multidict import MultiMapping

from exporter.facts.proof import State
from exporter.judge.report import Report
from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.publish.answers import inspect
from exporter.publish.invocation import Invocation
from exporter.publish.metrics.exposition import Samples, expose
from exporter.publish.metrics.family import Family, Group, MetricType
from exporter.publish.render import terminal
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


def _gauge(name: str, text: str, *labels: str) -> Family:
    return Family(f"probe_{name}", MetricType.GAUGE, labels, text, Group.REQUESTS)


SUCCESS: Final = _gauge("success", "Whether the image is proven to be pullable.")
DURATION: Final = _gauge("duration_seconds", "Duration of the probe.")
TIMED_OUT: Final = _gauge("timed_out", "Whether the probe timed out before it had a result.")
STATE: Final = _gauge("state", "State of the image: 1 for its state, 0 for the others.", "state")
CHILDREN: Final = _gauge(
    "children", "Manifests that the image references, by need and state.", "need", "state"
)
LACKING: Final = _gauge(
    "lacking_platforms", "Platforms that must run the image but for which it has no manifest."
)


@dataclass(frozen=True, slots=True)
class Probed:
    """One probe that has ended."""

    reference: Reference
    report: Report | None
    """None where time was over."""
    seconds: float


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
        except NotProbed as error:
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


def metrics(probed: Probed) -> bytes:
    """Return the metrics of a probe in the text format; every series is always there."""
    # None where the registry could not be asked at all.
    verdict = next(iter(probed.report.verdicts), None) if probed.report else None
    samples = Samples()
    state = verdict.state if verdict else State.UNKNOWN
    samples.put(SUCCESS, state is State.PRESENT)
    samples.put(DURATION, probed.seconds)
    samples.put(TIMED_OUT, probed.report is None)
    for each in State:
        samples.put(STATE, each is state, each)
    children = verdict.children if verdict else ()
    counts = Counter((each.required, each.state) for each in children if each.expected)
    for need, required in (("required", True), ("optional", False)):
        for each in State:
            samples.put(CHILDREN, counts[required, each], need, each)
    samples.put(LACKING, len(verdict.lacking_platforms) if verdict else 0)
    return expose(samples).text.plain


def debug(probed: Probed, invocation: Invocation) -> str:
    """Return what was seen, for a person, with the metrics behind it."""
    if probed.report is None:
        seen = "The probe timed out before it had a result.\n"
    else:
        now = probed.report.snapshot.taken_at
        seen = terminal.render(inspect.blocks(probed.report, now, invocation))
    head = f"{probed.reference}, {probed.seconds:.3f} seconds\n\n"
    return f"{head}{seen}\nMetrics\n{metrics(probed).decode()}"
