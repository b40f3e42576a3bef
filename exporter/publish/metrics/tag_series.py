"""Which tags and which problems are exported one by one, and what are their series?"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.blast import blast
from exporter.judge.report import TagVerdict
from exporter.publish.census import Needs, broken_since, needs
from exporter.publish.metrics import catalogue
from exporter.publish.metrics.exposition import label_pairs
from exporter.publish.urgency import Urgency, stake, urgency

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from exporter.judge.blast import Blast, Hit
    from exporter.judge.report import Report
    from exporter.publish.metrics.exposition import Samples
    from exporter.publish.metrics.family import Family


@dataclass(frozen=True, slots=True)
class _Part:
    """What one class of uses needs of a tag, beyond what a higher one does."""

    reference_class: ReferenceClass
    labels: str
    needs: tuple[tuple[str, Needs], ...]
    since: float | None


@dataclass(frozen=True, slots=True)
class _Row:
    """One tag, ready to be sorted and written."""

    verdict: TagVerdict
    labels: str
    parts: tuple[_Part, ...]
    """Of its own class, then of each lower one that needs more."""

    @property
    def order(self) -> tuple[int, ...]:
        """What sorts first is kept where not everything can be: proven trouble, live first."""
        first = urgency(self.verdict)
        quiet = first is Urgency.NONE and not any(
            each.missing or each.broken or each.unknown or each.unprotected
            for part in self.parts
            for _, each in part.needs
        )
        return first, quiet, stake(self.verdict)


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
    since = {each: broken_since(report, each) for each in ReferenceClass}
    for verdict in report.verdicts:
        root = verdict.root
        parts = tuple(
            _part(report, verdict, each, since[each].get((root.repository, root.name)))
            for each in (root.reference_class, *_lower(verdict))
        )
        yield _Row(verdict, _tag(report, verdict), parts)


def _lower(verdict: TagVerdict) -> list[ReferenceClass]:
    """The classes below a tag's own that need more of it than that does."""
    found = {child.required_by for child in verdict.children}
    found |= {each.required_by for each in verdict.lacking}
    own = verdict.root.reference_class
    return [each for each in ReferenceClass if each in found and each is not own]


def _part(
    report: Report, verdict: TagVerdict, reference_class: ReferenceClass, since: float | None
) -> _Part:
    own = reference_class is verdict.root.reference_class
    both = (
        ("required", needs(report, verdict, reference_class)),
        ("optional", needs(report, verdict, None) if own else None),
    )
    counted = tuple((need, each) for need, each in both if each)
    return _Part(reference_class, _tag(report, verdict, reference_class), counted, since)


def _write(samples: Samples, row: _Row) -> None:
    for part in row.parts:
        _needs(samples, row.verdict, part)
    unprotected = row.verdict.unprotected
    if unprotected is not None:
        samples.add(catalogue.TAG_UNPROTECTED_IMAGES, row.labels, len(unprotected))


def _needs(samples: Samples, verdict: TagVerdict, part: _Part) -> None:
    for need, counted in part.needs:
        labels = f'{part.labels},need="{need}"'
        samples.add(catalogue.TAG_MISSING_CHILDREN, labels, counted.missing)
        samples.add(catalogue.TAG_BROKEN_CHILDREN, labels, counted.broken)
        samples.add(catalogue.TAG_UNKNOWN_CHILDREN, labels, counted.unknown)
        if counted.unprotected is not None:
            samples.add(catalogue.TAG_UNPROTECTED_CHILDREN, labels, counted.unprotected)
    if part.needs:
        lacking = [
            each.platform for each in verdict.lacking if each.required_by is part.reference_class
        ]
        left_out = len(verdict.elsewhere.intersection(lacking)) if lacking else 0
        samples.add(catalogue.TAG_LACKING_PLATFORMS, part.labels, len(lacking) - left_out)
        samples.add(catalogue.TAG_UNMIRRORED_PLATFORMS, part.labels, left_out)
    if part.since is not None:
        samples.add(catalogue.TAG_BROKEN_SINCE, part.labels, part.since)
    if part.reference_class in verdict.failing:
        hit = _hit(verdict, part.reference_class)
        samples.add(catalogue.TAG_AFFECTED_WORKLOADS, part.labels, len(hit.workloads))
        samples.add(catalogue.TAG_AFFECTED_RUNNING, part.labels, hit.alive)
        if hit.next_run is not None:
            samples.add(catalogue.TAG_AFFECTED_NEXT_RUN, part.labels, hit.next_run)


def _hit(verdict: TagVerdict, failing: ReferenceClass) -> Blast:
    """Whom a loss hits: of what a tag's own class needs, everybody; else those of that class."""
    found = blast(verdict)
    return found if failing is verdict.root.reference_class else found.of(failing)


def _affected(report: Report, verdict: TagVerdict) -> Iterator[str]:
    names = catalogue.AFFECTED_WORKLOAD_INFO.labels[4:]
    for failing in verdict.failing:
        tag = _tag(report, verdict, failing)
        for hit in _hit(verdict, failing).workloads:
            yield f"{tag},{label_pairs(names, _whom(hit))}"


def _whom(hit: Hit) -> Iterator[str]:
    workload = hit.workload
    if workload is not None:
        yield from (workload.cluster, workload.namespace, workload.kind, workload.name)
        yield ",".join(map(str, hit.platforms))


def _refused(report: Report, verdict: TagVerdict) -> Iterator[str]:
    names = catalogue.LOGIN_REFUSED_INFO.labels
    for each in verdict.admissions:
        if each.admitted is False:
            yield label_pairs(names, (report.snapshot.registry, each.repository, each.login))


def _problems(report: Report, verdict: TagVerdict) -> Iterator[str]:
    names = catalogue.MISSING_CHILD_INFO.labels[4:]
    for child in verdict.children:
        if child.lost:
            need = "required" if child.required else "optional"
            where = (str(child.platform or ""), child.digest or "")
            tag = _tag(report, verdict, child.required_by)
            yield f"{tag},{label_pairs(names, (*where, child.kind, child.state, need))}"
    left_out = verdict.left_out
    for each in verdict.lacking:
        if each.platform not in left_out:
            lacking = (str(each.platform), "", "platform", State.MISSING, "required")
            yield f"{_tag(report, verdict, each.required_by)},{label_pairs(names, lacking)}"


def _tag(report: Report, verdict: TagVerdict, of: ReferenceClass | None = None) -> str:
    """The labels of a tag, under its own class or under that which needs something of it."""
    root = verdict.root
    values = (report.snapshot.registry, root.repository, root.name, of or root.reference_class)
    return label_pairs(catalogue.TAG_LACKING_PLATFORMS.labels, values)
