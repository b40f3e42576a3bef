"""Answers of a check for continuous integration: JUnit, SARIF, GitHub's workflow commands.

Every format is made of the same results: one for each tag, risk and gap.
"""

import hashlib
import json
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final
from urllib.parse import quote
from xml.etree.ElementTree import Element, SubElement, tostring

from exporter import __version__
from exporter.facts.gap import Scope
from exporter.facts.proof import State
from exporter.judge.finding import Severity
from exporter.judge.report import Cause, Report, TagReport
from exporter.judge.tag_verdict import Content
from exporter.publish.answers.losses import cause_item, is_explained, losses
from exporter.publish.blocks import List
from exporter.publish.formatting import address, count_words, gap_words, impact_words
from exporter.publish.render import terminal
from exporter.screen import escaped, plain


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
    causes: tuple["CheckResult", ...] = ()
    """The lost content that breaks this tag and others: the same for each of them."""
    explained: bool = False
    """Is nothing else wrong with it?"""


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
        causes = _shared_causes(report)
        for tag in sorted(report.tags, key=lambda each: each.order):
            yield _tag(report, tag, causes.get(tag.name, {}), whole=whole)
            yield from _risks(report, tag)
        for gap in report.snapshot.hiding:
            if whole or gap.scope is not Scope.REPOSITORY:
                yield _gap(report, gap.subject, gap_words(gap))
        if whole and report.empty and not allow_empty:
            yield _gap(report, report.snapshot.registry, _EMPTY)


def _shared_causes(report: Report) -> dict[str, dict[Content, CheckResult]]:
    """Return what breaks several tags, by the name of each of them."""
    found: defaultdict[str, dict[Content, CheckResult]] = defaultdict(dict)
    for cause in report.causes:
        if len(cause.breaks) > 1:
            result = _cause(report, cause)
            for broken in cause.breaks:
                found[broken.verdict.name][cause.lack.content] = result
    return found


def _cause(report: Report, cause: Cause) -> CheckResult:
    name = f"{cause.lack.kind} {cause.lack.digest}"
    lines = terminal.render([List((cause_item(cause),))]).splitlines()
    registry = report.snapshot.registry
    return CheckResult(CheckOutcome.FAILED, *_PULLABLE, registry, "", name, (registry, *lines))


def _tag(
    report: Report, tag: TagReport, causes: Mapping[Content, CheckResult], *, whole: bool
) -> CheckResult:
    verdict = tag.verdict
    where = (report.snapshot.registry, verdict.root.repository, address(report, verdict))
    if verdict.cannot_be_pulled:
        shared = tuple(causes.values()), is_explained(verdict, causes)
        return CheckResult(CheckOutcome.FAILED, *_PULLABLE, *where, (*_lost(tag),), *shared)
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


_ANNOTATIONS: Final = {
    CheckOutcome.FAILED: "error",
    CheckOutcome.INCONCLUSIVE: "warning",
    CheckOutcome.AT_RISK: "notice",
}
_MOST_ANNOTATIONS: Final = 10
"""Annotations of a kind that GitHub shows of one step."""


def github(results: Iterable[CheckResult]) -> str:
    """Return workflow commands of GitHub Actions: annotations of the run, and a summary.

    An annotation for each cause that breaks several tags, those of most tags first, then for each
    result that is not well and that they do not explain; no causes where they are more than the
    tags that they explain. At most ten of a kind; the summary says how many were left out.
    """
    found = tuple(results)
    counts = Counter(each.outcome for each in found)
    causes = Counter(cause for each in found for cause in each.causes)
    fewer = len(causes) <= sum(each.explained for each in found)
    told = [cause for cause, _ in causes.most_common()] if fewer else []
    told += [each for each in found if not (fewer and each.explained)]
    lines, left_out = [], []
    for outcome, command in _ANNOTATIONS.items():
        shown = [each for each in told if each.outcome is outcome]
        lines += [_annotation(command, each) for each in shown[:_MOST_ANNOTATIONS]]
        if more := shown[_MOST_ANNOTATIONS:]:
            left_out.append(count_words(len(more), command))
    totals = ", ".join(f"{counts[each]:,} {each}" for each in CheckOutcome)
    more_words = f"; not annotated: {', '.join(left_out)}" if left_out else ""
    return "".join(f"{line}\n" for line in (*lines, f"pullproof: {totals}{more_words}"))


