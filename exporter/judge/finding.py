"""One thing that is wrong, or will be: which rule, how bad, where."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform


class Severity(StrEnum):
    """How soon somebody must act."""

    CRITICAL = "critical"
    """A workload that runs now could not start again."""
    WARNING = "warning"
    INFO = "info"


def weight(root: Root, *, required: bool) -> Severity:
    """How bad is it that something below this root cannot be pulled?

    Only what a live reference requires is critical; what nothing requires is information.
    """
    if not required:
        return Severity.INFO
    return Severity.CRITICAL if root.reference_class is ReferenceClass.LIVE else Severity.WARNING


@dataclass(frozen=True, slots=True)
class Rule:
    """A check's identity: its code is file name, docs page and label value alike."""

    code: str
    summary: str
    """One sentence, the same for every finding of the rule."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One rule broken at one place."""

    rule: Rule
    severity: Severity
    root: Root
    digest: Digest | None
    """The child concerned; None where it is one that does not exist (a missing platform)."""
    platform: Platform | None
    detail: str
    """One sentence for a person."""
    hint: str = ""
    """The cheapest way out that is known, with a command to copy; empty where none is."""
    login: str = ""
    """The credentials concerned, where it is about some."""

    @property
    def key(self) -> str:
        """The same text for the same problem in every audit: what first-seen times are kept by."""
        where = f"{self.root.repository}:{self.root.name}"
        what = f"{self.digest or ''} {self.platform or ''}{self.login}"
        return f"{self.rule.code} {where} {what}".rstrip()
