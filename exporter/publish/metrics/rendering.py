"""The metrics of one state of the application: rendered once, served until the next one."""

import hashlib
import platform
from collections import Counter
from collections.abc import Sequence
from typing import Protocol

from exporter import __version__
from exporter.publish.metrics import catalogue, registry_series, tag_series
from exporter.publish.metrics.exposition import Exposition, Samples, expose
from exporter.publish.metrics.family import Limits
from exporter.publish.status import AppState, RegistryStatus, SourceStatus


class Published(Protocol):
    """The latest state and its metrics, swapped whole and together: what the web server shows."""

    @property
    def app_state(self) -> AppState:
        """The state of every registry and source."""
        ...

    @property
    def exposition(self) -> Exposition:
        """The metrics of that state: `render(app_state, limits)`."""
        ...


def render(app_state: AppState, limits: Limits) -> Exposition:
    """Return everything about a state that does not change until the next one."""
    return registries(app_state.statuses, limits).then(surroundings(app_state))


def surroundings(app_state: AppState) -> Exposition:
    """Return the metrics of the exporter and of its sources of references: a few lines."""
    samples, reload = Samples(), app_state.reload
    build = __version__, platform.python_version(), reload.external_url
    samples.put(catalogue.BUILD_INFO, 1, *build)
    samples.put(catalogue.CONFIG_LAST_RELOAD_SUCCESSFUL, reload.successful)
    samples.put(catalogue.CONFIG_LAST_RELOAD_SUCCESS, reload.last_success)
    samples.put(catalogue.REFERENCE_MAX_AGE, reload.reference_max_age)
    # 48 bits, as kube-state-metrics does: a sample's value holds no more than 53 exactly.
    digest = hashlib.sha256(reload.digest.encode()).digest()
    samples.put(catalogue.CONFIG_HASH, int.from_bytes(digest[:6], "big"))
    for source in app_state.sources:
        samples.put(catalogue.SOURCE_UP, source.up, source.source)
        samples.put(catalogue.SOURCE_REFERENCES, source.references, source.source)
        samples.put(catalogue.SOURCE_LAST_SYNC, source.last_sync, source.source)
        _kinds(samples, source)
    return expose(samples)


def _kinds(samples: Samples, source: SourceStatus) -> None:
    of_kinds = Counter((each.kind, gap) for each in source.kinds for gap in each.gaps)
    for each in source.kinds:
        samples.put(catalogue.KIND_UP, each.up, source.source, each.kind)
        samples.put(catalogue.KIND_LAST_SYNC, each.last_sync, source.source, each.kind)
        if each.watched is not None:
            samples.put(catalogue.KIND_WATCHED, each.watched, source.source, each.kind)
    known = {gap for _, gap in of_kinds}
    gaps = Counter((kind, gap.reason) for kind, gap in of_kinds)
    gaps += Counter(("", gap.reason) for gap in source.gaps if gap not in known)
    for (kind, reason), number in sorted(gaps.items()):
        samples.put(catalogue.SOURCE_GAPS, number, source.source, kind, reason)


def registries(statuses: Sequence[RegistryStatus], limits: Limits) -> Exposition:
    """Return the metrics of the registries: nearly all, and the same until an audit ends."""
    samples = Samples()
    for status in statuses:
        registry_series.audits(samples, status)
    for status in statuses:
        if status.report:
            registry_series.counts(samples, status, status.report)
            if status.report.storage:
                registry_series.storage(samples, status.registry, status.report.storage)
    reports = [status.report for status in statuses if status.report]
    for metric, limit, add in (
        ("repository", limits.repositories, registry_series.repositories),
        ("repository_exclusive_bytes", limits.repositories, registry_series.shares),
        ("tag", limits.tags, tag_series.tags),
        ("tag_sole_protected_children", limits.tags, registry_series.sole_protectors),
    ):
        _limited(samples, f"pullproof_{metric}", limit, add(samples, reports, limit))
    for family, rows in tag_series.INFOS.items():
        dropped = tag_series.infos(samples, family, rows, reports, limits.problems)
        _limited(samples, family.name, limits.problems, dropped)
    for family, add in (
        (catalogue.CAUSE_INFO, tag_series.causes),
        (catalogue.TAG_GONE_INFO, tag_series.gone),
    ):
        _limited(samples, family.name, limits.problems, add(samples, reports, limits.problems))
    return expose(samples)


def _limited(samples: Samples, metric: str, limit: int, dropped: int) -> None:
    samples.put(catalogue.SERIES_LIMIT, limit, metric)
    samples.put(catalogue.SERIES_DROPPED, dropped, metric)
