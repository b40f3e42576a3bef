"""Results of a check, one for each tag, risk and gap: every format of CI is made of them."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum

from exporter.facts.gap import Scope
from exporter.facts.proof import State
from exporter.judge.finding import Severity
from exporter.judge.report import Report, TagReport
from exporter.publish.answers.losses import losses
from exporter.publish.formatting import address, gap_words, impact_words


class CheckOutcome(StrEnum):
    """The outcome; the worst of all decides the exit code."""

    FAILED = "failed"
    """It is proven that it cannot be pulled."""
    INCONCLUSIVE = "inconclusive"
    AT_RISK = "at risk"
    """It can be pulled, and a garbage collection may remove it."""
    PASSED = "passed"


@dataclass(frozen=True, slots=True)
class CheckResult:
    """One thing that was checked."""

    outcome: CheckOutcome
    rule: str
    """The code of what was checked: of a finding, or one of those here."""
    summary: str
    """One sentence, the same for every result of the rule."""
    registry: str
    repository: str
    """Empty for a gap of the registry."""
    name: str
    """The name that a node would pull; for a gap, its subject."""
    lines: tuple[str, ...] = ()
    """The details."""


_PULLABLE = "cannot-be-pulled", "Something that a pull needs is missing or broken."
_KNOWN = "inconclusive", "It could not be established whether this can be pulled."
_COVERED = "incomplete-coverage", "A part of the registry could not be audited."
_EMPTY = "No tags in scope: nothing was checked"


def results(
    reports: Iterable[Report], *, whole: bool, allow_empty: bool = False
) -> Iterator[CheckResult]:
    """Yield the results, the most urgent tags first.

    `whole` says that registries were asked for, not only images; `allow_empty` that one may have no
    tags in scope. The exit code of `check` is decided alike.
    """
    for report in reports:
        for tag in sorted(report.tags, key=lambda each: each.order):
            yield _tag(report, tag, whole=whole)
            yield from _risks(report, tag)
        for gap in report.snapshot.hiding:
            if whole or gap.scope is not Scope.REPOSITORY:
                yield _gap(report, gap.subject, gap_words(gap))
        if whole and report.empty and not allow_empty:
            yield _gap(report, report.snapshot.registry, _EMPTY)


def _tag(report: Report, tag: TagReport, *, whole: bool) -> CheckResult:
    verdict = tag.verdict
    where = (report.snapshot.registry, verdict.root.repository, address(report, verdict))
    if verdict.cannot_be_pulled:
        return CheckResult(CheckOutcome.FAILED, *_PULLABLE, *where, (*_lost(tag),))
    proxied = whole and report.snapshot.is_proxied(verdict.root.repository)
    if verdict.overall is State.UNKNOWN and not proxied:
        reasons = dict.fromkeys(str(each.reason) for each in verdict.children if each.reason)
        return CheckResult(CheckOutcome.INCONCLUSIVE, *_KNOWN, *where, (*reasons,))
    return CheckResult(CheckOutcome.PASSED, *_PULLABLE, *where)


def _lost(tag: TagReport) -> Iterator[str]:
    for loss in losses(tag.verdict):
        yield f"{loss.where} {loss.cell.text} {loss.digest}".rstrip()
        yield from loss.details
    yield from impact_words(tag.impact)
    yield from (
        f"repair: {hint}" for hint in dict.fromkeys(each.hint for each in tag.findings if each.hint)
    )


def _risks(report: Report, tag: TagReport) -> Iterator[CheckResult]:
    for each in tag.findings:
        if each.severity is Severity.WARNING and not each.rule.breaks_pull:
            yield CheckResult(
                CheckOutcome.AT_RISK,
                each.rule.code,
                each.rule.summary,
                report.snapshot.registry,
                tag.verdict.root.repository,
                address(report, tag.verdict),
                (each.detail,),
            )


def _gap(report: Report, name: str, text: str) -> CheckResult:
    registry = report.snapshot.registry
    return CheckResult(CheckOutcome.INCONCLUSIVE, *_COVERED, registry, "", name, (text,))
