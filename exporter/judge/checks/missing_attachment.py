"""Required signatures, attestations and other attachments that an image does not have."""

from collections.abc import Iterator
from typing import Final

from exporter.facts.attached import Attachment
from exporter.facts.proof import GONE
from exporter.facts.use import ReferenceClass
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import Finding, FindingKey, Rule, Severity, weight
from exporter.judge.tag_verdict import TagVerdict

_RULE: Final = Rule("missing-attachment", "An image lacks an attachment that is required.")
_CLASSES: Final = frozenset({ReferenceClass.LIVE, ReferenceClass.LATEST})


def _find(context: TagContext) -> Iterator[Finding]:
    """Yield one finding for an image with everything that it lacks, or one for a lost extra.

    It never concerns the pull of the image. Where admission verifies signatures, a pod without
    one does not start; where another one of its type is there, it may.
    """
    verdict, require = context.verdict, context.snapshot.require_attached
    root = verdict.root
    if root.reference_class not in _CLASSES:
        return
    lacking = [each for each in require if _has(verdict, each) is False]
    lost = [
        each
        for _, attached in verdict.attached
        for each in attached.entries
        if each.sighting.state in GONE and any(map(each.may_be, require))
    ]
    if not (lacking or lost):
        return
    severity = weight(root.reference_class) if lacking else Severity.INFO
    absent = (f"no {each}" for each in lacking if not any(one.may_be(each) for one in lost))
    detail = "; ".join((*absent, *map(_describe, lost)))
    yield Finding(_RULE, severity, root, root.digest, None, detail)


def _describe(lost: Attachment) -> str:
    what = lost.artifact_type or "the list of attachments"
    said = lost.sighting
    return f"{what} {lost.digest.short} is {said.state}: {said.detail}"


def _has(verdict: TagVerdict, pattern: str) -> bool | None:
    """Has the image such an attachment: its own manifest, or else each one that it requires?

    None where that is unknown.
    """
    attached = dict(verdict.attached)
    own = attached.get(verdict.root.digest) if verdict.root.digest else None
    found = own.has(pattern) if own else None
    if found is not False:
        return found
    digests = {child.digest for child in verdict.children if child.required and child.digest}
    below = [attached.get(digest) for digest in digests - {verdict.root.digest}]
    each = {one.has(pattern) if one else None for one in below}
    if not each or False in each:
        return False
    return None if None in each else True


def _may_remain(_key: FindingKey, context: TagContext) -> bool:
    """May something that is required still be missing?"""
    require = context.snapshot.require_attached
    return any(_has(context.verdict, each) is None for each in require)


CHECK: Final = Check(_RULE, _find, _may_remain)
