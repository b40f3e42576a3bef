"""Keep tags: those that protect the children of indexes, and pinned digests, from removal."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from itertools import chain
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import ReferenceClass
from exporter.judge.choice import is_attached
from exporter.judge.leaves import View
from exporter.judge.protection import Protection, Risk
from exporter.judge.reachability import Reachability, reachability_of, resolved_tags
from exporter.judge.report import Report
from exporter.judge.tag_verdict import ChildKind, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository, Tag

SHORTEST: Final = 12
"""Hexadecimal characters of the digest in a name, as long as no other tag has that name."""
LONGEST: Final = 64


@dataclass(frozen=True, slots=True)
class ReferencedManifest:
    """One manifest that a tag or a pinned digest needs, and that should have a tag of its own."""

    repository: Repository
    digest: Digest | None
    """None for a tag that does not exist."""
    what: str
    """`image`, `index`, `attestation` …"""
    platform: Platform | None
    state: State
    reason: Reason | None
    """Why the state is unknown."""
    tags: tuple[Tag, ...] | None
    """Tags that name it directly; None if not every tag is known."""
    needed_by: tuple[str, ...]
    """The names of the roots above it."""
    risk: Risk = Risk.UNKNOWN
    """How it may be removed while the manifests that need it stay."""


@dataclass(frozen=True, slots=True)
class KeepTag:
    """A tag to be set."""

    need: ReferencedManifest
    digest: Digest
    tag: Tag


@dataclass(frozen=True, slots=True)
class KeepTagPlan:
    """The keep tags to set, and what is undetermined."""

    report: Report
    wanted: tuple[KeepTag, ...]
    protected: int
    """How many manifests the registry keeps already."""
    lost: tuple[ReferencedManifest, ...]
    """Proven to be missing or broken: no tag brings it back."""
    doubtful: tuple[ReferencedManifest, ...]
    """Manifests that may need a tag: it could not be established."""


def plan_keep_tags(report: Report, reach: ReferenceClass, prefix: str) -> KeepTagPlan:
    """Return the tags that are missing below every root of a class at least as high as `reach`.

    Names come from the digests alone, so that a second run finds nothing left to do. Attestations
    are included, and what the referrers' fallback tags attach: both are removed like any other
    manifest. A tag is planned only where the registry may remove the manifest without it.
    """
    found = referenced_manifests(report, reach)
    standing = [need for need in found if need.state not in GONE]
    bare = [need for need in standing if need.state is State.PRESENT and need.risk.endangers]
    wanted = tuple(_named(report.snapshot, bare, prefix))
    named = {id(each.need) for each in wanted}
    return KeepTagPlan(
        report,
        wanted=wanted,
        protected=sum(need.risk is Risk.KEPT for need in standing),
        lost=tuple(need for need in found if need.state in GONE),
        doubtful=tuple(
            need for need in standing if need.risk is not Risk.KEPT and id(need) not in named
        ),
    )


def referenced_manifests(report: Report, reach: ReferenceClass) -> list[ReferencedManifest]:
    """Return every manifest that must be kept, once, in order of repository and digest."""
    found: dict[tuple[Repository, str], ReferencedManifest] = {}
    keeping = _Keeping(report.snapshot)
    for verdict in _reached(report, reach):
        for need in _below(keeping, verdict):
            key = (need.repository, need.digest or f":{verdict.root.name}")
            known = found.get(key)
            names = (*known.needed_by, *need.needed_by) if known else need.needed_by
            risk = need.risk if known is None else _worse(known.risk, need.risk)
            found[key] = replace(need, needed_by=tuple(dict.fromkeys(names)), risk=risk)
    return [found[key] for key in sorted(found)]


def _worse(one: Risk, other: Risk) -> Risk:
    """Return the greater risk: a tag's own manifest may be another tag's child."""
    return max(one, other, key=lambda each: (each is not Risk.KEPT, each.endangers))


class _Keeping:
    """The protection of the manifests of each repository."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self._tags = resolved_tags(snapshot.roots)
        self._protections: dict[Repository, Protection] = {}
        self._reach: dict[Repository, Reachability] = {}

    def protection(self, repository: Repository) -> Protection:
        if repository not in self._protections:
            known = self._tags.get(repository, {})
            self._protections[repository] = Protection.of(self.snapshot, repository, known)
        return self._protections[repository]

    def pinned(self, repository: Repository, digest: Digest) -> Risk:
        """Return how a pinned digest may be removed: with one tag, or since none references it."""
        protection = self.protection(repository)
        risk = protection.risk(digest)
        if protection.tags(digest) or risk.proven or protection.collector is Collector.NONE:
            return risk
        if repository not in self._reach:
            known = self._tags.get(repository, {})
            self._reach[repository] = reachability_of(self.snapshot, repository, known)
        if self._reach[repository].references(digest):
            return risk
        return Risk.UNKNOWN if protection.tags(digest) is None else Risk.UNCLEAR


