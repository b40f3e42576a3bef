"""Children of a tagged index that the registry may remove all the same."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.use import ReferenceClass
from exporter.judge import remaining
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Evidence, Finding, FindingKey, Rule, Severity
from exporter.judge.protection import Risk, risk_words
from exporter.oci.digest import Digest

_RULE: Final = Rule(
    "unprotected-child",
    "The registry may remove a manifest although the tag that needs it stays.",
    at_risk=True,
    needs=Evidence.TAG_LIST,
    runbook="RegistryLiveTagsUnprotected",
)


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield a finding for every present manifest below a tag that may be removed before it.

    distribution 2.x sweeps what has no tag of its own with `garbage-collect --delete-untagged`
    (garbagecollect.go, v2.8.3: untagged manifests are removed before any index is followed); for
    other registries see `exporter.judge.protection`.
    """
    verdict, kind = context.verdict, context.snapshot.kind
    for child in verdict.children:
        if child.stands and child.digest and child.risk.endangers:
            severity = _severity(child.risk, child.required_by)
            detail = risk_words(child.risk, child.protected_by or (), kind)
            yield Finding(_RULE, severity, verdict.root, child.digest, child.platform, detail)
    for index, risk in verdict.endangered:
        if index in verdict.indexes:
            severity = _severity(risk, verdict.root.reference_class)
            tags = context.sealed.pointing_at(index) if context.sealed else ()
            detail = f"nested index, {risk_words(risk, tags, kind)}"
            yield Finding(_RULE, severity, verdict.root, index, None, detail)


def _severity(risk: Risk, required_by: ReferenceClass | None) -> Severity:
    """A risk, never a page: a warning only where the site's own registry would remove it."""
    live = required_by is ReferenceClass.LIVE
    return Severity.WARNING if live and risk.proven else Severity.INFO


def _may_remain(key: FindingKey, context: TagContext) -> bool:
    """May the tag still reference a manifest that the registry may remove before it?"""
    if key.digest and context.protection and context.protection.risk(key.digest) is Risk.KEPT:
        return False
    unnamed = any(child.digest == key.digest for child in remaining.nameless(context))
    references = _references(context, key.digest)
    return references is None or (references and (context.sealed is None or unnamed))


def _references(context: TagContext, digest: Digest | None) -> bool | None:
    """Does the tag reference a present manifest? None if unknown."""
    same = [child for child in context.verdict.children if child.digest == digest]
    if remaining.unresolved(context) or not (same or digest in context.verdict.indexes):
        return None if remaining.hides(context) else False
    return not same or any(child.stands for child in same)


CHECK: Final = Check(_RULE, _find, _may_remain)