def _annotation(command: str, result: CheckResult) -> str:
    # Line by line: the break between two lines is written as %0A, and others must not be.
    text = "%0A".join(map(_escaped, (result.summary, *result.lines)))
    return f"::{command} title={_property(result.name)}::{text}"


def _escaped(text: str) -> str:
    return plain(text).replace("%", "%25")


def _property(text: str) -> str:
    return _escaped(text).replace(":", "%3A").replace(",", "%2C")


_ELEMENTS: Final = {CheckOutcome.FAILED: "failure", CheckOutcome.INCONCLUSIVE: "error"}


def junit(results: Iterable[CheckResult]) -> str:
    """Return JUnit's XML, as Jenkins and GitLab read it: a suite for each registry.

    Each tag is a case of it, and a risk is none. ASCII, whatever names hold.
    """
    suites: dict[str, list[CheckResult]] = {}
    for each in results:
        suites.setdefault(each.registry, [])
        if each.outcome is not CheckOutcome.AT_RISK:
            suites[each.registry].append(each)
    root = Element("testsuites", name="pullproof")
    for registry, cases in suites.items():
        counts = Counter(each.outcome for each in cases)
        suite = SubElement(
            root,
            "testsuite",
            name=plain(registry),
            tests=str(len(cases)),
            failures=str(counts[CheckOutcome.FAILED]),
            errors=str(counts[CheckOutcome.INCONCLUSIVE]),
        )
        for each in cases:
            _case(suite, each)
    document: bytes = tostring(root, encoding="us-ascii", xml_declaration=True)
    return document.decode("ascii") + "\n"


def _case(suite: Element, result: CheckResult) -> None:
    where = plain(result.repository or result.registry)
    case = SubElement(suite, "testcase", classname=where, name=plain(result.name))
    if element := _ELEMENTS.get(result.outcome):
        wrong = SubElement(case, element, type=result.rule, message=result.summary)
        wrong.text = "\n".join(map(plain, result.lines))


_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"
_LEVELS: Final = {
    CheckOutcome.FAILED: "error",
    CheckOutcome.INCONCLUSIVE: "warning",
    CheckOutcome.AT_RISK: "note",
}


def sarif(results: Iterable[CheckResult]) -> str:
    """Return SARIF 2.1.0, as code scanning reads it: a result for each tag that is not well.

    ASCII, whatever names hold.
    """
    shown = [each for each in results if each.outcome is not CheckOutcome.PASSED]
    rules = {each.rule: each.summary for each in shown}
    numbers = {rule: number for number, rule in enumerate(rules)}
    described = [{"id": rule, "shortDescription": {"text": text}} for rule, text in rules.items()]
    driver = {"name": "pullproof", "semanticVersion": __version__, "rules": described}
    run = {"tool": {"driver": driver}, "results": [_alert(each, numbers) for each in shown]}
    document = {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}
    return escaped(json.dumps(document, indent=2)) + "\n"


def _alert(result: CheckResult, numbers: dict[str, int]) -> dict[str, Any]:
    name = plain(result.name)
    # The same problem of the same tag is one alert, however often it is found.
    same = hashlib.sha256(f"{result.rule} {name}".encode()).hexdigest()
    # Code scanning shows no result without a file; the reference takes its place.
    place = {"artifactLocation": {"uri": quote(name, safe="/")}, "region": {"startLine": 1}}
    return {
        "ruleId": result.rule,
        "ruleIndex": numbers[result.rule],
        "level": _LEVELS[result.outcome],
        "message": {"text": "\n".join(map(plain, (f"{name}: {result.summary}", *result.lines)))},
        "locations": [
            {
                "physicalLocation": place,
                "logicalLocations": [{"fullyQualifiedName": name, "kind": "resource"}],
            }
        ],
        "partialFingerprints": {"reference/v1": same},
    }


FORMATS: Final[Mapping[str, Callable[[Iterable[CheckResult]], str]]] = {
    "github": github,
    "junit": junit,
    "sarif": sarif,
}
