"""Series of single tags, of their problems and of the workloads that those affect."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import islice
from typing import Final

from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.report import ChildCounts, Report, TagReport, Urgency
from exporter.judge.tag_verdict import TagVerdict
from exporter.publish.metrics import catalogue
from exporter.publish.metrics.exposition import Samples, label_pairs
from exporter.publish.metrics.family import Family

Rows = Callable[[str, TagReport], Iterator[tuple[str, ...]]]
"""Yields the values of the labels of each series of a tag, whose registry is given first."""


def _labels(
    registry: str, tag: TagReport, of: ReferenceClass | None = None
) -> tuple[str, str, str, str]:
    """The values of a tag's labels, under its own class or under one that needs a part of it.

    They are compared by the hundred thousand, and an enum's value is slower than its text.
    """
    root = tag.verdict.root
    return registry, root.repository, root.name, (of or root.reference_class).value


def tags(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add the series of the most urgent tags; return how many tags were left out."""
    known = [(report.snapshot.registry, tag) for report in reports for tag in report.tags]
    known.sort(key=lambda each: _order(each[1]))
    for registry, tag in known[:limit]:
        _write(samples, registry, tag)
    return max(0, len(known) - limit)


def infos(
    samples: Samples, family: Family, rows: Rows, reports: Iterable[Report], limit: int
) -> int:
    """Add so many info series of each report; return how many were left out.

    Tags, and so their series, come live first. The others are told apart by the values of their
    labels, which are not written for that.
    """
    dropped = 0
    for report in reports:
        registry = report.snapshot.registry
        each = dict.fromkeys(values for tag in report.tags for values in rows(registry, tag))
        for values in islice(each, limit):
            samples.put(family, 1, *values)
        dropped += max(0, len(each) - limit)
    return dropped


