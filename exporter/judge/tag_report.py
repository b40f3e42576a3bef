"""Reports made of verdicts: one for each tag, and the causes of losses."""

from collections.abc import Iterable, Mapping
from functools import cache, lru_cache
from types import MappingProxyType
from typing import Final

from exporter.facts.proof import GONE, State
from exporter.facts.use import Nodes, ReferenceClass
from exporter.judge.choice import failure
from exporter.judge.finding import Finding, Severity
from exporter.judge.impact import NO_IMPACT, Failure, Impact, users_of
from exporter.judge.leaves import Leaf
from exporter.judge.report import BrokenTag, Cause, Condition, Requirement, TagReport, Urgency
from exporter.judge.tag_verdict import ChildKind, Content, Lack, TagVerdict
from exporter.oci.platform import Platform

_NO_LOSS: Final[Mapping[ReferenceClass | None, float]] = MappingProxyType({})


def tag_report(
    verdict: TagVerdict,
    findings: tuple[Finding, ...],
    since: Mapping[str, float],
) -> TagReport:
    """Return the report of a tag; `since` is when findings were first seen, by key."""
    urgency = _urgency(verdict)
    return TagReport(
        verdict,
        findings,
        impact_of(verdict) if urgency is Urgency.CANNOT_BE_PULLED else NO_IMPACT,
        _lost_since(findings, since) if findings else _NO_LOSS,
        urgency,
        _conditions(verdict, findings, urgency),
        _incomplete(verdict),
        sum(use.failing_pulls for use in verdict.uses),
        next((use.pull_error for use in verdict.uses if use.pull_error), ""),
    )


def impact_of(verdict: TagVerdict) -> Impact:
    """Return the users that could not start again; none if no pull is known to fail."""
    if not verdict.uses or not verdict.failing:
        return NO_IMPACT
    # Hundreds of uses may say the same: whether a pull fails is found out once for each answer.
    said = [(use, use.nodes) for use in verdict.uses]
    fails = {nodes: _failure(verdict, nodes) for nodes in {nodes for _, nodes in said}}
    return Impact(users_of((use for use, nodes in said if fails[nodes]), fails))


def _failure(verdict: TagVerdict, nodes: Nodes) -> Failure | None:
    """Return where a pull for these nodes alone would fail.

    Where nobody says where it runs, whatever breaks the tag for its own class counts; and a tag
    that leads nowhere fails all.
    """
    leaves = [
        Leaf(each.digest, each.platform, each.kind) for each in verdict.children if each.digest
    ]
    if len(leaves) < len(verdict.children):
        return Failure(nodes.every) if verdict.broken_for_own_class else None
    here = {n for n, child in enumerate(verdict.children) if child.expected}
    lost = {n for n in here if verdict.children[n].state in GONE}
    found = failure(nodes, verdict.root, tuple(leaves), here, lost)
    if nodes.known:
        return found
    return (
        (found or (Failure() if verdict.lacking else None))
        if verdict.broken_for_own_class
        else None
    )


def _lost_since(
    findings: tuple[Finding, ...], since: Mapping[str, float]
) -> Mapping[ReferenceClass | None, float]:
    found: dict[ReferenceClass | None, float] = {}
    for finding in findings:
        if finding.rule.breaks_pull and finding.severity is not Severity.INFO:
            seen = since[finding.key]
            found[finding.required_by] = min(seen, found.get(finding.required_by, seen))
    return _shared(tuple(found.items())) if found else _NO_LOSS


@lru_cache(1024)
def _shared(
    items: tuple[tuple[ReferenceClass | None, float], ...],
) -> Mapping[ReferenceClass | None, float]:
    """Return one and the same mapping for the many tags that were lost at once."""
    return MappingProxyType(dict(items))


def _urgency(verdict: TagVerdict) -> Urgency:
    overall = verdict.overall
    if overall in GONE:
        return Urgency.CANNOT_BE_PULLED
    unknown = overall is State.UNKNOWN and not verdict.by_design
    return Urgency.UNKNOWN if unknown else Urgency.NONE


def _conditions(
    verdict: TagVerdict, findings: tuple[Finding, ...], urgency: Urgency
) -> frozenset[Condition]:
    if verdict.by_design:
        return _same(Condition.BY_DESIGN)
    found = [Condition(verdict.state.value)]
    if urgency is Urgency.CANNOT_BE_PULLED:
        found.append(Condition.CANNOT_BE_PULLED)
    if any(each.rule.at_risk and each.severity is not Severity.INFO for each in findings):
        found.append(Condition.AT_RISK)
    return _same(*found)


@cache
def _same(*conditions: Condition) -> frozenset[Condition]:
    """Return one and the same set for the many tags that are alike."""
    return frozenset(conditions)


def _incomplete(verdict: TagVerdict) -> frozenset[Requirement]:
    required = bool(verdict.lacking)
    optional = False
    for child in verdict.children:
        if child.expected and child.state is not State.PRESENT:
            required = required or child.required
            optional = optional or not child.required
    return _INCOMPLETE[required, optional]


_INCOMPLETE: Final = {
    (False, False): frozenset[Requirement](),
    (True, False): frozenset({Requirement.REQUIRED}),
    (False, True): frozenset({Requirement.OPTIONAL}),
    (True, True): frozenset(Requirement),
}


def causes(tags: Iterable[TagReport]) -> tuple[Cause, ...]:
    """Return all proven causes: those first that break the highest class, and the most."""
    found: dict[Content, tuple[Lack, list[BrokenTag], list[float]]] = {}
    for tag in tags:
        for content, (lack, broken) in _broken_by(tag.verdict).items():
            _, breaks, times = found.setdefault(content, (lack, [], []))
            breaks.append(broken)
            times.extend((tag.since,) if tag.since is not None else ())
    every = (
        Cause(lack, tuple(breaks), min(times, default=None))
        for lack, breaks, times in found.values()
    )
    return tuple(sorted(every, key=lambda each: (_stake(each), -len(each.breaks))))


def _stake(cause: Cause) -> tuple[bool, int]:
    required = [each.verdict.stake for each in cause.breaks if each.required]
    return not required, min(required, default=0)


def _broken_by(verdict: TagVerdict) -> dict[Content, tuple[Lack, BrokenTag]]:
    found: dict[Content, tuple[Lack, BrokenTag]] = {}
    for child in verdict.children:
        for lack in child.lacks:
            if not lack.lost:
                continue
            content = lack.content
            runs = child.platform if child.kind is ChildKind.IMAGE else None
            platforms: tuple[Platform, ...] = (runs,) if runs else ()
            required = child.required
            if content in found:
                before = found[content][1]
                platforms, required = before.platforms + platforms, before.required or required
            found[content] = lack, BrokenTag(verdict, platforms, required)
    return found
