"""The metrics of one `AppState`, rendered once and served until the next one."""

from __future__ import annotations

import hashlib
import platform
from collections import Counter
from collections.abc import Mapping, Sequence

from exporter import __version__
from exporter.facts.gap import Reason, Scope
from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Severity
from exporter.judge.report import Counts, Report, RepositoryCounts
from exporter.oci.reference import Repository
from exporter.publish.metrics import catalogue
from exporter.publish.metrics import exporter_families as own
from exporter.publish.metrics.exposition import Exposition, Samples, expose, label_pairs
from exporter.publish.metrics.limits import Limits
from exporter.publish.metrics.stock_series import shares, sole_protectors, stock_series
from exporter.publish.metrics.tag_series import affected, problems, refused, tags
from exporter.publish.status import AppState, RegistryStatus, SourceStatus


def render(app_state: AppState, limits: Limits) -> Exposition:
    """Return everything about a state that does not change until the next one."""
    return surroundings(app_state).then(registries(app_state.statuses, limits))


def surroundings(app_state: AppState) -> Exposition:
    """Return what is said of the exporter and of its sources of references: a few lines."""
    samples = Samples()
    _exporter(samples, app_state)
    for source in app_state.sources:
        _source(samples, source)
    return expose(samples)


def registries(statuses: Sequence[RegistryStatus], limits: Limits) -> Exposition:
    """Return what is said of the registries: nearly all, and the same until an audit ends."""
    samples = Samples()
    shown = [(each, each.report) for each in statuses if each.report]
    reports = [report for _, report in shown]
    for status in statuses:
        _audits(samples, status)
    for status, report in shown:
        _registry(samples, part(status), report, report.counts)
        if report.stock is not None:
            stock_series(samples, report.snapshot.registry, report.stock)
    most, worst, tagged = limits.repositories, limits.problems, limits.tags
    dropped = {
        "pullproof_repository": (most, _repositories(samples, reports, most)),
        "pullproof_repository_exclusive_bytes": (most, shares(samples, reports, most)),
        "pullproof_tag": (tagged, tags(samples, reports, tagged)),
        "pullproof_tag_sole_protected_children": (
            tagged,
            sole_protectors(samples, reports, tagged),
        ),
        "pullproof_missing_child_info": (worst, problems(samples, reports, worst)),
        "pullproof_affected_workload_info": (worst, affected(samples, reports, worst)),
        "pullproof_login_refused_info": (worst, refused(samples, reports, worst)),
    }
    _limits(samples, dropped)
    return expose(samples)


def _exporter(samples: Samples, app_state: AppState) -> None:
    versions = (__version__, platform.python_version())
    samples.add(own.BUILD_INFO, label_pairs(own.BUILD_INFO.labels, versions), 1)
    reload = app_state.reload
    samples.add(own.CONFIG_LAST_RELOAD_SUCCESSFUL, "", reload.successful)
    samples.add(own.CONFIG_LAST_RELOAD_SUCCESS, "", reload.last_success)
    # 48 bits, as kube-state-metrics does: a sample's value holds no more than 53 exactly.
    digest = hashlib.sha256(reload.digest.encode()).digest()
    samples.add(own.CONFIG_HASH, "", int.from_bytes(digest[:6], "big"))


def _source(samples: Samples, source: SourceStatus) -> None:
    name = label_pairs(("source",), (source.source,))
    samples.add(catalogue.SOURCE_UP, name, source.up)
    samples.add(catalogue.SOURCE_REFERENCES, name, source.references)
    if source.last_sync is not None:
        samples.add(catalogue.SOURCE_LAST_SYNC, name, source.last_sync)


def _audits(samples: Samples, status: RegistryStatus) -> None:
    info = (status.registry, status.role, status.collector)
    samples.add(catalogue.REGISTRY_INFO, label_pairs(catalogue.REGISTRY_INFO.labels, info), 1)
    _shards(samples, status)
    name = part(status)
    samples.add(catalogue.AUDIT_INTERVAL, name, status.interval)
    samples.add(catalogue.AUDITS, name, status.audits)
    for family, value in (
        (catalogue.REGISTRY_UP, status.up),
        (catalogue.AUDIT_DURATION, status.duration),
        (catalogue.AUDIT_LAST_ATTEMPT, status.last_attempt),
        (catalogue.AUDIT_LAST_SUCCESS, status.last_success),
        (catalogue.FACTS_LAST_EXPORT, status.facts_written),
    ):
        if value is not None:
            samples.add(family, name, value)
    for reason in Reason:
        labels = f"{name},{label_pairs(('reason',), (reason,))}"
        samples.add(catalogue.AUDIT_FAILURES, labels, status.failures.get(reason, 0))
    gaps = Counter((gap.scope, gap.reason) for gap in status.gaps)
    for scope in Scope:
        for reason in Reason:
            labels = f"{name},{label_pairs(('scope', 'reason'), (scope, reason))}"
            samples.add(catalogue.GAPS, labels, gaps[scope, reason])


