"""Findings: what is wrong or at risk, the rule that says so, its severity and place."""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest, Malformed
from exporter.oci.platform import Platform

MERELY: Final = "live uses may start there, but need not"
"""Said of content that is pulled only on platforms that may start a use, but need not."""


class Severity(StrEnum):
    """How soon somebody must act."""

    CRITICAL = "critical"
    """A workload that runs now could not start again."""
    WARNING = "warning"
    INFO = "info"


def weight(required_by: ReferenceClass | None, *, possible: bool = False) -> Severity:
    """Return the severity of a loss that at most this class requires.

    Only what a live reference requires is critical; what nothing requires is information.
    `possible` says that live references would pull it only where they merely may be started.
    """
    if required_by is None:
        return Severity.INFO
    live = required_by is ReferenceClass.LIVE and not possible
    return Severity.CRITICAL if live else Severity.WARNING


def aside(root: Root, required_by: ReferenceClass | None) -> str:
    """Return a note if only a lower class than the tag's own needs something."""
    if required_by in (None, root.reference_class):
        return ""
    return f"only {required_by} uses need it"


def told(
    root: Root, detail: str, required_by: ReferenceClass | None, *, possible: bool = False
) -> str:
    """Return the detail of a finding, with the class that it matters to if not the tag's own."""
    merely = MERELY if possible else ""
    return "; ".join(filter(None, (detail, aside(root, required_by), merely)))


class Evidence(StrEnum):
    """The knowledge of a repository that a check needs before it may judge a tag in it."""

    NOTHING = "nothing"
    """None: it judges present content, whatever gaps there are elsewhere."""
    TAG_LIST = "the complete tag list"
    """It claims an absence, which only a complete list of tags proves."""
    REACHABILITY = "what the tags reference"


@dataclass(frozen=True, slots=True)
class Rule:
    """The rule of a check: its code is file name, docs page and label value alike."""

    code: str
    summary: str
    """One sentence, the same for every finding of the rule."""
    breaks_pull: bool = False
    """Do its findings make a pull fail? Other checks find risks."""
    at_risk: bool = False
    """Does it find content that a garbage collection may remove although it is needed?"""
    needs: Evidence = Evidence.NOTHING
    runbook: str = ""
    """The alert whose runbook applies, if not one of those for broken tags."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken at one place."""

    rule: Rule
    severity: Severity
    root: Root
    digest: Digest | None
    """The child concerned; None if it does not exist (a missing platform)."""
    platform: Platform | None
    detail: str
    """One sentence for a person."""
    hint: str = ""
    """The cheapest known repair, with a command to copy; may be empty."""
    login: str = ""
    """The credentials concerned, if it is about some."""
    required_by: ReferenceClass | None = None
    """The highest class that requires it, if it cannot be pulled."""

    @property
    def key(self) -> str:
        """The same text for the same problem in every audit: the key of first-seen times."""
        where = f"{self.root.repository}:{self.root.name}"
        what = f"{self.digest or ''} {self.platform or ''}{self.login}"
        return f"{self.rule.code} {where} {what}".rstrip()


@dataclass(frozen=True, slots=True)
class FindingKey:
    """The parts of a finding's key."""

    code: str
    repository: str
    name: str
    digest: Digest | None
    rest: str
    """The platform, or the credentials concerned."""

    @classmethod
    def parse(cls, text: str) -> "FindingKey | None":
        """Parse a key; None if it is none."""
        code, where, digest, rest = (*text.split(" ", 3), "", "", "")[:4]
        repository, _, name = where.partition(":")
        try:
            named = Digest.parse(digest) if digest else None
        except Malformed:
            return None
        return cls(code, repository, name, named, rest) if name else None