def gone(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add a series for so many broken tags that are not listed any more; return the rest."""
    dropped = 0
    for report in reports:
        for each in report.vanished[:limit]:
            labels = each.repository, each.tag, each.reference_class.value
            samples.put(catalogue.TAG_GONE_INFO, 1, report.snapshot.registry, *labels)
        dropped += max(0, len(report.vanished) - limit)
    return dropped


def causes(samples: Samples, reports: Iterable[Report], limit: int) -> int:
    """Add the series of so many causes of each report; return how many were left out."""
    dropped = 0
    for report in reports:
        tags: dict[tuple[str, str], Counter[str]] = {}
        states: dict[tuple[str, str], str] = {}
        what: tuple[str, str]
        for cause in filter(lambda each: each.breaks, report.causes):
            # One layer may be wrong for two images, each in its own way: it is one digest.
            what = cause.lack.digest, cause.lack.kind
            states.setdefault(what, cause.lack.state.value)
            classes = {each.value: count for each, count in cause.classes.items()}
            tags.setdefault(what, Counter()).update(classes)
        for what, classes in islice(tags.items(), limit):
            registry = report.snapshot.registry
            samples.put(catalogue.CAUSE_INFO, 1, registry, *what, states[what])
            for name, amount in classes.items():
                samples.put(catalogue.CAUSE_AFFECTED_TAGS, amount, registry, *what, name)
        dropped += max(0, len(tags) - limit)
    return dropped


def _order(tag: TagReport) -> tuple[int, bool, int]:
    """What sorts first is kept where not everything can be: proven trouble, live first."""
    return tag.urgency, tag.urgency is Urgency.NONE and not _at_risk(tag), tag.verdict.stake


def _at_risk(tag: TagReport) -> bool:
    return bool(tag.incomplete or tag.failing_pulls or tag.verdict.unprotected) or any(
        each.unprotected
        for reference_class in _classes(tag.verdict)
        for _, each in _counts(tag, reference_class)
    )


def _classes(verdict: TagVerdict) -> Iterator[ReferenceClass]:
    """A tag's own class, then the lower ones that need more of it than that does."""
    own = verdict.root.reference_class
    found = {child.required_by for child in verdict.children}
    found |= {each.required_by for each in verdict.lacking}
    yield own
    if found - {own, None}:
        yield from (each for each in ReferenceClass if each in found and each is not own)


def _counts(tag: TagReport, of: ReferenceClass) -> Iterator[tuple[str, ChildCounts]]:
    """Count what one class needs beyond what a higher one does; of its own, also the rest."""
    required = tag.child_counts(of)
    if required:
        yield "required", required
    possible = tag.child_counts(of, possible=True)
    if possible:
        yield "possible", possible
    if of is tag.verdict.root.reference_class:
        optional = tag.child_counts(None)
        if optional:
            yield "optional", optional


def _write(samples: Samples, registry: str, tag: TagReport) -> None:
    for reference_class in _classes(tag.verdict):
        _write_class(samples, registry, tag, reference_class)
    if tag.verdict.unprotected is not None:
        labels = label_pairs(catalogue.TAG_UNPROTECTED_IMAGES.labels, _labels(registry, tag))
        samples.add(catalogue.TAG_UNPROTECTED_IMAGES, labels, len(tag.verdict.unprotected))
    if tag.failing_pulls:
        samples.put(catalogue.TAG_FAILING_PULLS, tag.failing_pulls, *_labels(registry, tag))


def _write_class(samples: Samples, registry: str, tag: TagReport, of: ReferenceClass) -> None:
    verdict = tag.verdict
    labels = label_pairs(catalogue.TAG_LACKING_PLATFORMS.labels, _labels(registry, tag, of))
    found = tuple(_counts(tag, of))
    for need, counts in found:
        where = f'{labels},need="{need}"'
        samples.add(catalogue.TAG_MISSING_CHILDREN, where, counts.missing)
        samples.add(catalogue.TAG_BROKEN_CHILDREN, where, counts.broken)
        samples.add(catalogue.TAG_UNKNOWN_CHILDREN, where, counts.unknown)
        if counts.unprotected is not None:
            samples.add(catalogue.TAG_UNPROTECTED_CHILDREN, where, counts.unprotected)
    if found:
        lacking = [each.platform for each in verdict.lacking if each.required_by is of]
        left_out = len(verdict.elsewhere.intersection(lacking)) if lacking else 0
        samples.add(catalogue.TAG_LACKING_PLATFORMS, labels, len(lacking) - left_out)
        samples.add(catalogue.TAG_UNMIRRORED_PLATFORMS, labels, left_out)
    if of in tag.lost_since:
        samples.add(catalogue.TAG_BROKEN_SINCE, labels, tag.lost_since[of])
    if of in verdict.failing:
        impact = tag.impact_on(of)
        for need, hit in (("required", impact.certain), ("possible", impact.possible)):
            if need == "required" or hit.users:
                where = f'{labels},need="{need}"'
                samples.add(catalogue.TAG_AFFECTED_WORKLOADS, where, len(hit.workloads))
                samples.add(catalogue.TAG_AFFECTED_RUNNING, where, hit.running)
        if impact.next_run is not None:
            samples.add(catalogue.TAG_AFFECTED_NEXT_RUN, labels, impact.next_run)


def _problems(registry: str, tag: TagReport) -> Iterator[tuple[str, ...]]:
    verdict = tag.verdict
    for child in verdict.children:
        if child.lost:
            where = (str(child.platform or ""), child.digest or "")
            how = child.kind.value, child.state.value, child.need
            yield (*_labels(registry, tag, child.required_by), *where, *how)
    elsewhere = verdict.elsewhere if verdict.lacking else ()
    for each in verdict.lacking:
        if each.platform not in elsewhere:
            lacking = (str(each.platform), "", "platform", State.MISSING.value, "required")
            yield (*_labels(registry, tag, each.required_by), *lacking)


def _affected(registry: str, tag: TagReport) -> Iterator[tuple[str, ...]]:
    for failing in tag.verdict.failing if tag.impact.users else ():
        labels = _labels(registry, tag, failing)
        for user in tag.impact_on(failing).workloads:
            if user.workload:
                cluster, namespace = user.workload.cluster, user.workload.namespace
                whom = cluster, namespace, user.workload.kind, user.workload.name
                need = "required" if user.stops else "possible"
                yield (*labels, *whom, ",".join(map(str, user.fails_on)), need)


def _refused(registry: str, tag: TagReport) -> Iterator[tuple[str, ...]]:
    for each in tag.verdict.admissions:
        if each.admitted is False:
            yield registry, each.repository, each.login


INFOS: Final[Mapping[Family, Rows]] = {
    catalogue.MISSING_CHILD_INFO: _problems,
    catalogue.AFFECTED_WORKLOAD_INFO: _affected,
    catalogue.LOGIN_REFUSED_INFO: _refused,
}
"""One series for everything that a tag lacks, each workload that a loss affects, and each set of
credentials that a repository refuses."""
