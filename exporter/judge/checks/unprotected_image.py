"""Live images, pinned by digest or running, that no tag references."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.proof import State
from exporter.facts.registry_kind import Collector
from exporter.facts.use import ReferenceClass
from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Evidence, Finding, FindingKey, Rule, Severity

_RULE: Final = Rule(
    "unprotected-image",
    "A live image is not referenced by any tag.",
    at_risk=True,
    needs=Evidence.TAG_LIST,
    runbook="RegistryLiveImageUnprotected",
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every live image that any cleanup of untagged manifests may take."""
    verdict = context.verdict
    never = context.snapshot.collector is Collector.NONE
    lost = {child.digest for child in verdict.children if child.state is State.MISSING}
    for digest in verdict.unprotected or ():
        if digest in lost:
            continue  # there is nothing left to protect
        severity = Severity.INFO if never else Severity.WARNING
        how = "it is running" if verdict.root.tag else "it is pinned by digest"
        detail = f"{how}, but no tag references it"
        yield Finding(_RULE, severity, verdict.root, digest, None, detail)


def _may_remain(key: FindingKey, context: TagContext) -> bool:
    """May something live still be referenced by no tag?"""
    root, reach, digest = context.verdict.root, context.reachability, key.digest
    live = root.reference_class is ReferenceClass.LIVE
    pinned = root.tag is None and root.digest == digest and live
    kept = reach.references(digest) if reach and digest else None
    return kept is not True and (pinned or remaining.drifted(context, digest) is not False)


CHECK: Final = Check(_RULE, _find, _may_remain)
