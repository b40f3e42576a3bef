"""Does no tag keep an image that something live pins, or runs?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from exporter.facts.snapshot import Collector
from exporter.judge.finding import Finding, Rule, Severity
from exporter.judge.hold import Hold

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict

RULE: Final = Rule(
    "unprotected-image",
    "A live image is not referenced by any tag.",
    at_risk=True,
    runbook="RegistryLiveImageUnprotected",
)


def check(verdict: TagVerdict, hold: Hold) -> Iterator[Finding]:
    """Yield a finding for every live image that any cleanup of untagged manifests may take."""
    never = hold.collector is Collector.NONE
    for digest in verdict.unprotected or ():
        severity = Severity.INFO if never else Severity.WARNING
        detail = "it is running" if verdict.root.tag else "it is pinned by digest"
        yield Finding(
            RULE, severity, verdict.root, digest, None, f"{detail}, but no tag references it"
        )
