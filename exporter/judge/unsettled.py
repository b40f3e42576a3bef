"""Which findings of before could not be looked for now, and are so neither gone nor new?

A finding that is not made again is gone where something shows that it is not so any more. Where
nothing could, the time at which it was first seen waits for an audit that can tell.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.proof import GONE, State
from exporter.facts.snapshot import Role, Sealed, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.judge.checks import (
    broken_child,
    digest_mismatch,
    missing_child,
    missing_platform,
    moved_tag,
    platform_not_offered,
    refused_login,
    unprotected_child,
    unprotected_image,
    wrong_diff_id,
)
from exporter.judge.finding import Key
from exporter.judge.hold import Hold, below
from exporter.judge.report import Child, ChildKind, Lack, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository


@dataclass(frozen=True, slots=True)
class Seen:
    """What was seen of one tag, and of its repository as far as that matters to it."""

    verdict: TagVerdict
    manifests: Mapping[Digest, Manifest]
    """Every manifest that was read."""
    sealed: Sealed | None
    hold: Hold | None
    pointed: frozenset[Digest]
    """At which manifests some tag points straight that was resolved."""

    @property
    def unresolved(self) -> bool:
        """Could the tag itself not be asked?"""
        return self.verdict.root.sighting.state is State.UNKNOWN

    @property
    def hides(self) -> bool:
        """May the tag lead to more than was seen? What was read once never changes."""
        return self.unresolved or any(
            child.kind is ChildKind.INDEX or child.digest == self.verdict.root.digest
            for child in self.unread
        )

    @property
    def nameless(self) -> tuple[Child, ...]:
        """The children whose platform could not be read: it is in the keys of what is wrong."""
        return tuple(
            child
            for child in self.verdict.children
            if child.platform is None and any(map(_hides_platform, child.lacks))
        )

    @property
    def unread(self) -> tuple[Child, ...]:
        """The children that could not be seen and that were never read before."""
        return tuple(child for child in self.doubtful if child.digest not in self.manifests)

    @property
    def doubtful(self) -> tuple[Child, ...]:
        """The children of which something could not be seen."""
        children = self.verdict.children
        return tuple(each for each in children if each.expected and each.state is State.UNKNOWN)


def unsettled(
    snapshot: Snapshot,
    judged: Iterable[TagVerdict],
    held: Mapping[Repository, Hold],
    keys: Iterable[str],
) -> Iterator[str]:
    """Yield which of some findings' keys may still be so, for all that was seen.

    None of a tag that is not there any more: where a list has gaps, what was looked at before is
    looked at again.
    """
    waiting = {text: key for text in keys if (key := Key.parse(text))}
    if not waiting or snapshot.role is Role.PROXY:
        return
    tags = {(str(each.root.repository), each.root.name): each for each in judged}
    pointed = _pointed(snapshot)
    for text, key in waiting.items():
        verdict, may_be = tags.get((key.repository, key.name)), ASKED.get(key.code)
        if verdict is None or may_be is None:
            continue
        repository = verdict.root.repository
        seen = Seen(
            verdict,
            snapshot.manifests,
            snapshot.sealed.get(repository),
            held.get(repository),
            pointed.get(repository, frozenset()),
        )
        if may_be(key, seen):
            yield text


def _pointed(snapshot: Snapshot) -> Mapping[Repository, frozenset[Digest]]:
    found: dict[Repository, set[Digest]] = {}
    for root in snapshot.roots:
        if root.tag and root.digest and root.sighting.state is State.PRESENT:
            found.setdefault(root.repository, set()).add(root.digest)
    return {repository: frozenset(digests) for repository, digests in found.items()}


def _hides_platform(lack: Lack) -> bool:
    return lack.state is State.UNKNOWN and lack.kind in ("manifest", "config")


def _loss(key: Key, seen: Seen) -> bool:
    """May a manifest, or content below it, still be gone?"""
    if not key.digest:
        return seen.unresolved
    unsure = (*seen.doubtful, *seen.nameless)
    return seen.hides or any(child.digest == key.digest for child in unsure)


def _wrong_content(key: Key, seen: Seen) -> bool:
    """May content that the tag needs still be another than it should?"""
    lacks = (lack for child in (*seen.doubtful, *seen.nameless) for lack in child.lacks)
    return seen.hides or bool(seen.unread) or any(lack.digest == key.digest for lack in lacks)


def _platform(key: Key, seen: Seen) -> bool:
    """May a platform that wants the tag still find nothing? Of what is unread none is known."""
    wanted = seen.verdict.root.nodes.every.union(*(use.nodes.every for use in seen.verdict.uses))
    if key.rest not in map(str, wanted):
        return False
    return seen.hides or bool(seen.nameless)


def _login(key: Key, seen: Seen) -> bool:
    """May credentials that somebody pulls with still be refused?"""
    tried = {each.login for each in seen.verdict.admissions if each.admitted is not None}
    return key.rest in {use.login for use in seen.verdict.uses} - tried


def _unprotected_child(key: Key, seen: Seen) -> bool:
    """May the tag still lead to a manifest at which no tag points?"""
    if key.digest in (seen.sealed.tags if seen.sealed else seen.pointed):
        return False
    leads = _leads(seen, key.digest)
    told = seen.sealed and not any(child.digest == key.digest for child in seen.nameless)
    return leads is None or (leads and not told)


def _leads(seen: Seen, digest: Digest | None) -> bool | None:
    """Does the tag lead to a manifest that is there to be lost? None where that is not known."""
    same = [child for child in seen.verdict.children if child.digest == digest]
    if seen.unresolved or not (same or digest in seen.verdict.indexes):
        return None if seen.hides else False
    return not same or any(unprotected_child.stands(child) for child in same)


def _moved(key: Key, seen: Seen) -> bool:
    return _drifted(seen, key.digest) is not False


def _drifted(seen: Seen, digest: Digest | None) -> bool | None:
    """Does something run by the tag to which it does not lead? None where that is not known."""
    root = seen.verdict.root
    running = {each for use in seen.verdict.uses for each in use.running}
    live = root.reference_class is ReferenceClass.LIVE
    if not live or digest not in running or root.sighting.state in GONE:
        return False
    if seen.unresolved or root.digest is None:
        return None
    found, whole = below(root.digest, seen.manifests)
    if digest in found:
        return False
    return True if whole else None


def _unprotected_image(key: Key, seen: Seen) -> bool:
    """May something live still be held by no tag?"""
    root, digest = seen.verdict.root, key.digest
    live = root.reference_class is ReferenceClass.LIVE
    pinned = root.tag is None and root.digest == digest and live
    kept = seen.hold.keeps(digest) if seen.hold and digest else None
    return kept is not True and (pinned or _drifted(seen, digest) is not False)


ASKED: Final[Mapping[str, Callable[[Key, Seen], bool]]] = {
    missing_child.RULE.code: _loss,
    broken_child.RULE.code: _loss,
    digest_mismatch.RULE.code: _wrong_content,
    wrong_diff_id.RULE.code: _wrong_content,
    missing_platform.RULE.code: _platform,
    platform_not_offered.RULE.code: _platform,
    refused_login.RULE.code: _login,
    unprotected_child.RULE.code: _unprotected_child,
    moved_tag.RULE.code: _moved,
    unprotected_image.RULE.code: _unprotected_image,
}
"""By a check's code: may what one of its findings told still be so, for all that was seen?"""
