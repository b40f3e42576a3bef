"""Which series does a storage have?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from exporter.facts.use import ReferenceClass
from exporter.judge.gc.preconditions import Effect, PreconditionCode
from exporter.judge.report import Report
from exporter.judge.stock import CollectorForecast, Stock
from exporter.publish.metrics import storage_families
from exporter.publish.metrics.exposition import Samples, label_pairs


def stock_series(samples: Samples, registry: str, stock: Stock) -> None:
    """Add what one registry's storage holds, and what each collection would do to it."""
    name = label_pairs(("registry",), (registry,))
    for family, value in (
        (storage_families.STORED_BYTES, stock.stored_bytes),
        (storage_families.STORED_REFERENCED_BYTES, stock.referenced_bytes),
        (storage_families.ORPHANED_BLOBS, stock.orphaned_blobs),
        (storage_families.ORPHANED_MANIFESTS, stock.orphaned_manifests),
    ):
        samples.add(family, name, value)
    reclaimable = stock.reclaimable
    for reason, size in (
        ("untagged", reclaimable.untagged),
        ("orphaned_blob", reclaimable.orphaned),
        ("stale_upload", reclaimable.stale_uploads),
    ):
        samples.add(storage_families.RECLAIMABLE_BYTES, f'{name},reason="{reason}"', size)
    for prediction in stock.predictions:
        _prediction(samples, name, prediction)
    found = Counter((each.code, each.effect) for each in stock.preconditions)
    for code in PreconditionCode:
        for effect in Effect:
            labels = f'{name},code="{code}",effect="{effect}"'
            samples.add(storage_families.GC_PRECONDITIONS, labels, found[code, effect])


def _prediction(samples: Samples, name: str, prediction: CollectorForecast) -> None:
    labels = f'{name},dialect="{prediction.dialect}",mode="{prediction.mode}"'
    for reference in ReferenceClass:
        count = prediction.victims.get(reference, 0)
        samples.add(storage_families.GC_VICTIMS, f'{labels},class="{reference}"', count)
    samples.add(storage_families.GC_RECLAIMABLE_BYTES, labels, prediction.reclaimable_bytes)
    samples.add(storage_families.GC_WOULD_ABORT, labels, bool(prediction.abort))


def shares(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add the repositories that hold most alone; return how many were left out."""
    rows = [
        (report.snapshot.registry, share)
        for report in reports
        if report.stock is not None
        for share in report.stock.shares
    ]
    rows.sort(key=lambda row: -row[1].exclusive)
    for registry, share in rows[:limit]:
        labels = label_pairs(("registry", "repository"), (registry, share.repository))
        samples.add(storage_families.REPOSITORY_EXCLUSIVE_BYTES, labels, share.exclusive)
    return max(0, len(rows) - limit)


def sole_protectors(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add the tags that alone protect most; return how many were left out."""
    rows = [
        (report.snapshot.registry, *tag, count)
        for report in reports
        if report.stock is not None
        for tag, count in report.stock.sole_protectors.items()
    ]
    rows.sort(key=lambda row: -row[3])
    for registry, repository, tag, count in rows[:limit]:
        labels = label_pairs(("registry", "repository", "tag"), (registry, repository, tag))
        samples.add(storage_families.SOLE_PROTECTOR, labels, count)
    return max(0, len(rows) - limit)
