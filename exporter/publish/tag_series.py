"""Which tags and which problems are exported one by one, and what are their series?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from exporter.facts.proof import GONE, State
from exporter.facts.use import ReferenceClass
from exporter.judge.blast import blast
from exporter.judge.checks.unprotected_image import unprotected
from exporter.judge.judgement import live_holds
from exporter.judge.report import TagVerdict
from exporter.publish import catalogue
from exporter.publish.census import Needs, broken_since, needs
from exporter.publish.exposition import label_pairs
from exporter.publish.urgency import Urgency, urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.judge.hold import Hold
    from exporter.judge.report import Report
    from exporter.publish.exposition import Samples
    from exporter.publish.family import Family


@dataclass(frozen=True, slots=True)
class _Row:
    """One tag, ready to be sorted and written."""

    verdict: TagVerdict
    labels: str
    needs: tuple[tuple[str, Needs], ...]
    since: float | None
    unprotected: int | None
    """Live images that no tag leads to; None where that is not known, or nothing is live."""

    @property
    def order(self) -> tuple[int, ...]:
        """What sorts first is kept where not everything can be: proven trouble, live first."""
        first = urgency(self.verdict)
        quiet = first is Urgency.NONE and not any(
            each.missing or each.broken or each.unknown or each.unprotected
            for _, each in self.needs
        )
        return first, quiet, self.verdict.root.reference_class.rank


def tags(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add the series of the most urgent tags; return how many tags were left out."""
    rows = [row for report in reports for row in _rows(report)]
    rows.sort(key=lambda row: row.order)
    for row in rows[:limit]:
        _write(samples, row)
    return max(0, len(rows) - limit)


def problems(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add one series for everything that a tag lacks; return how many were left out."""
    return _first(samples, catalogue.MISSING_CHILD_INFO, _problems, reports, limit)


def affected(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add one series for every workload that a loss hits; return how many were left out."""
    return _first(samples, catalogue.AFFECTED_WORKLOAD_INFO, _affected, reports, limit)


def refused(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add one series for every set of credentials that a repository refuses; return as above."""
    return _first(samples, catalogue.LOGIN_REFUSED_INFO, _refused, reports, limit)


def _first(
    samples: Samples,
    family: Family,
    found: Callable[[Report, TagVerdict], Iterator[str]],
    reports: Iterable[Report],
    limit: int,
) -> int:
    """Add so many series of each report; its verdicts, and so its series, come live first."""
    dropped = 0
    for report in reports:
        each = dict.fromkeys(
            labels for verdict in report.verdicts for labels in found(report, verdict)
        )
        for labels in islice(each, limit):
            samples.add(family, labels, 1)
        dropped += max(0, len(each) - limit)
    return dropped


def _rows(report: Report) -> Iterator[_Row]:
    since = broken_since(report)
    holds = live_holds(report.snapshot, report.verdicts)
    for verdict in report.verdicts:
        both = (
            ("required", needs(report, verdict, required=True)),
            ("optional", needs(report, verdict, required=False)),
        )
        root = verdict.root
        yield _Row(
            verdict,
            _tag(report, verdict),
            tuple((need, counted) for need, counted in both if counted),
            since.get((root.repository, root.name)),
            _unprotected(verdict, holds.get(root.repository)),
        )


def _write(samples: Samples, row: _Row) -> None:
    for need, counted in row.needs:
        labels = f'{row.labels},need="{need}"'
        samples.add(catalogue.TAG_MISSING_CHILDREN, labels, counted.missing)
        samples.add(catalogue.TAG_BROKEN_CHILDREN, labels, counted.broken)
        samples.add(catalogue.TAG_UNKNOWN_CHILDREN, labels, counted.unknown)
        if counted.unprotected is not None:
            samples.add(catalogue.TAG_UNPROTECTED_CHILDREN, labels, counted.unprotected)
    if row.needs:
        left_out = len(row.verdict.left_out)
        lacking = len(row.verdict.lacking_platforms) - left_out
        samples.add(catalogue.TAG_LACKING_PLATFORMS, row.labels, lacking)
        samples.add(catalogue.TAG_UNMIRRORED_PLATFORMS, row.labels, left_out)
    if row.since is not None:
        samples.add(catalogue.TAG_BROKEN_SINCE, row.labels, row.since)
    if row.unprotected is not None:
        samples.add(catalogue.TAG_UNPROTECTED_IMAGES, row.labels, row.unprotected)
    if row.verdict.state in GONE:
        _blast(samples, row)


def _blast(samples: Samples, row: _Row) -> None:
    hit = blast(row.verdict)
    samples.add(catalogue.TAG_AFFECTED_WORKLOADS, row.labels, len(hit.workloads))
    samples.add(catalogue.TAG_AFFECTED_RUNNING, row.labels, hit.alive)
    if hit.next_run is not None:
        samples.add(catalogue.TAG_AFFECTED_NEXT_RUN, row.labels, hit.next_run)


def _affected(report: Report, verdict: TagVerdict) -> Iterator[str]:
    tag = _tag(report, verdict)
    names = catalogue.AFFECTED_WORKLOAD_INFO.labels[4:]
    for hit in blast(verdict).hits:
        workload = hit.workload
        if workload is not None:
            where = (workload.cluster, workload.namespace, workload.kind, workload.name)
            platforms = ",".join(map(str, hit.platforms))
            yield f"{tag},{label_pairs(names, (*where, platforms))}"


def _refused(report: Report, verdict: TagVerdict) -> Iterator[str]:
    names = catalogue.LOGIN_REFUSED_INFO.labels
    for each in verdict.admissions:
        if each.admitted is False:
            yield label_pairs(names, (report.snapshot.registry, each.repository, each.login))


def _unprotected(verdict: TagVerdict, hold: Hold | None) -> int | None:
    root = verdict.root
    said = root.tag is None or any(use.running for use in verdict.uses)
    if hold is None or not said or root.reference_class is not ReferenceClass.LIVE:
        return None
    found = unprotected(verdict, hold)
    return None if found is None else len(found)


def _problems(report: Report, verdict: TagVerdict) -> Iterator[str]:
    tag = _tag(report, verdict)
    names = catalogue.MISSING_CHILD_INFO.labels[4:]
    for child in verdict.children:
        if child.expected and child.state in GONE:
            need = "required" if child.required else "optional"
            where = (str(child.platform or ""), child.digest or "")
            yield f"{tag},{label_pairs(names, (*where, child.kind, child.state, need))}"
    left_out = verdict.left_out
    for platform in (each for each in verdict.lacking_platforms if each not in left_out):
        lacking = (str(platform), "", "platform", State.MISSING, "required")
        yield f"{tag},{label_pairs(names, lacking)}"


def _tag(report: Report, verdict: TagVerdict) -> str:
    root = verdict.root
    values = (report.snapshot.registry, root.repository, root.name, root.reference_class)
    return label_pairs(catalogue.TAG_LACKING_PLATFORMS.labels, values)
