"""Which manifests, blobs and tags would go, in a registry of which only the answers are known?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.proof import State
from exporter.facts.snapshot import Sealed, Snapshot
from exporter.judge.gc.dialect import Mode
from exporter.judge.plans.deletion import Deletion, DeletionKind
from exporter.judge.preflight.operation import GarbageCollection
from exporter.judge.report import ChildKind, Report, TagVerdict
from exporter.oci.digest import Digest

Label = tuple[str, str]
"""A repository, and a tag or a digest in it."""

UNSEALED: Final = "could not resolve all tags of the repository"
_SHARED: Final = (
    "only its index keeps it, and another repository's copy of the index may not: use --storage"
)


@dataclass(frozen=True, slots=True)
class Doomed:
    """What would go, and of what that cannot be told."""

    manifests: frozenset[Label] = frozenset()
    undecided: Mapping[Label, str] = field(default_factory=dict)
    """Manifests of which it cannot be told, each with the reason."""
    blobs: frozenset[str] = frozenset()
    links: frozenset[Label] = frozenset()
    """Blobs that a repository would no longer hand out."""
    tags: frozenset[Label] = frozenset()
    intended: frozenset[Label] = frozenset()
    """Tags among them that were named: that they go hurts only their users."""
    unmatched: tuple[Deletion, ...] = ()
    """What names nothing that was seen."""


def collected(report: Report, collection: GarbageCollection) -> Doomed:
    """Say what a collection takes: manifests without a tag of their own, where that is proven.

    distribution 2.x sweeps them whatever index lists them; 3.x keeps what a tagged index reaches,
    unless another repository, visited earlier, holds the same index with a hole in it.
    """
    snapshot = report.snapshot
    blobs = frozenset(
        each.digest
        for manifest in snapshot.manifests.values()
        for each in manifest.content
        if each.digest.algorithm != "sha256"  # stored under its sha256: no collector looks there
    )
    if collection.mode is Mode.PLAIN:
        return Doomed(blobs=blobs)
    doomed: set[Label] = set()
    undecided: dict[Label, str] = {}
    sealed: dict[str, Sealed] = dict(snapshot.sealed.items())
    for label, tagged in _needed(report).items():
        spared = tagged and collection.dialect.descends
        answer = _goes(sealed.get(label[0]), label, spared=spared)
        if answer is True:
            doomed.add(label)
        elif answer:
            undecided[label] = answer
    return Doomed(frozenset(doomed), undecided, blobs)


def _goes(sealed: Sealed | None, label: Label, *, spared: bool) -> bool | str:
    """Does a manifest go, or why can it not be told?"""
    if sealed is None:
        return UNSEALED
    if label[1] in sealed.tags:
        return False
    return _SHARED if spared else True


def _needed(report: Report) -> dict[Label, bool]:
    """Return every manifest at or below something needed, and whether a tag leads to it."""
    found: dict[Label, bool] = {}
    for verdict in report.verdicts:
        for digest in manifests(verdict):
            label = (verdict.root.repository, digest)
            found[label] = found.get(label, False) or verdict.root.tag is not None
    return found


def manifests(verdict: TagVerdict) -> Iterator[Digest]:
    """Yield the manifests at and below a tag, nested indexes too."""
    digests = [verdict.root.digest, *verdict.indexes]
    children = (each.digest for each in verdict.children if each.kind is not ChildKind.CACHE)
    yield from dict.fromkeys(each for each in (*digests, *children) if each is not None)


def deleted(report: Report, deletions: Iterable[Deletion]) -> Doomed:
    """Carry out deletions on paper, as a registry's API does."""
    gone = _Gone(report.snapshot)
    unmatched = tuple(each for each in deletions if not gone.take(each))
    return Doomed(
        manifests=frozenset(gone.manifests),
        blobs=frozenset(gone.blobs),
        links=frozenset(gone.links),
        tags=frozenset(gone.tags),
        intended=frozenset(gone.intended),
        unmatched=unmatched,
    )


class _Gone:
    """What is gone so far; a repository may be named by its last part only."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.pointers = _pointers(snapshot)
        self.pointing: dict[Label, list[str]] = {}
        for (repository, tag), digest in self.pointers.items():
            self.pointing.setdefault((repository, digest), []).append(tag)
        self.held: frozenset[Label] = frozenset(
            place for place, seen in snapshot.sightings.items() if seen.state is State.PRESENT
        )
        self.places = sorted({repository for repository, _ in (*self.pointers, *self.held)})
        self.manifests: set[Label] = set()
        self.blobs: set[str] = set()
        self.links: set[Label] = set()
        self.tags: set[Label] = set()
        self.intended: set[Label] = set()

    def take(self, deletion: Deletion) -> bool:
        """Carry out one; say whether anything that was seen is meant."""
        if deletion.kind is DeletionKind.BLOB:
            self.blobs.add(deletion.digest)
            return True
        taken = [self._in(place, deletion) for place in self._places(deletion.repository)]
        return any(taken)

    def _places(self, name: str) -> list[str]:
        if not name:
            return self.places
        exact = [each for each in self.places if each == name]
        return exact or [each for each in self.places if each.endswith(f"/{name}")]

    def _in(self, place: str, deletion: Deletion) -> bool:
        label = (place, deletion.tag)
        if deletion.kind is DeletionKind.LAYER_LINK:
            self.links.add((place, deletion.digest))
            return True
        if deletion.kind is DeletionKind.TAG:
            there = label in self.pointers
            self.tags |= {label} if there else set()
            self.intended |= {label} if there else set()
            return there
        version = deletion.kind is DeletionKind.VERSION
        digest = self.pointers.get(label, "") if version else deletion.digest
        return self._manifest((place, digest), deletion.tag)

    def _manifest(self, label: Label, named: str) -> bool:
        tags = self.pointing.get(label, [])
        if not tags and label not in self.held:
            return False
        self.manifests.add(label)
        self.tags |= {(label[0], tag) for tag in tags}
        self.intended |= {(label[0], tag) for tag in tags if tag == named}
        return True


def _pointers(snapshot: Snapshot) -> dict[Label, str]:
    """Which tag of which repository points where, as far as it is known."""
    found: dict[Label, str] = {
        (root.repository, root.tag): root.digest
        for root in snapshot.roots
        if root.tag and root.digest
    }
    for repository, sealed in snapshot.sealed.items():
        for digest, tags in sealed.tags.items():
            found.update({(repository, tag): digest for tag in tags})
    return found
