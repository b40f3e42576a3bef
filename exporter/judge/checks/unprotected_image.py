"""Live images, pinned by digest or running, that no tag references."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.proof import State
from exporter.facts.registry_kind import Collector
from exporter.facts.use import ReferenceClass
from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Evidence, Finding, FindingKey, Rule, Severity
from exporter.judge.protection import Risk, held_by_one, risk_words

_RULE: Final = Rule(
    "unprotected-image",
    "No tag protects a live image.",
    at_risk=True,
    needs=Evidence.TAG_LIST,
    runbook="RegistryLiveTagsUnprotected",
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
    yield from _held_by_one(context)


def _held_by_one(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for a live pin that goes with the next push of the one tag that names it."""
    root, kind = context.verdict.root, context.snapshot.kind
    pinned = root.digest if root.tag is None else None
    if pinned is None or root.reference_class is not ReferenceClass.LIVE:
        return
    tags = context.sealed.pointing_at(pinned) if context.sealed else ()
    if held_by_one(tags, pinned, kind) and root.sighting.state is not State.MISSING:
        detail = f"it is pinned by digest, and {risk_words(Risk.MOVED_TAG, tags, kind)}"
        yield Finding(_RULE, Severity.INFO, root, pinned, None, detail)


def _may_remain(key: FindingKey, context: TagContext) -> bool:
    """May something live still be referenced by no tag?"""
    root, reach, digest = context.verdict.root, context.reachability, key.digest
    live = root.reference_class is ReferenceClass.LIVE
    pinned = root.tag is None and root.digest == digest and live
    kept = reach.references(digest) if reach and digest else None
    if pinned and context.sealed is None and context.snapshot.kind.belongs_to_tag:
        return True
    return kept is not True and (pinned or remaining.drifted(context, digest) is not False)


CHECK: Final = Check(_RULE, _find, _may_remain)
