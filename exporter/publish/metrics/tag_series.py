"""Which tags and which problems are exported one by one, and what are their series?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import chain, islice

from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.blast import Blast, Hit, blast
from exporter.judge.report import Report, TagVerdict
from exporter.publish.census import Lost, Needs, lost_since, needs
from exporter.publish.metrics import catalogue
from exporter.publish.metrics.exposition import Samples, label_pairs
from exporter.publish.metrics.family import Family
from exporter.publish.urgency import Urgency, stake, urgency


@dataclass(frozen=True, slots=True)
class Case:
    """One tag, and what follows of its verdict: found out once for all of its series."""

    report: Report
    verdict: TagVerdict
    blast: Blast
    lost_since: Mapping[Lost, float]
    """When what is lost of this and other tags was first seen to be."""

    def since(self, of: ReferenceClass) -> float | None:
        """When was it first seen that something is lost that a class needs?"""
        root = self.verdict.root
        return self.lost_since.get((root.repository, root.name, of))

    def hit(self, failing: ReferenceClass) -> Blast:
        """Whom a loss hits: of what the tag's own class needs, everybody; else that class."""
        own = failing is self.verdict.root.reference_class
        return self.blast if own else self.blast.of(failing)

    def labels(self, of: ReferenceClass | None = None) -> tuple[str, str, str, str]:
        """The values of a tag's labels, under its own class or under one that needs a part of it.

        They are compared by the hundred thousand, and an enum's value is slower than its text.
        """
        root = self.verdict.root
        reference = (of or root.reference_class).value
        return self.report.snapshot.registry, root.repository, root.name, reference

    def pairs(self, of: ReferenceClass | None = None) -> str:
        """The same as they are written."""
        return label_pairs(catalogue.TAG_LACKING_PLATFORMS.labels, self.labels(of))


def cases(report: Report) -> tuple[Case, ...]:
    """Return the tags of a report in its order, live first."""
    since = lost_since(report)
    return tuple(Case(report, each, blast(each), since) for each in report.verdicts)


def tags(samples: Samples, told: Iterable[tuple[Case, ...]], limit: int) -> int:
    """Add the series of the most urgent tags; return how many tags were left out."""
    ordered = sorted(chain.from_iterable(told), key=_order)
    for case in ordered[:limit]:
        _write(samples, case)
    return max(0, len(ordered) - limit)


def problems(samples: Samples, told: Iterable[tuple[Case, ...]], limit: int) -> int:
    """Add one series for everything that a tag lacks; return how many were left out."""
    return _first(samples, catalogue.MISSING_CHILD_INFO, _problems, told, limit)


def affected(samples: Samples, told: Iterable[tuple[Case, ...]], limit: int) -> int:
    """Add one series for every workload that a loss hits; return how many were left out."""
    return _first(samples, catalogue.AFFECTED_WORKLOAD_INFO, _affected, told, limit)


def refused(samples: Samples, told: Iterable[tuple[Case, ...]], limit: int) -> int:
    """Add one series for every set of credentials that a repository refuses; return as above."""
    return _first(samples, catalogue.LOGIN_REFUSED_INFO, _refused, told, limit)


def _first(
    samples: Samples,
    family: Family,
    found: Callable[[Case], Iterator[tuple[str, ...]]],
    told: Iterable[tuple[Case, ...]],
    limit: int,
) -> int:
    """Add so many series of each report; its cases, and so its series, come live first.

    The others are told apart by the values of their labels, which are not written for that.
    """
    dropped = 0
    for of_report in told:
        each = dict.fromkeys(values for case in of_report for values in found(case))
        for values in islice(each, limit):
            samples.add(family, label_pairs(family.labels, values), 1)
        dropped += max(0, len(each) - limit)
    return dropped


def _order(case: Case) -> tuple[int, bool, int]:
    """What sorts first is kept where not everything can be: proven trouble, live first."""
    first = urgency(case.verdict)
    return first, first is Urgency.NONE and not _at_risk(case), stake(case.verdict)


def _at_risk(case: Case) -> bool:
    return any(
        each.missing or each.broken or each.unknown or each.unprotected
        for reference_class in _classes(case.verdict)
        for _, each in _needs(case, reference_class)
    )


