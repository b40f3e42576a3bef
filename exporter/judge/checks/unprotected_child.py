"""Does nothing but its index keep a child from a collector that looks at tags only?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from exporter.facts.proof import State
from exporter.facts.snapshot import Collector, Sealed
from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Rule, Severity
from exporter.judge.report import Child, ChildKind, TagVerdict

RULE: Final = Rule(
    "unprotected-child",
    "A manifest is reachable only through an index.",
    at_risk=True,
    runbook="RegistryLiveTagUnprotected",
)


def check(verdict: TagVerdict, sealed: Sealed, collector: Collector) -> Iterator[Finding]:
    """Yield a finding for every standing manifest below a tag at which no tag points.

    distribution 2.x sweeps those with `garbage-collect --delete-untagged` (garbagecollect.go,
    v2.8.3: untagged manifests are removed before any index is followed).
    """
    for child in verdict.children:
        if stands(child) and child.digest and not sealed.pointing_at(child.digest):
            severity = _severity(collector, child.required_by)
            detail = "not tagged directly"
            yield Finding(RULE, severity, verdict.root, child.digest, child.platform, detail)
    for index in verdict.indexes:
        if not sealed.pointing_at(index):
            severity = _severity(collector, verdict.root.reference_class)
            detail = "nested index, not tagged directly"
            yield Finding(RULE, severity, verdict.root, index, None, detail)


def stands(child: Child) -> bool:
    """Is it a manifest that is there to be lost? A cache's blobs are held by their index."""
    kept = child.kind is not ChildKind.CACHE
    return kept and child.expected and child.state is not State.MISSING


def _severity(collector: Collector, required_by: ReferenceClass | None) -> Severity:
    """A risk, never a page: a warning only where the site's own collector would take it."""
    live = required_by is ReferenceClass.LIVE
    swept = collector is Collector.DISTRIBUTION_2
    return Severity.WARNING if live and swept else Severity.INFO
