"""How far are the scrubs? Read at every scrape: a blob that takes an hour is seen to move."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

from prometheus_client import Metric
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

from exporter.publish.metrics import scrub_families
from exporter.publish.metrics.family import Family
from exporter.tally import OUTCOMES

if TYPE_CHECKING:
    from exporter.publish.status import RegistryStatus


def scrub_metrics(statuses: Sequence[RegistryStatus]) -> Iterator[Metric]:
    """Yield the families of the registries that are read whole."""
    tallies = {
        (each.registry, str(each.shard.index)): each.scrub
        for each in statuses
        if each.scrub is not None
    }
    size, blobs = scrub_families.BYTES, scrub_families.BLOBS
    inside = scrub_families.UNPACKED
    read = CounterMetricFamily(size.stem, size.help, labels=size.labels)
    unpacked = CounterMetricFamily(inside.stem, inside.help, labels=inside.labels)
    ended = CounterMetricFamily(blobs.stem, blobs.help, labels=blobs.labels)
    for where, tally in tallies.items():
        read.add_metric(where, tally.size)
        unpacked.add_metric(where, tally.unpacked)
        for outcome in OUTCOMES:
            ended.add_metric([*where, outcome], tally.blobs.get(outcome, 0))
    yield from (read, unpacked, ended)
    yield _gauge(scrub_families.OLDEST, {at: each.oldest_live for at, each in tallies.items()})
    yield _gauge(scrub_families.DONE, {at: each.proven for at, each in tallies.items()})
    yield _gauge(scrub_families.PERIOD, {at: each.period for at, each in tallies.items()})
    yield _gauge(scrub_families.BUDGET, {at: each.budget for at, each in tallies.items()})


def _gauge(family: Family, values: Mapping[tuple[str, str], float | None]) -> Metric:
    metric = GaugeMetricFamily(family.name, family.help, labels=family.labels)
    for where, value in values.items():
        if value is not None:
            metric.add_metric(where, value)
    return metric
