"""Series of registries: their audits, counts and storage, and those of single repositories."""

from collections import Counter
from collections.abc import Sequence

from exporter.facts.gap import Reason, Scope
from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Severity
from exporter.judge.gc.preconditions import Effect, PreconditionCode
from exporter.judge.report import Report, RepositoryCounts
from exporter.judge.storage_use import CollectorForecast, StorageUse
from exporter.publish.metrics import catalogue
from exporter.publish.metrics.exposition import Samples
from exporter.publish.status import RegistryStatus


def audits(samples: Samples, status: RegistryStatus) -> None:
    """Add how the audits of a registry, or of a shard's part of it, go."""
    registry, shard, shards = status.registry, str(status.shard.index), str(status.shard.count)
    samples.put(
        catalogue.REGISTRY_INFO, 1, registry, status.role, status.kind.name, status.collector
    )
    samples.put(catalogue.SHARD_INFO, 1, registry, shard, shards)
    for index in range(status.shard.count):  # so that a missing one has a name
        samples.put(catalogue.SHARD_EXPECTED, 1, registry, str(index), shards)
    samples.put(catalogue.AUDIT_INTERVAL, status.interval, registry, shard)
    for each in ReferenceClass:
        samples.put(catalogue.PROOF_PERIOD, status.periods.get(each, 0.0), registry, shard, each)
    samples.put(catalogue.AUDITS, status.audits, registry, shard)
    samples.put(catalogue.REGISTRY_UP, status.up, registry, shard)
    samples.put(catalogue.AUDIT_DURATION, status.duration, registry, shard)
    samples.put(catalogue.AUDIT_LAST_ATTEMPT, status.last_attempt, registry, shard)
    samples.put(catalogue.AUDIT_LAST_SUCCESS, status.last_success, registry, shard)
    samples.put(catalogue.FACTS_LAST_EXPORT, status.facts_written, registry, shard)
    gaps = Counter((gap.scope, gap.reason) for gap in status.gaps)
    for reason in Reason:
        failures = status.failures.get(reason, 0)
        samples.put(catalogue.AUDIT_FAILURES, failures, registry, shard, reason)
    for scope in (each for each in Scope if each is not Scope.REFERENCES):  # told of its source
        for reason in Reason:
            samples.put(catalogue.GAPS, gaps[scope, reason], registry, shard, scope, reason)


def counts(samples: Samples, status: RegistryStatus, report: Report) -> None:
    """Add what a report counts; of a check that could not run, not even zeros."""
    part, total = (status.registry, str(status.shard.index)), report.counts
    samples.put(catalogue.FULL_READ_BYTES, report.snapshot.read_in_full or 0, *part)
    samples.put(catalogue.REFERENCED_BYTES, total.referenced_bytes, *part)
    for state in State:
        samples.put(catalogue.BLOBS, total.blobs.get(state, 0), *part, state)
    for each in ReferenceClass:
        for state in State:
            samples.put(catalogue.TAGS, total.tags.get((each, state), 0), *part, each, state)
            children = total.children.get((each, state), 0)
            samples.put(catalogue.CHILDREN, children, *part, each, state)
        if total.unprotected is not None:
            unprotected = total.unprotected.get(each, 0)
            samples.put(catalogue.UNPROTECTED_CHILDREN, unprotected, *part, each)
    for each, proven_at in total.oldest_proof.items():
        samples.put(catalogue.OLDEST_PROOF, proven_at, *part, each)
    found = Counter((finding.rule.code, finding.severity) for finding in report.findings)
    for rule in report.checked:
        for severity in Severity:
            number = found[rule.code, severity]
            samples.put(catalogue.FINDINGS, number, *part, rule.code, severity)