def _classes(verdict: TagVerdict) -> Iterator[ReferenceClass]:
    """A tag's own class, then the lower ones that need more of it than that does."""
    own = verdict.root.reference_class
    found = {child.required_by for child in verdict.children}
    found |= {each.required_by for each in verdict.lacking}
    yield own
    if found - {own, None}:
        yield from (each for each in ReferenceClass if each in found and each is not own)


def _needs(case: Case, reference_class: ReferenceClass) -> Iterator[tuple[str, Needs]]:
    """Count what one class needs beyond what a higher one does; of its own, also the rest."""
    required = needs(case.report, case.verdict, reference_class)
    if required:
        yield "required", required
    if reference_class is case.verdict.root.reference_class:
        optional = needs(case.report, case.verdict, None)
        if optional:
            yield "optional", optional


def _write(samples: Samples, case: Case) -> None:
    for reference_class in _classes(case.verdict):
        _write_class(samples, case, reference_class)
    if case.verdict.unprotected is not None:
        count = len(case.verdict.unprotected)
        samples.add(catalogue.TAG_UNPROTECTED_IMAGES, case.pairs(), count)


def _write_class(samples: Samples, case: Case, reference_class: ReferenceClass) -> None:
    verdict, tag = case.verdict, case.pairs(reference_class)
    found = tuple(_needs(case, reference_class))
    for need, counted in found:
        labels = f'{tag},need="{need}"'
        samples.add(catalogue.TAG_MISSING_CHILDREN, labels, counted.missing)
        samples.add(catalogue.TAG_BROKEN_CHILDREN, labels, counted.broken)
        samples.add(catalogue.TAG_UNKNOWN_CHILDREN, labels, counted.unknown)
        if counted.unprotected is not None:
            samples.add(catalogue.TAG_UNPROTECTED_CHILDREN, labels, counted.unprotected)
    if found:
        lacking = [each.platform for each in verdict.lacking if each.required_by is reference_class]
        left_out = len(verdict.elsewhere.intersection(lacking)) if lacking else 0
        samples.add(catalogue.TAG_LACKING_PLATFORMS, tag, len(lacking) - left_out)
        samples.add(catalogue.TAG_UNMIRRORED_PLATFORMS, tag, left_out)
    since = case.since(reference_class)
    if since is not None:
        samples.add(catalogue.TAG_BROKEN_SINCE, tag, since)
    if reference_class in verdict.failing:
        hit = case.hit(reference_class)
        samples.add(catalogue.TAG_AFFECTED_WORKLOADS, tag, len(hit.workloads))
        samples.add(catalogue.TAG_AFFECTED_RUNNING, tag, hit.alive)
        if hit.next_run is not None:
            samples.add(catalogue.TAG_AFFECTED_NEXT_RUN, tag, hit.next_run)


def _problems(case: Case) -> Iterator[tuple[str, ...]]:
    verdict = case.verdict
    for child in verdict.children:
        if child.lost:
            need = "required" if child.required else "optional"
            where = (str(child.platform or ""), child.digest or "")
            how = child.kind.value, child.state.value, need
            yield (*case.labels(child.required_by), *where, *how)
    left_out = verdict.left_out if verdict.lacking else ()
    for each in verdict.lacking:
        if each.platform not in left_out:
            lacking = (str(each.platform), "", "platform", State.MISSING.value, "required")
            yield (*case.labels(each.required_by), *lacking)


def _affected(case: Case) -> Iterator[tuple[str, ...]]:
    if not case.blast.hits:
        return
    for failing in case.verdict.failing:
        tag = case.labels(failing)
        for hit in case.hit(failing).workloads:
            yield (*tag, *_whom(hit))


def _whom(hit: Hit) -> Iterator[str]:
    workload = hit.workload
    if workload is not None:
        yield from (workload.cluster, workload.namespace, workload.kind, workload.name)
        yield ",".join(map(str, hit.platforms))


def _refused(case: Case) -> Iterator[tuple[str, ...]]:
    for each in case.verdict.admissions:
        if each.admitted is False:
            yield case.report.snapshot.registry, each.repository, each.login
