"""Which tags are there, the worst first, and which of them fit what somebody looks for?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Self

from exporter.facts.proof import GONE, State
from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.judge.blast import Blast, Hit, blast, hits
from exporter.judge.checks import unprotected_child, unprotected_image
from exporter.judge.finding import Finding, Severity
from exporter.judge.report import Report, TagVerdict
from exporter.publish.census import broken_since
from exporter.publish.sheet import root_name
from exporter.publish.standing import Standing
from exporter.publish.summary import blindness
from exporter.publish.urgency import Urgency, by_design, stake, urgency


class Condition(StrEnum):
    """In which condition a tag may be looked for."""

    GONE = "gone"
    """A pull fails: it is missing or broken, or is so for uses of a lower class."""
    MISSING = "missing"
    BROKEN = "broken"
    UNKNOWN = "unknown"
    PRESENT = "present"
    BY_DESIGN = "by-design"
    """Nothing below it is promised here."""
    UNPROTECTED = "unprotected"
    """A cleanup would take what is live: a child by the registry's own collector, or an image
    that no tag holds."""


class Need(StrEnum):
    """Of what kind the manifests are that a tag has trouble with."""

    REQUIRED = "required"
    """A platform that must run the tag pulls them."""
    OPTIONAL = "optional"


@dataclass(frozen=True, slots=True)
class Entry:
    """One tag, ready to be sorted, sought and shown."""

    report: Report
    verdict: TagVerdict
    name: str
    """`repository:tag`, or `repository@digest`."""
    urgency: Urgency
    conditions: frozenset[Condition]
    troubled: frozenset[Need]
    """Where anything expected is not proven to be there."""
    since: float | None
    """When it was first seen to be broken: seconds since the epoch."""
    users: tuple[Hit, ...]
    """Who names this tag or digest; the containers of one workload are one."""
    blast: Blast
    """Whom its loss hits; nobody where it can be pulled."""
    findings: tuple[Finding, ...]
    """What is wrong with it."""

    @property
    def registry(self) -> str:
        """Its registry's label."""
        return self.report.snapshot.registry

    @property
    def order(self) -> tuple[int, bool, int, float, str, str]:
        """What sorts first needs a person first; the name makes the order the same each time."""
        where = self.registry, self.name
        return self.urgency, not self.troubled, stake(self.verdict), self.blast.soonest, *where


@dataclass(frozen=True, slots=True)
class Wanted:
    """What somebody looks for; what is not set narrows nothing."""

    registry: str = ""
    repository: str = ""
    """A part of its name, in any case of letters."""
    reference_class: ReferenceClass | None = None
    condition: Condition | None = None
    need: Need | None = None

    def admits(self, entry: Entry) -> bool:
        """Does a tag fit?"""
        root = entry.verdict.root
        return (
            self.registry in ("", entry.registry)
            and self.repository.lower() in root.repository
            and self.reference_class in (None, root.reference_class)
            and (self.condition is None or self.condition in entry.conditions)
            and (self.need is None or self.need in entry.troubled)
        )


@dataclass(frozen=True, slots=True)
class Roster:
    """Every tag of some registries, and what is counted of them: made once for many readers."""

    entries: tuple[Entry, ...]
    """The worst first; the same order for the same reports."""
    gone: tuple[Entry, ...]
    """Those that cannot be pulled, in the same order."""
    places: Mapping[tuple[str, str], Entry]
    """By registry and name."""
    counts: Mapping[tuple[str, Condition | None], int]
    """By registry and condition; None counts them all."""
    unseen: Mapping[str, tuple[str, ...]]
    """What of each registry could not be seen, one sentence each."""

    @classmethod
    def of(cls, standings: Sequence[Standing]) -> Self:
        """Take up the tags of every report that there is."""
        reports = [each.report for each in standings if each.report]
        entries = [entry for report in reports for entry in _entries(report)]
        entries.sort(key=lambda entry: entry.order)
        return cls(
            tuple(entries),
            tuple(each for each in entries if Condition.GONE in each.conditions),
            {(each.registry, each.name): each for each in entries},
            Counter((each.registry, one) for each in entries for one in (None, *each.conditions)),
            {each.registry: _unseen(each) for each in standings},
        )

    def fitting(self, wanted: Wanted) -> tuple[Entry, ...]:
        """Return the tags that somebody looks for, in their order."""
        if wanted == Wanted():
            return self.entries
        return tuple(filter(wanted.admits, self.entries))

    def count(self, condition: Condition | None, registry: str = "") -> int:
        """How many tags are in a condition, in one registry or in all?"""
        if registry:
            return self.counts.get((registry, condition), 0)
        return sum(count for (_, each), count in self.counts.items() if each is condition)


def _unseen(standing: Standing) -> tuple[str, ...]:
    if standing.report is None:
        reasons = (f"{gap.scope} {gap.subject}: {gap.reason} {gap.detail}" for gap in standing.gaps)
        return tuple(reasons) or ("Not audited yet.",)
    return blindness(standing.report, standing.unseen)


def _entries(report: Report) -> Iterable[Entry]:
    since = broken_since(report)
    findings: dict[Root, list[Finding]] = {}
    for finding in report.findings:
        findings.setdefault(finding.root, []).append(finding)
    for verdict in report.verdicts:
        root = verdict.root
        found = tuple(findings.get(root, ()))
        yield Entry(
            report,
            verdict,
            root_name(verdict),
            urgency(verdict),
            _conditions(verdict, found),
            _troubled(verdict),
            since.get((root.repository, root.name)),
            hits(verdict.uses),
            blast(verdict),
            found,
        )


def _is_risk(finding: Finding) -> bool:
    rules = (unprotected_child.RULE, unprotected_image.RULE)
    return finding.rule in rules and finding.severity is not Severity.INFO


def _conditions(verdict: TagVerdict, findings: Iterable[Finding]) -> frozenset[Condition]:
    if by_design(verdict):
        return frozenset({Condition.BY_DESIGN})
    found = {Condition(str(verdict.state))}
    if verdict.overall in GONE:
        found.add(Condition.GONE)
    if any(map(_is_risk, findings)):
        found.add(Condition.UNPROTECTED)
    return frozenset(found)


def _troubled(verdict: TagVerdict) -> frozenset[Need]:
    found = {
        Need.REQUIRED if child.required else Need.OPTIONAL
        for child in verdict.children
        if child.expected and child.state is not State.PRESENT
    }
    return frozenset(found | {Need.REQUIRED} if verdict.lacking_platforms else found)