def part(status: RegistryStatus) -> str:
    """Return the labels of what is said of a registry, or of the part of it that a shard sees."""
    return label_pairs(("registry", "shard"), (status.registry, str(status.shard.index)))


def _shards(samples: Samples, status: RegistryStatus) -> None:
    """Say which shard this is, and which ones there must be: so a missing one has a name."""
    names, shards = catalogue.SHARD_INFO.labels, str(status.shard.count)
    own = (status.registry, str(status.shard.index), shards)
    samples.add(catalogue.SHARD_INFO, label_pairs(names, own), 1)
    for index in range(status.shard.count):
        each = (status.registry, str(index), shards)
        samples.add(catalogue.SHARD_EXPECTED, label_pairs(names, each), 1)


def _registry(samples: Samples, name: str, report: Report, counts: Counts) -> None:
    repositories = tuple(counts.repositories.values())
    samples.add(catalogue.REFERENCED_BYTES, name, counts.referenced_bytes)
    for state in State:
        samples.add(catalogue.BLOBS, f'{name},state="{state}"', counts.blobs.get(state, 0))
    for each in ReferenceClass:
        labels = f'{name},class="{each}"'
        _states(samples, labels, each, counts, repositories)
        known = [house.unprotected for house in repositories if house.unprotected is not None]
        if known:
            total = sum(house.get(each, 0) for house in known)
            samples.add(catalogue.UNPROTECTED_CHILDREN, labels, total)
    found = Counter((finding.rule.code, finding.severity) for finding in report.findings)
    for rule in report.checked:
        for severity in Severity:
            labels = f'{name},check="{rule.code}",severity="{severity}"'
            samples.add(catalogue.FINDINGS, labels, found[rule.code, severity])


def _states(
    samples: Samples,
    labels: str,
    reference: ReferenceClass,
    counts: Counts,
    repositories: tuple[RepositoryCounts, ...],
) -> None:
    for state in State:
        where = f'{labels},state="{state}"'
        samples.add(catalogue.TAGS, where, counts.tags.get((reference, state), 0))
        total = sum(house.children.get((reference, state), 0) for house in repositories)
        samples.add(catalogue.CHILDREN, where, total)


def _repositories(samples: Samples, reports: list[Report], limit: int) -> int:
    """Add the repositories with the most trouble; return how many were left out."""
    rows = [
        (report.snapshot.registry, repository, counts)
        for report in reports
        for repository, counts in report.counts.repositories.items()
    ]
    rows.sort(key=lambda row: _trouble(row[2]))
    for registry, repository, counts in rows[:limit]:
        _repository(samples, registry, repository, counts)
    return max(0, len(rows) - limit)


def _trouble(counts: RepositoryCounts) -> tuple[int, ...]:
    return tuple(-counts.among(each) for each in (State.MISSING, State.BROKEN, State.UNKNOWN))


def _repository(
    samples: Samples, registry: str, repository: Repository, counts: RepositoryCounts
) -> None:
    labels = label_pairs(("registry", "repository"), (registry, repository))
    samples.add(catalogue.REPOSITORY_TAGS, labels, counts.tags)
    for family, state in (
        (catalogue.REPOSITORY_MISSING_CHILDREN, State.MISSING),
        (catalogue.REPOSITORY_BROKEN_CHILDREN, State.BROKEN),
        (catalogue.REPOSITORY_UNKNOWN_CHILDREN, State.UNKNOWN),
    ):
        samples.add(family, labels, counts.among(state))
    if counts.unprotected is not None:
        total = sum(counts.unprotected.values())
        samples.add(catalogue.REPOSITORY_UNPROTECTED_CHILDREN, labels, total)
    samples.add(catalogue.REPOSITORY_LOGICAL_BYTES, labels, counts.logical_bytes)


def _limits(samples: Samples, dropped: Mapping[str, tuple[int, int]]) -> None:
    for metric, (limit, left_out) in dropped.items():
        labels = label_pairs(("metric",), (metric,))
        samples.add(own.SERIES_LIMIT, labels, limit)
        samples.add(own.SERIES_DROPPED, labels, left_out)
