"""What does the exporter do and cost right now? Read at every scrape, appended to the rest."""

from __future__ import annotations

from collections.abc import Iterator
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

from exporter.publish.metrics import catalogue
from exporter.publish.metrics import exporter_families as own
from exporter.publish.metrics.exposition import Format
from exporter.publish.metrics.family import Family
from exporter.publish.metrics.scrub_series import scrub_metrics
from exporter.publish.status import AppState, RegistryStatus
from exporter.tally import BUCKETS, LedgerTally

_RESOURCES: Final = ("base", "catalog", "tags", "manifest", "blob", "token", "redirect")
_CODES: Final = ("2xx", "3xx", "401", "403", "404", "429", "4xx", "5xx", "error")


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


@dataclass(frozen=True, eq=False)
class _Live(Collector):
    """One state's tallies as families; hashable by identity, as a registry demands."""

    app_state: AppState

    def collect(self) -> Iterator[Metric]:
        statuses = self.app_state.statuses
        yield _in_progress(self.app_state)
        yield _requests(statuses)
        yield _durations(statuses)
        yield _total(
            own.RETRIES,
            {each.registry: float(each.tally.retries) for each in statuses},
        )
        waits = {each.registry: each.tally.throttled_seconds for each in statuses}
        yield _total(own.THROTTLE_WAIT, waits)
        yield from scrub_metrics(statuses)
        yield _ledger(self.app_state.ledger)
        loops = self.app_state.loops
        stalls = {name: float(tally.stalls) for name, tally in loops.items()}
        yield _total(own.LOOP_STALLS, stalls)
        yield _total(own.LOOP_STALLED, {name: each.seconds for name, each in loops.items()})


def _ledger(tally: LedgerTally | None) -> Metric:
    family = own.LEDGER_WRITABLE
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    if tally is not None:
        metric.add_metric((), float(tally.writable))
    return metric


def _openmetrics(registry: CollectorRegistry) -> bytes:
    # The library leaves this one function without annotations.
    return cast("bytes", generate_openmetrics(registry))  # type: ignore[no-untyped-call]


def _in_progress(app_state: AppState) -> Metric:
    family = catalogue.AUDIT_IN_PROGRESS
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for each in app_state.statuses:
        shard = str(each.shard.index)
        metric.add_metric([each.registry, shard], float(each.registry in app_state.in_progress))
    return metric


def _requests(statuses: tuple[RegistryStatus, ...]) -> Metric:
    """Every resource and code from the start on: a rate needs a zero to rise from."""
    family = own.REQUESTS
    metric = CounterMetricFamily(family.stem, family.help, labels=family.labels)
    for each in statuses:
        counts = dict.fromkeys(product(_RESOURCES, _CODES), 0) | each.tally.requests.copy()
        for (resource, code), count in counts.items():
            metric.add_metric([each.registry, resource, code], count)
    return metric


def _durations(statuses: tuple[RegistryStatus, ...]) -> Metric:
    family = own.REQUEST_DURATION
    metric = HistogramMetricFamily(family.name, family.help, labels=family.labels)
    bounds = (*map(str, BUCKETS), "+Inf")
    for each in statuses:
        for resource, counts in list(each.tally.seconds.items()):
            buckets = list(zip(bounds, map(float, accumulate(counts)), strict=True))
            total = each.tally.seconds_sum.get(resource, 0.0)
            metric.add_metric([each.registry, resource], buckets, total)
    return metric


def _total(family: Family, values: dict[str, float]) -> Metric:
    metric = CounterMetricFamily(family.stem, family.help, labels=family.labels)
    for name, value in values.items():
        metric.add_metric([name], value)
    return metric
