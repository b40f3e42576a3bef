"""What must a person be told of a report, apart from the table: losses, blindness, totals?"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Gap
from exporter.facts.proof import Proof, State
from exporter.judge.finding import Finding, Rule, Severity
from exporter.judge.report import (
    Child,
    ChildKind,
    Lacking,
    Report,
    TagReport,
    TagVerdict,
    Urgency,
)
from exporter.publish.blocks import Cell
from exporter.publish.formatting import (
    LACKING,
    child_cell,
    count_words,
    impact_words,
    needed_words,
    platform_words,
    proof_words,
    size_words,
    verdict_cell,
)
from exporter.publish.sheet import inspect_command, name_of, root_name, scrub_command
from exporter.screen import plain

PLAIN_HTTP: Final = "--plain-http"
"""The option by which a registry is asked without TLS."""
_SERVE: Final = "pullproof serve --config pullproof.yml"
_MOST_GAPS: Final = 10
_MOST_RISKS: Final = 5


@dataclass(frozen=True, slots=True)
class Loss:
    """One child, or one platform, that a pull would fail on."""

    where: str
    """The platform, or what kind of thing it is."""
    cell: Cell
    digest: str
    """Empty where there is none: a platform that is not offered, a tag that is gone."""
    details: tuple[str, ...]
    """What is gone, one line each."""
    required: bool = True
    """Would a platform that must run the tag pull it?"""


@dataclass(frozen=True, slots=True)
class Trouble:
    """One tag with all that is proven to be gone below it."""

    reference: str
    name: str
    cell: Cell
    since: float | None
    """When it was first seen to be broken, in an earlier audit: seconds since the epoch."""
    losses: tuple[Loss, ...]
    notes: tuple[str, ...] = ()
    """Whom it hits, what must not be done now, and the cheapest repair, one line each."""


def troubles(report: Report) -> tuple[Trouble, ...]:
    """What is proven to be gone, live tags first and the worst first."""
    taken_at = report.snapshot.taken_at
    found = (_trouble(tag, taken_at) for tag in sorted(report.tags, key=lambda tag: tag.order))
    return tuple(trouble for trouble in found if trouble.losses)


def risks(report: Report) -> tuple[str, ...]:
    """What is not lost and may be: one line for each check that warns, with the first few tags."""
    found: defaultdict[Rule, list[Finding]] = defaultdict(list)
    for finding in report.findings:
        if finding.severity is Severity.WARNING and not finding.rule.breaks_pull:
            found[finding.rule].append(finding)
    return tuple(_risk(rule, findings) for rule, findings in found.items())


def blindness(report: Report, gaps: Iterable[Gap]) -> tuple[str, ...]:
    """Return the gaps in coverage, one sentence each; none where coverage is complete."""
    return (*_unknown(report), *_gap_lines(tuple(gaps)), *_unlisted(report))


def coverage_head(gaps: Sequence[str]) -> str:
    """Return the heading of the gaps, which says so where there are none."""
    return "Gaps in coverage" if gaps else "Coverage: complete"


def totals(report: Report) -> str:
    """How much was checked, and how it was verified."""
    counts = report.counts
    children = sum(counts.children.values())
    blobs = sum(counts.blobs.values())
    looked = (
        f"{count_words(len(report.tags), 'tag')}, {count_words(children, 'manifest')} and "
        f"{count_words(blobs, 'blob')} in "
        f"{count_words(len(counts.repositories), 'repository', 'repositories')}"
    )
    ways = sorted(counts.proofs.items(), key=lambda item: -item[1])
    how = ", ".join(f"{amount:,} {proof_words(proof)}" for proof, amount in ways)
    return f"{looked}. Blobs present: {how}." if how else f"{looked}."


def next_command(reports: Sequence[Report], again: str = "") -> str:
    """What should be typed next? With the options by which the same registry was reached."""
    ranked = (
        (each.urgency, each.verdict.stake, position, number)
        for position, report in enumerate(reports)
        for number, each in enumerate(report.tags)
        if each.urgency is not Urgency.NONE
    )
    worst = min(ranked, default=None)
    if worst is None:
        away = next((report for report in reports if report.snapshot.blind), None)
        return _look_for(away, again) if away else _SERVE
    report = reports[worst[2]]
    return f"{_look_closer(report, report.tags[worst[3]].verdict)} {again}".rstrip()


def _look_closer(report: Report, verdict: TagVerdict) -> str:
    """Say what shows more of a tag: `inspect` reads last bytes, and would find rotten ones well."""
    lacks = [lack for child in verdict.children for lack in child.lacks]
    if any(lack.misfit for lack in lacks):
        return f"{scrub_command(report, verdict)} --uncompressed"
    if any(lack.corrupt for lack in lacks):
        return scrub_command(report, verdict)
    return inspect_command(report, verdict)


def _look_for(away: Report, again: str) -> str:
    scheme = "http" if PLAIN_HTTP in again.split() else "https"
    return f"curl -v {scheme}://{away.snapshot.registry}/v2/"


def losses(verdict: TagVerdict) -> tuple[Loss, ...]:
    """What of a tag is proven to be gone."""
    lost = [child for child in verdict.children if child.lost]
    return (
        *(_loss(verdict, child) for child in lost),
        *(
            Loss(platform_words(each.platform), LACKING, "", _unoffered(verdict, each))
            for each in verdict.lacking
        ),
    )


def _unoffered(verdict: TagVerdict, lacking: Lacking) -> tuple[str, ...]:
    notes = needed_words(verdict.root, lacking.required_by)
    return ("no image for this platform", *notes)


def _trouble(tag: TagReport, taken_at: float) -> Trouble:
    verdict = tag.verdict
    reference = str(verdict.root.reference_class)
    since = tag.since if tag.since is not None and tag.since < taken_at else None
    repairs = dict.fromkeys(each.hint for each in tag.findings if each.hint)
    notes = (*impact_words(tag.impact), *(f"repair: {plain(each)}" for each in repairs))
    return Trouble(
        reference, root_name(verdict), verdict_cell(verdict), since, losses(verdict), notes
    )


def _loss(verdict: TagVerdict, child: Child) -> Loss:
    if child.digest is None:
        detail = plain(verdict.root.sighting.detail) or "unknown to the registry"
        return Loss("tag", child_cell(child), "", (f"no such tag: {detail}",))
    is_run = child.platform and child.kind is ChildKind.IMAGE
    where = platform_words(child.platform) if is_run and child.platform else str(child.kind)
    gone = (each for each in child.lacks if each.lost)
    confirmed = f" ({proof_words(child.proof)})" if child.proof is Proof.CONFIRMED else ""
    details = tuple(
        f"{each.kind} {'' if each.digest == child.digest else f'{each.digest} '}"
        f"{'' if each.size is None else f'({size_words(each.size)}) '}"
        f"{each.state}: {plain(each.detail) or 'not found'}{confirmed}"
        for each in gone
    )
    notes = needed_words(verdict.root, child.required_by)
    return Loss(where, child_cell(child), child.digest, (*details, *notes), child.required)


def _risk(rule: Rule, findings: Sequence[Finding]) -> str:
    where = (
        f"{name_of(each.root)}{f' {platform_words(each.platform)}' if each.platform else ''}"
        for each in findings
    )
    names = tuple(dict.fromkeys(where))
    more = f" and {len(names) - _MOST_RISKS:,} more" if len(names) > _MOST_RISKS else ""
    return f"{rule.code}: {rule.summary} {'; '.join(names[:_MOST_RISKS])}{more}"


def _unknown(report: Report) -> Iterator[str]:
    """Manifests of which nothing is known, by reason; and those that nobody promised."""
    children = [child for verdict in report.verdicts for child in verdict.children]
    reasons = Counter(
        str(child.reason or "unsaid")
        for child in children
        if child.expected and child.state is State.UNKNOWN
    )
    if reasons:
        why = ", ".join(f"{reason} {amount:,}" for reason, amount in reasons.most_common())
        amount = count_words(reasons.total(), "manifest")
        yield f"{amount} unknown: {why}."
    unexpected = sum(not child.expected for child in children)
    if unexpected:
        yield f"Not expected here and not audited: {count_words(unexpected, 'manifest')}."


def _gap_lines(gaps: Sequence[Gap]) -> Iterator[str]:
    for gap in gaps[:_MOST_GAPS]:
        detail = f": {plain(gap.detail)}" if gap.detail else ""
        yield f"{_unread(gap)}: {gap.reason}{detail}"
    if len(gaps) > _MOST_GAPS:
        rest = Counter(gap.reason for gap in gaps[_MOST_GAPS:])
        why = ", ".join(f"{reason} {amount:,}" for reason, amount in rest.most_common())
        yield f"{len(gaps) - _MOST_GAPS:,} more: {why}."


def _unread(gap: Gap) -> str:
    """Say what could not be read; `_catalog` is how the API names the list of repositories."""
    if gap.subject == "_catalog":
        return "cannot list repositories"
    return f"{gap.scope} {plain(gap.subject)}"


def _unlisted(report: Report) -> Iterator[str]:
    """Where not every tag is known, nothing is said about protection."""
    bare = {
        verdict.root.repository
        for verdict in report.verdicts
        if any(
            each.protected_by is None and each.expected and each.kind is not ChildKind.CACHE
            for each in verdict.children
        )
    }
    unsealed = bare - report.snapshot.sealed.keys()
    if unsealed:
        where = count_words(len(unsealed), "repository", "repositories")
        yield f"Could not list all tags of {where}: protection is undetermined."