def _reached(report: Report, reach: ReferenceClass) -> Iterator[TagVerdict]:
    """Yield the roots of a sufficient class, and the tags of their attachments.

    And those of attachments in turn: the signature of a bill of materials.
    """
    rest: list[TagVerdict] = []
    kept: set[tuple[Repository, str]] = set()
    for verdict in report.verdicts:
        if verdict.root.reference_class.rank <= reach.rank:
            kept.update((verdict.root.repository, each) for each in verdict.manifests)
            yield verdict
        elif is_attached(verdict.root):
            rest.append(verdict)
    while attached := [each for each in rest if _attached_to(each) in kept]:
        rest = [each for each in rest if _attached_to(each) not in kept]
        for verdict in attached:
            kept.update((verdict.root.repository, each) for each in verdict.manifests)
            yield verdict


def _attached_to(verdict: TagVerdict) -> tuple[Repository, str]:
    named = (verdict.root.tag or "").partition(".")[0].replace("-", ":", 1)
    return verdict.root.repository, named


def _below(keeping: _Keeping, verdict: TagVerdict) -> Iterator[ReferencedManifest]:
    """Yield the references of a root, without the manifest that a tag itself names."""
    root, names = verdict.root, (verdict.root.name,)
    pinned = root.digest if root.tag is None else None
    protection = keeping.protection(root.repository)
    holders = _holders(keeping.snapshot, protection, (*verdict.indexes, *filter(None, (pinned,))))

    def risk(digest: Digest | None, known: Risk) -> Risk:
        if digest in holders:
            return Risk.UNTAGGED_PARENT
        found = keeping.pinned(root.repository, digest) if digest and digest == pinned else known
        return Risk.KEPT if found is Risk.UNTAGGED_PARENT and holders else found

    for child in verdict.children:
        if child.expected and child.kind is not ChildKind.CACHE:
            what = (str(child.kind), child.platform, child.state, child.reason)
            own = (child.protected_by, names, risk(child.digest, child.risk))
            yield ReferencedManifest(root.repository, child.digest, *what, *own)
    above = () if pinned in {None, *(child.digest for child in verdict.children)} else (pinned,)
    for index in (*above, *verdict.indexes):
        if index:
            seen = View(keeping.snapshot, root.repository).seen(index)
            own = (protection.tags(index), names, risk(index, protection.risk(index)))
            what = ("index", None, seen.state, seen.reason)
            yield ReferencedManifest(root.repository, index, *what, *own)


def _holders(
    snapshot: Snapshot, protection: Protection, indexes: Iterable[Digest]
) -> frozenset[Digest]:
    """Return the indexes whose own tag would keep the untagged manifests below them."""
    within = {
        each: {
            child.digest
            for child in snapshot.manifests[each].children
            if protection.risk(child.digest) is Risk.UNTAGGED_PARENT
        }
        for each in indexes
        if each in snapshot.manifests
    }
    lowest = {each for each, children in within.items() if children and not children & {*within}}
    return frozenset(each for each, children in within.items() if children - lowest) | lowest


def _named(
    snapshot: Snapshot, bare: Iterable[ReferencedManifest], prefix: str
) -> Iterator[KeepTag]:
    """Yield a keep tag for each manifest, by the shortest name that is free."""
    taken = {
        (repository, tag)
        for repository, sealed in snapshot.sealed.items()
        for tag in chain.from_iterable(sealed.tags.values())
    }
    for need in bare:
        encoded = need.digest.encoded if need.digest else ""
        names = (Tag(f"{prefix}-{encoded[:n]}") for n in range(SHORTEST, LONGEST + 1))
        free = next((name for name in names if (need.repository, name) not in taken), None)
        if free is not None and need.digest:
            taken.add((need.repository, free))
            yield KeepTag(need, need.digest, free)