def storage(samples: Samples, registry: str, use: StorageUse) -> None:
    """Add what one registry's storage holds, and what each collection would do to it."""
    samples.put(catalogue.STORED_BYTES, use.stored_bytes, registry)
    samples.put(catalogue.STORED_REFERENCED_BYTES, use.referenced_bytes, registry)
    samples.put(catalogue.ORPHANED_BLOBS, use.orphaned_blobs, registry)
    samples.put(catalogue.ORPHANED_MANIFESTS, use.orphaned_manifests, registry)
    free = use.reclaimable
    samples.put(catalogue.RECLAIMABLE_BYTES, free.untagged, registry, "untagged")
    samples.put(catalogue.RECLAIMABLE_BYTES, free.orphaned, registry, "orphaned_blob")
    samples.put(catalogue.RECLAIMABLE_BYTES, free.stale_uploads, registry, "stale_upload")
    for forecast in use.predictions:
        _forecast(samples, registry, forecast)
    found = Counter((each.code, each.effect) for each in use.preconditions)
    for code in PreconditionCode:
        for effect in Effect:
            samples.put(catalogue.GC_PRECONDITIONS, found[code, effect], registry, code, effect)


def _forecast(samples: Samples, registry: str, forecast: CollectorForecast) -> None:
    where = registry, forecast.dialect, forecast.mode
    for each in ReferenceClass:
        samples.put(catalogue.GC_VICTIMS, forecast.victims.get(each, 0), *where, each)
    samples.put(catalogue.GC_RECLAIMABLE_BYTES, forecast.reclaimable_bytes, *where)
    samples.put(catalogue.GC_WOULD_ABORT, bool(forecast.abort), *where)


def repositories(samples: Samples, reports: Sequence[Report], limit: int) -> int:
    """Add the repositories with the most trouble; return how many were left out."""
    rows = [
        (report.snapshot.registry, repository, found)
        for report in reports
        for repository, found in report.counts.repositories.items()
    ]
    rows.sort(key=lambda row: _trouble(row[2]))
    for registry, repository, found in rows[:limit]:
        where = registry, repository
        samples.put(catalogue.REPOSITORY_TAGS, found.tags, *where)
        missing, broken, unknown = (-number for number in _trouble(found))
        samples.put(catalogue.REPOSITORY_MISSING_CHILDREN, missing, *where)
        samples.put(catalogue.REPOSITORY_BROKEN_CHILDREN, broken, *where)
        samples.put(catalogue.REPOSITORY_UNKNOWN_CHILDREN, unknown, *where)
        bare = found.unprotected
        total = None if bare is None else sum(bare.values())
        samples.put(catalogue.REPOSITORY_UNPROTECTED_CHILDREN, total, *where)
        samples.put(catalogue.REPOSITORY_LOGICAL_BYTES, found.logical_bytes, *where)
    return max(0, len(rows) - limit)


def _trouble(found: RepositoryCounts) -> tuple[int, int, int]:
    states: Counter[State] = Counter()
    for (_, state), number in found.children.items():
        states[state] += number
    return -states[State.MISSING], -states[State.BROKEN], -states[State.UNKNOWN]


def shares(samples: Samples, reports: Sequence[Report], limit: int) -> int:
    """Add the repositories that hold most alone; return how many were left out."""
    rows = [
        (share.exclusive, report.snapshot.registry, share.repository)
        for report in reports
        for share in (report.storage.shares if report.storage else ())
    ]
    rows.sort(key=lambda row: -row[0])
    for exclusive, *where in rows[:limit]:
        samples.put(catalogue.REPOSITORY_EXCLUSIVE_BYTES, exclusive, *where)
    return max(0, len(rows) - limit)


def sole_protectors(samples: Samples, reports: Sequence[Report], limit: int) -> int:
    """Add the tags that alone protect most; return how many were left out."""
    rows = [
        (number, report.snapshot.registry, *tag)
        for report in reports
        for tag, number in (report.storage.sole_protectors.items() if report.storage else ())
    ]
    rows.sort(key=lambda row: -row[0])
    for number, *where in rows[:limit]:
        samples.put(catalogue.SOLE_PROTECTOR, number, *where)
    return max(0, len(rows) - limit)
