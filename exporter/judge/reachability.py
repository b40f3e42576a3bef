"""Reachability: what the tags of a repository reference, directly or through an index."""

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from exporter.facts.proof import State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.tag_verdict import TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository, Tag


@dataclass(frozen=True, slots=True)
class Reachability:
    """The manifests and configurations that the tags of one repository are known to reference."""

    collector: Collector
    sealed: Sealed | None
    manifests: Mapping[Digest, Manifest]
    """Every manifest that was read."""
    tags: Mapping[Digest, Tag]
    """One tag for each manifest and configuration that any references."""
    complete: bool
    """Was everything read that these tags reference?"""

    def references(self, digest: Digest) -> bool | None:
        """Does a tag reference it? "No" needs proof: a seal, and that each tag was looked into.

        The collector of distribution 2 follows no index: to it, a seal alone shows what goes.
        """
        if digest in self.tags:
            return True
        if self.sealed is None:
            return None
        swept = self.collector is Collector.DISTRIBUTION_2 and digest in self.manifests
        return False if self.complete or swept else None


def reachability(
    snapshot: Snapshot, judged: Iterable[TagVerdict]
) -> Mapping[Repository, Reachability]:
    """Return what tags reference, in the repositories with pinned or running live images."""
    live = {each.root.repository for each in judged if _matters(each)}
    of = {each for each in live if not snapshot.is_proxied(each)}
    known = resolved_tags(root for root in snapshot.roots if root.repository in of)
    return {each: reachability_of(snapshot, each, known.get(each, {})) for each in of}


def resolved_tags(roots: Iterable[Root]) -> Mapping[Repository, Mapping[Digest, list[Tag]]]:
    """Return the tags that were resolved, by repository and the manifest that they name."""
    found: defaultdict[Repository, defaultdict[Digest, list[Tag]]]
    found = defaultdict(lambda: defaultdict(list))
    for root in roots:
        if root.tag and root.digest and root.sighting.state is State.PRESENT:
            found[root.repository][root.digest].append(root.tag)
    return found


def compared(verdict: TagVerdict, reach: Reachability | None) -> TagVerdict:
    """Return a verdict with what is live of it and not what its tag, or any tag, references."""
    if reach is None or not _matters(verdict):
        return verdict
    root, moved = verdict.root, _drifted(verdict, reach)
    live = moved if root.tag else (root.digest,) if root.digest else ()
    kept = {digest: reach.references(digest) for digest in live}
    bare = tuple(digest for digest, keeps in kept.items() if keeps is False)
    known = bare or None not in kept.values()
    return replace(verdict, drifted=moved, unprotected=bare if known else None)


def direct_tags(
    snapshot: Snapshot, repository: Repository, digest: Digest
) -> tuple[Tag, ...] | None:
    """Return the tags that name a manifest: any known one proves "some", only a seal "none"."""
    sealed = snapshot.sealed.get(repository)
    if sealed is not None:
        return sealed.pointing_at(digest)
    known = resolved_tags(each for each in snapshot.roots if each.repository == repository)
    return tuple(known.get(repository, {}).get(digest, ())) or None


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


def _drifted(verdict: TagVerdict, reach: Reachability) -> tuple[Digest, ...]:
    """Return what runs by a tag and is nothing that the tag references now.

    That is an absence, too: it is said only where everything is known that the tag references.
    """
    root = verdict.root
    running = {digest for use in verdict.uses for digest in use.running}
    if root.tag is None or root.digest is None or root.sighting.state is not State.PRESENT:
        return ()
    found, whole = below(root.digest, reach.manifests) if running else (running, True)
    return tuple(sorted(running - found)) if whole else ()


def reachability_of(
    snapshot: Snapshot, repository: Repository, known: Mapping[Digest, list[Tag]]
) -> Reachability:
    """Return what the tags of one repository reference; `known` are its resolved tags."""
    sealed = snapshot.sealed.get(repository)
    starts = (*sealed.tags.items(), *known.items()) if sealed else known.items()
    reached: dict[Digest, Tag] = {}
    whole = True
    for digest, tags in starts:
        if not tags:
            continue
        found, all_ = below(digest, snapshot.manifests)
        whole = whole and all_
        for each in found:
            reached.setdefault(each, tags[0])
    return Reachability(snapshot.collector, sealed, snapshot.manifests, reached, whole)


@dataclass(frozen=True, slots=True)
class Runners:
    """Those who say that they run something of it."""

    uses: tuple[Use, ...]
    sure: bool
    """Are these all? Not where somebody runs what nobody has read."""


def runners(snapshot: Snapshot, repository: Repository, digest: Digest) -> Runners:
    """Return who runs a manifest, something below it, or something that it is part of."""
    manifests = snapshot.manifests
    images = _images(manifests)
    parts, whole = below(digest, manifests)
    found: list[Use] = []
    sure = True
    for use in snapshot.uses:
        if use.reference.repository != repository or use.reference_class is not ReferenceClass.LIVE:
            continue
        running = set[Digest]().union(*(images.get(each, {each}) for each in use.running))
        reached = [below(each, manifests) for each in running]
        if parts & running or any(_has(each, digest, manifests) for each, _ in reached):
            found.append(use)
        elif running:
            sure = sure and whole and all(known for _, known in reached)
    return Runners(tuple(found), sure)


def _images(manifests: Mapping[Digest, Manifest]) -> Mapping[Digest, set[Digest]]:
    """Which images have a configuration: what was converted, or has other layers, may share it."""
    found: defaultdict[Digest, set[Digest]] = defaultdict(set)
    for each in manifests.values():
        if each.config:
            found[each.config.digest].add(each.digest)
    return found


def _has(whole: set[Digest], digest: Digest, manifests: Mapping[Digest, Manifest]) -> bool:
    """Is it among these manifests and configurations, or a layer of one of them?"""
    read = (manifests[each] for each in whole if each in manifests)
    return digest in whole or any(digest == blob.digest for each in read for blob in each.content)
