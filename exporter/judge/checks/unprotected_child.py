"""Manifests that only their index keeps from a collector that looks at tags alone."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.registry_kind import Collector
from exporter.facts.use import ReferenceClass
from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Evidence, Finding, FindingKey, Rule, Severity
from exporter.oci.digest import Digest

_RULE: Final = Rule(
    "unprotected-child",
    "A manifest is reachable only through an index.",
    at_risk=True,
    needs=Evidence.TAG_LIST,
    runbook="RegistryLiveTagUnprotected",
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every standing manifest below a tag that no tag names directly.

    distribution 2.x sweeps those with `garbage-collect --delete-untagged` (garbagecollect.go,
    v2.8.3: untagged manifests are removed before any index is followed).
    """
    verdict, sealed = context.verdict, context.sealed
    if sealed is None:
        return
    collector = context.snapshot.collector
    for child in verdict.children:
        if child.stands and child.digest and not sealed.pointing_at(child.digest):
            severity = _severity(collector, child.required_by)
            detail = "not tagged directly"
            yield Finding(_RULE, severity, verdict.root, child.digest, child.platform, detail)
    for index in verdict.indexes:
        if not sealed.pointing_at(index):
            severity = _severity(collector, verdict.root.reference_class)
            detail = "nested index, not tagged directly"
            yield Finding(_RULE, severity, verdict.root, index, None, detail)


def _severity(collector: Collector, required_by: ReferenceClass | None) -> Severity:
    """A risk, never a page: a warning only where the site's own collector would take it."""
    live = required_by is ReferenceClass.LIVE
    swept = collector is Collector.DISTRIBUTION_2
    return Severity.WARNING if live and swept else Severity.INFO


def _may_remain(key: FindingKey, context: TagContext) -> bool:
    """May the tag still reference a manifest that no tag names directly?"""
    sealed = context.sealed
    if key.digest in (sealed.tags if sealed else context.tagged):
        return False
    references = _references(context, key.digest)
    unnamed = any(child.digest == key.digest for child in remaining.nameless(context))
    return references is None or (references and (sealed is None or unnamed))


def _references(context: TagContext, digest: Digest | None) -> bool | None:
    """Does the tag reference a manifest that is there to be lost? None where that is unknown."""
    same = [child for child in context.verdict.children if child.digest == digest]
    if remaining.unresolved(context) or not (same or digest in context.verdict.indexes):
        return None if remaining.hides(context) else False
    return not same or any(child.stands for child in same)


CHECK: Final = Check(_RULE, _find, _may_remain)
