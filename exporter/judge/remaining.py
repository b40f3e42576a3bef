"""Earlier findings that may still hold, although they could not be checked now.

A finding that is not made again is over where something shows that it is not so any more. Where
nothing could, its first-seen time is kept for an audit that can tell. A broken tag that is gone
from its list is reported for a day: its loss ended, and nothing was repaired.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Final

from exporter.facts.proof import GONE, State
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import ReferenceClass
from exporter.judge.check import Check, TagContext
from exporter.judge.finding import FindingKey
from exporter.judge.protection import Protection
from exporter.judge.reachability import Reachability, below, resolved_tags
from exporter.judge.report import Report, Urgency, VanishedTag
from exporter.judge.tag_verdict import Child, ChildKind, Lack, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository

_KEPT: Final = 86_400.0
"""Seconds that a tag is reported after it is gone."""


def remaining(
    snapshot: Snapshot,
    judged: Iterable[TagVerdict],
    reach: Mapping[Repository, Reachability],
    keys: Iterable[str],
    checks: Iterable[Check],
) -> Iterator[str]:
    """Yield the keys of findings that may still hold, by all that was read.

    None of a tag that is not there any more: where a list has gaps, what was looked at before is
    looked at again.
    """
    waiting = {text: key for text in keys if (key := FindingKey.parse(text))}
    if not waiting:
        return
    by_code = {check.rule.code: check for check in checks}
    tags = {(str(each.root.repository), each.root.name): each for each in judged}
    tagged = resolved_tags(snapshot.roots)
    protections: dict[Repository, Protection] = {}
    for text, key in waiting.items():
        verdict, check = tags.get((key.repository, key.name)), by_code.get(key.code)
        if verdict is None or check is None or snapshot.is_proxied(verdict.root.repository):
            continue
        at = verdict.root.repository
        if at not in protections:
            protections[at] = Protection.of(snapshot, at, tagged.get(at, {}))
        context = TagContext(verdict, snapshot, reach.get(at), protections[at])
        if check.may_remain(key, context):
            yield text


def loss(key: FindingKey, context: TagContext) -> bool:
    """May a manifest, or content below it, still be lost?"""
    if not key.digest:
        return unresolved(context)
    unsure = (*_doubtful(context), *nameless(context))
    return hides(context) or any(child.digest == key.digest for child in unsure)


def wrong_content(key: FindingKey, context: TagContext) -> bool:
    """May content that the tag needs still be another than it should?"""
    unsure = (*_doubtful(context), *nameless(context))
    lacks = (lack for child in unsure for lack in child.lacks)
    hidden = hides(context) or bool(_unread(context))
    return hidden or any(lack.digest == key.digest for lack in lacks)


def platform(key: FindingKey, context: TagContext) -> bool:
    """May a platform that needs the tag still lack an image? Unread content has none known."""
    verdict = context.verdict
    wanted = verdict.root.nodes.every.union(*(use.nodes.every for use in verdict.uses))
    if key.rest not in map(str, wanted):
        return False
    return hides(context) or bool(nameless(context))


def drifted(context: TagContext, digest: Digest | None) -> bool | None:
    """Does something run by the tag that it does not reference? None if unknown."""
    root = context.verdict.root
    running = {each for use in context.verdict.uses for each in use.running}
    live = root.reference_class is ReferenceClass.LIVE
    if not live or digest not in running or root.sighting.state in GONE:
        return False
    if unresolved(context) or root.digest is None:
        return None
    found, complete = below(root.digest, context.snapshot.manifests)
    if digest in found:
        return False
    return True if complete else None


def unresolved(context: TagContext) -> bool:
    """Could the tag itself not be requested?"""
    return context.verdict.root.sighting.state is State.UNKNOWN


def hides(context: TagContext) -> bool:
    """May the tag reference more than was read? Content that was read once never changes."""
    return unresolved(context) or any(
        child.kind is ChildKind.INDEX or child.digest == context.verdict.root.digest
        for child in _unread(context)
    )


def nameless(context: TagContext) -> tuple[Child, ...]:
    """Return the children whose platform is unknown: it is in the keys of findings."""
    return tuple(
        child
        for child in context.verdict.children
        if child.platform is None and any(map(_hides_platform, child.lacks))
    )


def _hides_platform(lack: Lack) -> bool:
    return lack.state is State.UNKNOWN and lack.kind in ("manifest", "config")


def _unread(context: TagContext) -> tuple[Child, ...]:
    """Return the children that could not be read now, and never were."""
    known = context.snapshot.manifests
    return tuple(child for child in _doubtful(context) if child.digest not in known)


def _doubtful(context: TagContext) -> tuple[Child, ...]:
    """The expected children in an unknown state."""
    children = context.verdict.children
    return tuple(each for each in children if each.expected and each.state is State.UNKNOWN)


def with_vanished(report: Report, before: Report | None) -> Report:
    """Return a report with the broken tags of the one before that are not listed any more.

    A registry's own collector may remove an index whose children are lost (zot 2.1.20, run).
    """
    if before is None:
        return report
    if report.snapshot.blind:
        return replace(report, vanished=before.vanished)
    now = report.snapshot.taken_at
    there = {(root.repository, root.tag) for root in report.snapshot.roots}
    lost = (tag.verdict.root for tag in before.tags if tag.urgency is Urgency.CANNOT_BE_PULLED)
    broken = {(root.repository, root.tag): root.reference_class for root in lost}
    gone = [
        VanishedTag(*at, broken[at], now)
        for at in report.snapshot.delisted
        if at in broken and at not in there
    ]
    known = {(each.repository, each.tag) for each in gone}
    kept = (
        each
        for each in before.vanished
        if now - each.since < _KEPT and (each.repository, each.tag) not in there | known
    )
    return replace(report, vanished=(*gone, *kept))
