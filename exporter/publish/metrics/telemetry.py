"""Live metrics: what the exporter does and costs right now. Read at every scrape."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate, product
from typing import Final, cast

from prometheus_client import (
    CollectorRegistry,
    GCCollector,
    Metric,
    PlatformCollector,
    ProcessCollector,
)
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import generate_latest as generate_text
from prometheus_client.openmetrics.exposition import generate_latest as generate_openmetrics
from prometheus_client.registry import Collector

from exporter.publish.metrics import catalogue, scrub_families
from exporter.publish.metrics.exposition import Format
from exporter.publish.metrics.family import Family, MetricType
from exporter.publish.status import AppState, RegistryStatus
from exporter.tally import EVENT_OUTCOMES, OUTCOMES, Durations, LedgerTally

_RESOURCES: Final = ("base", "catalog", "tags", "manifest", "blob", "token", "redirect")
_CODES: Final = ("2xx", "3xx", "401", "403", "404", "429", "4xx", "5xx", "error")
_Rows = Iterable[tuple[Sequence[str], float | None]]


class Telemetry:
    """The live metrics: of this process, and of what it asks the registries."""

    def __init__(self) -> None:
        self._process = CollectorRegistry()
        for collector in (ProcessCollector, PlatformCollector, GCCollector):
            collector(registry=self._process)

    def body(self, app_state: AppState, form: Format) -> bytes:
        """Return the live metrics; in OpenMetrics with the `# EOF` that ends the whole scrape."""
        live = CollectorRegistry()
        live.register(_Live(app_state))
        if form is Format.TEXT:
            return generate_text(live) + generate_text(self._process)
        return _openmetrics(live).removesuffix(b"# EOF\n") + _openmetrics(self._process)


def _openmetrics(registry: CollectorRegistry) -> bytes:
    # The library leaves this one function without annotations.
    return cast("bytes", generate_openmetrics(registry))  # type: ignore[no-untyped-call] # the library states no types here


@dataclass(frozen=True, eq=False)
class _Live(Collector):
    """The tallies of one moment as families; hashable by identity, as a registry demands."""

    app_state: AppState

    def collect(self) -> Iterator[Metric]:
        state, statuses = self.app_state, self.app_state.statuses
        yield _metric(
            catalogue.AUDIT_IN_PROGRESS,
            ((_part(each), each.registry in state.in_progress) for each in statuses),
        )
        yield _metric(catalogue.REQUESTS, _requests(statuses))
        yield _metric(
            catalogue.RECEIVED_BYTES,
            (
                ((each.registry, resource), each.tally.received.get(resource, 0))
                for each in statuses
                for resource in _RESOURCES
            ),
        )
        yield _histogram(
            catalogue.REQUEST_DURATION,
            (
                ((each.registry, resource), durations)
                for each in statuses
                for resource, durations in list(each.tally.durations.items())
            ),
        )
        retries = (([each.registry], each.tally.retries) for each in statuses)
        yield _metric(catalogue.RETRIES, retries)
        waits = (([each.registry], each.tally.throttled_seconds) for each in statuses)
        yield _metric(catalogue.THROTTLE_WAIT, waits)
        yield from _events(statuses)
        yield from _scrubs(statuses)
        yield _metric(catalogue.LEDGER_WRITABLE, _ledger(state.ledger))
        loops = state.loops.items()
        yield _metric(catalogue.LOOP_STALLED, (([name], each.seconds) for name, each in loops))


def _metric(family: Family, rows: _Rows) -> Metric:
    """Return a family with its samples; what is None has none."""
    kind = CounterMetricFamily if family.kind is MetricType.COUNTER else GaugeMetricFamily
    metric = kind(family.stem, family.help, labels=family.labels)
    for labels, value in rows:
        if value is not None:
            metric.add_metric(labels, value)
    return metric


def _part(status: RegistryStatus) -> tuple[str, str]:
    return status.registry, str(status.shard.index)


def _requests(statuses: Iterable[RegistryStatus]) -> _Rows:
    """Every resource and code from the start on: a rate needs a zero to rise from."""
    for each in statuses:
        counts = dict.fromkeys(product(_RESOURCES, _CODES), 0) | each.tally.requests.copy()
        for (resource, code), count in counts.items():
            yield (each.registry, resource, code), count


def _histogram(family: Family, rows: Iterable[tuple[Sequence[str], Durations]]) -> Metric:
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    for labels, each in rows:
        bounds = (*map(str, each.bounds), "+Inf")
        within = map(float, accumulate(each.counts))
        metric.add_metric(labels, list(zip(bounds, within, strict=True)), each.total)
    return metric


def _events(statuses: Iterable[RegistryStatus]) -> Iterator[Metric]:
    """Yield the families of the registries that send events."""
    found = [(_part(each), each.events) for each in statuses if each.events is not None]
    yield _metric(
        catalogue.EVENTS,
        (
            ((*part, outcome), each.received.get(outcome, 0))
            for part, each in found
            for outcome in EVENT_OUTCOMES
        ),
    )
    yield _histogram(catalogue.EVENT_DURATION, ((part, each.durations) for part, each in found))


def _scrubs(statuses: Iterable[RegistryStatus]) -> Iterator[Metric]:
    """Yield the families of full verification, live: one blob may take an hour."""
    found = [(_part(each), each.scrub) for each in statuses if each.scrub is not None]
    ended = (
        ((*part, outcome), each.blobs.get(outcome, 0))
        for part, each in found
        for outcome in OUTCOMES
    )
    yield _metric(scrub_families.BYTES, ((part, each.size) for part, each in found))
    yield _metric(scrub_families.UNPACKED, ((part, each.unpacked) for part, each in found))
    yield _metric(scrub_families.BLOBS, ended)
    yield _metric(scrub_families.OLDEST, ((part, each.oldest_live) for part, each in found))
    yield _metric(scrub_families.DONE, ((part, each.proven) for part, each in found))
    yield _metric(scrub_families.PERIOD, ((part, each.period) for part, each in found))
    yield _metric(scrub_families.BUDGET, ((part, each.budget) for part, each in found))


def _ledger(tally: LedgerTally | None) -> _Rows:
    if tally is not None:
        yield (), tally.writable
