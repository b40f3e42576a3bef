"""Does some tag of a repository still lead to this, straight or through an index?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from exporter.facts.proof import State
from exporter.facts.snapshot import Collector, Role, Sealed, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository, Tag

if TYPE_CHECKING:
    from exporter.judge.report import TagVerdict


@dataclass(frozen=True, slots=True)
class Hold:
    """What the tags of one repository are known to lead to."""

    collector: Collector
    sealed: Sealed | None
    manifests: Mapping[Digest, Manifest]
    """Every manifest that was read."""
    leads: Mapping[Digest, Tag]
    """One tag for each manifest and configuration to which any leads."""
    whole: bool
    """Was all read to which these tags lead?"""

    def keeps(self, digest: Digest) -> bool | None:
        """Does a tag lead to it? "No" needs proof: a seal, and that each tag was looked into.

        The collector of distribution 2 follows no index: to it, a seal alone shows what goes.
        """
        if digest in self.leads:
            return True
        if self.sealed is None:
            return None
        swept = self.collector is Collector.DISTRIBUTION_2 and digest in self.manifests
        return False if self.whole or swept else None


def holds(snapshot: Snapshot, judged: Iterable[TagVerdict]) -> Mapping[Repository, Hold]:
    """Return what tags lead to, in the repositories of which that matters to what is live."""
    owned = snapshot.role is not Role.PROXY
    of = {each.root.repository for each in judged if owned and _matters(each)}
    starts: defaultdict[Repository, dict[Digest, Tag]] = defaultdict(dict)
    for root in snapshot.roots:
        if root.repository in of:
            known = starts[root.repository]
            if root.tag and root.digest and root.sighting.state is State.PRESENT:
                known.setdefault(root.digest, root.tag)
    return {repository: _hold(snapshot, repository, known) for repository, known in starts.items()}


def compared(verdict: TagVerdict, hold: Hold | None) -> TagVerdict:
    """Return a verdict with what is live of it and not where its tag leads, or no tag at all."""
    if hold is None or not _matters(verdict):
        return verdict
    root, moved = verdict.root, _drifted(verdict, hold)
    live = moved if root.tag else (root.digest,) if root.digest else ()
    kept = {digest: hold.keeps(digest) for digest in live}
    bare = tuple(digest for digest, keeps in kept.items() if keeps is False)
    known = bare or None not in kept.values()
    return replace(verdict, drifted=moved, unprotected=bare if known else None)


def below(digest: Digest, manifests: Mapping[Digest, Manifest]) -> tuple[set[Digest], bool]:
    """Return the manifests and configurations below a manifest, itself included; is that all?"""
    found: set[Digest] = set()
    waiting, whole = [digest], True
    while waiting:
        each = waiting.pop()
        manifest = manifests.get(each)
        if manifest is None:
            whole = False
        elif each not in found:
            found |= {manifest.config.digest} if manifest.config else set()
            waiting += [child.digest for child in manifest.children]
        found.add(each)
    return found, whole


def _matters(verdict: TagVerdict) -> bool:
    """Is something live of it pinned, or known to run?"""
    root = verdict.root
    said = root.tag is None or any(use.running for use in verdict.uses)
    return said and root.reference_class is ReferenceClass.LIVE


def _drifted(verdict: TagVerdict, hold: Hold) -> tuple[Digest, ...]:
    """Return what runs by a tag and is nothing to which the tag leads now.

    That is an absence, too: it is said only where all is known to which the tag leads.
    """
    root = verdict.root
    running = {digest for use in verdict.uses for digest in use.running}
    if root.tag is None or root.digest is None or root.sighting.state is not State.PRESENT:
        return ()
    found, whole = below(root.digest, hold.manifests) if running else (running, True)
    return tuple(sorted(running - found)) if whole else ()


def _hold(snapshot: Snapshot, repository: Repository, known: Mapping[Digest, Tag]) -> Hold:
    sealed = snapshot.sealed.get(repository)
    tags = {digest: names[0] for digest, names in sealed.tags.items() if names} if sealed else {}
    leads: dict[Digest, Tag] = {}
    whole = True
    for digest, tag in (*tags.items(), *known.items()):
        found, all_ = below(digest, snapshot.manifests)
        whole = whole and all_
        for each in found:
            leads.setdefault(each, tag)
    return Hold(snapshot.collector, sealed, snapshot.manifests, leads, whole)
