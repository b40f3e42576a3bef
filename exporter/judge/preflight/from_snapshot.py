"""Predictions from a snapshot of what a registry's API serves, without a look at its storage.

It tells which tags reference what, and so what a collector of untagged manifests removes. What
depends on links that only the storage shows is a gap, never a guess.
"""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import GONE, State
from exporter.facts.registry_kind import Collector
from exporter.facts.snapshot import Role, Snapshot
from exporter.facts.use import highest
from exporter.judge.gc.dialect import Mode
from exporter.judge.plans.deletion import DeletionKind
from exporter.judge.preflight import hazards
from exporter.judge.preflight.deletions import Deleted, Label, RegistryContents
from exporter.judge.preflight.prediction import (
    MOST,
    BrokenManifest,
    Checked,
    GarbageCollection,
    LostContent,
    NeededImage,
    Operation,
    Prediction,
    RemovalTotals,
    Victim,
)
from exporter.judge.report import Report
from exporter.judge.tag_verdict import ChildKind, TagVerdict
from exporter.oci.digest import Digest
from exporter.oci.links import Kind
from exporter.oci.reference import Repository

_FOREIGN: Final = frozenset({Collector.PARENT_PROTECTS, Collector.NONE})
"""Collectors whose rules are not distribution's."""
_DISTRIBUTION: Final = "distribution"
_EMPTY: Final = "the snapshot has no tags: its login may not have been allowed to list any"
_CACHE: Final = "a pull-through cache: partial by design"
_UNSEALED: Final = "could not resolve all tags of the repository"
_SHARED: Final = (
    "only its index keeps it, and another repository's copy of the index may not: use --storage"
)


def predict(
    report: Report, operation: Operation, needed: Sequence[NeededImage], gaps: Sequence[Gap]
) -> Prediction:
    """Predict from a snapshot: its tags in scope, and the needed beside them.

    The operation is a collection or deletions, not one after the other. `gaps` are those of the
    references.
    """
    collection, foreign = operation.collection, _foreign(report.snapshot)
    if collection and not collection.assumed and foreign:
        return _of_another(report, operation, collection, gaps)
    removed, undecided = Deleted(), dict[Label, str]()
    if operation.deletions:
        contents = _SnapshotContents(report.snapshot)
        removed = contents.delete(operation.deletions.deletions, operation.method)
    elif collection:
        removed, undecided = _collected(report, collection)
    users = {(each.repository, each.tag or each.digest): each for each in needed}
    verdicts = [each for each in report.verdicts if each.root.digest]
    images = [_image(each, users) for each in verdicts]
    found = [_victim(report, removed, *each) for each in zip(verdicts, images, strict=True)]
    victims = sorted((each for each in found if each), key=lambda each: each.image.rank)
    unseen = _unseen(report, images, users)
    named = foreign or report.snapshot.collector
    return Prediction(
        operation=operation.description,
        victims=tuple(victims[:MOST]),
        hazards=tuple(hazards.of_snapshot(operation, removed.unmatched, named)),
        gaps=(
            *(*gaps, *report.snapshot.hiding),
            *(*_unknown(report), *_undecided(report, undecided)),
            *_unread(report, operation, removed),
            *operation.gaps(removed.unmatched),
            *(_not_seen(each) for each in unseen),
        ),
        removed=None if operation.collection else _totals(removed),
        checked=Checked(
            repositories=len({each.repository for each in images}),
            tags=sum(bool(each.tag) for each in images),
            uses=len(users) - len(unseen),
            uses_elsewhere=len(unseen),
        ),
        more_victims=max(0, len(victims) - MOST),
        cannot_be_pulled=report.cannot_be_pulled,
    )


def _unseen(
    report: Report, images: Iterable[NeededImage], users: Mapping[Label, NeededImage]
) -> list[NeededImage]:
    """Return the images in use that the snapshot lacks, without those of pull-through caches."""
    places = {each.root.repository for each in report.verdicts}
    proxied = set(filter(report.snapshot.is_proxied, places))
    seen = {(each.repository, each.tag or each.digest) for each in images}
    return [
        each
        for label, each in users.items()
        if label not in seen and each.repository not in proxied
    ]


def _foreign(snapshot: Snapshot) -> str:
    """Return the registry's own collector, or its kind, if its rules are not distribution's."""
    own, kind = snapshot.collector, snapshot.kind
    if own is Collector.UNKNOWN and kind.known and kind.name != _DISTRIBUTION:
        return f"that of {kind.name}"
    return own if own in _FOREIGN else ""


def _of_another(
    report: Report, operation: Operation, collection: GarbageCollection, gaps: Sequence[Gap]
) -> Prediction:
    """Predict nothing: the registry's own collector follows other rules."""
    snapshot = report.snapshot
    detail = hazards.other_collector(_foreign(snapshot), collection)
    gap = Gap(Scope.REGISTRY, snapshot.registry, Reason.UNSUPPORTED, detail)
    checked = Checked(0, 0, 0)
    return Prediction(
        operation.description,
        (),
        (),
        (*gaps, gap),
        None,
        checked,
        other_collector=_foreign(snapshot),
        cannot_be_pulled=report.cannot_be_pulled,
    )


class _SnapshotContents(RegistryContents):
    """The objects that deletions may name in a snapshot; not all blobs and layer links."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.pointers: dict[Label, str] = {
            (root.repository, root.tag): root.digest
            for root in snapshot.roots
            if root.tag and root.digest
        }
        for repository, sealed in snapshot.sealed.items():
            for digest, tags in sealed.tags.items():
                self.pointers.update({(repository, tag): digest for tag in tags})
        self.pointing: dict[Label, list[str]] = defaultdict(list)
        for (place, tag), named in self.pointers.items():
            self.pointing[place, named].append(tag)
        self.manifests = {
            at for at, seen in snapshot.sightings.items() if seen.state is State.PRESENT
        } | self.pointing.keys()
        names = {place for place, _ in (*self.pointers, *self.manifests)}
        self.repositories = {name: at for at, name in enumerate(sorted(names))}

    def _has(self, kind: DeletionKind, repository: str, digest: str) -> bool:
        return kind is not DeletionKind.MANIFEST or (repository, digest) in self.manifests

    def _digest(self, repository: str, tag: str) -> str | None:
        return self.pointers.get((repository, tag))

    def _tags(self, repository: str, digest: str) -> Iterable[str]:
        return self.pointing.get((repository, digest), ())


def _collected(report: Report, collection: GarbageCollection) -> tuple[Deleted, dict[Label, str]]:
    """Return the proven removals of a collection, and why the others are unknown.

    distribution 2.x removes manifests without a tag of their own, whatever index lists them; 3.x
    keeps what a tagged index reaches, unless another repository, visited earlier, holds the same
    index with a hole in it.
    """
    snapshot = report.snapshot
    removed = Deleted(
        blobs={
            each.digest
            for manifest in snapshot.manifests.values()
            for each in manifest.content
            if each.digest.algorithm != "sha256"
        }
    )  # those are stored under their sha256: no collector looks there
    undecided: dict[Label, str] = {}
    if collection.mode is Mode.PLAIN:
        return removed, undecided
    for label, is_tagged in _referenced(report).items():
        sealed = snapshot.sealed.get(label[0])
        if sealed is None:
            undecided[label] = _UNSEALED
        elif label[1] not in sealed.tags and is_tagged and collection.dialect.descends:
            undecided[label] = _SHARED
        elif label[1] not in sealed.tags:
            removed.manifests.add(label)
    return removed, undecided


def _referenced(report: Report) -> dict[tuple[Repository, Digest], bool]:
    """Return every manifest at or below something needed, and whether a tag references it."""
    found: dict[tuple[Repository, Digest], bool] = {}
    for verdict in report.verdicts:
        for digest in verdict.manifests:
            label = (verdict.root.repository, digest)
            found[label] = found.get(label, False) or verdict.root.tag is not None
    return found


def _image(verdict: TagVerdict, users: Mapping[Label, NeededImage]) -> NeededImage:
    root = verdict.root
    own = NeededImage(root.repository, root.tag or "", root.digest or "", root.reference_class)
    use = users.get((root.repository, root.tag or root.digest or ""))
    if use is None:
        return own
    top = highest(own.reference_class, use.reference_class)
    return replace(own, reference_class=top, users=use.users)


def _victim(
    report: Report, removed: Deleted, verdict: TagVerdict, image: NeededImage
) -> Victim | None:
    label = (image.repository, image.tag)
    if label in removed.intended and not image.users:
        return None
    broken = tuple(_broken(report, removed, verdict))
    tag_removed = label in removed.tags
    return Victim(image, tag_removed, broken) if tag_removed or broken else None


def _broken(report: Report, removed: Deleted, verdict: TagVerdict) -> Iterator[BrokenManifest]:
    """Yield the content that is present now and would be lost; former losses do not count."""
    repository = verdict.root.repository
    children = {each.digest: each for each in verdict.children}
    for digest in verdict.manifests:
        child = children.get(digest)
        seen = report.snapshot.sightings.get((repository, digest))
        if seen is None or seen.state is not State.PRESENT:
            continue
        if child is not None and child.state is State.BROKEN:
            continue
        lost = tuple(_lost(report, removed, repository, digest))
        attestation = child is not None and child.kind is ChildKind.ATTESTATION
        platform = str(child.platform or "") if child else ""
        if lost:
            yield BrokenManifest(digest, "attestation" if attestation else platform, lost)


def _lost(
    report: Report, removed: Deleted, repository: str, digest: Digest
) -> Iterator[LostContent]:
    manifest = report.snapshot.manifests.get(digest)
    if (repository, digest) in removed.manifests:
        size = manifest.size if manifest else None
        yield LostContent(digest, "manifest", size, removed=digest in removed.blobs)
    for link in manifest.links if manifest else ():
        blob, read = link.target.digest, link.kind not in (Kind.CHILD, Kind.SUBJECT)
        gone = blob in removed.blobs
        if read and (gone or (repository, blob) in removed.layer_links):
            yield LostContent(blob, link.kind.value, link.target.size, removed=gone)


def _totals(removed: Deleted) -> RemovalTotals:
    manifests, links = len(removed.manifests), len(removed.layer_links)
    return RemovalTotals(len(removed.tags), manifests, len(removed.blobs), links, size=None)


def _unknown(report: Report) -> Iterator[Gap]:
    """Yield the needed content whose state is unknown."""
    snapshot = report.snapshot
    if snapshot.role is Role.PROXY:
        yield Gap(Scope.REGISTRY, snapshot.registry, Reason.BY_DESIGN, _CACHE)
    if report.empty:
        yield Gap(Scope.REGISTRY, snapshot.registry, Reason.UNCONFIRMED, _EMPTY)
    for verdict in report.verdicts:
        unknown = [
            each for each in verdict.children if each.expected and each.state is State.UNKNOWN
        ]
        if unknown:
            name = f"{verdict.root.repository}:{verdict.root.name}"
            reason = unknown[0].reason or Reason.UNCONFIRMED
            yield Gap(Scope.OBJECT, name, reason, "its manifests are unknown")


def _undecided(report: Report, undecided: Mapping[Label, str]) -> Iterator[Gap]:
    """Yield the repositories whose removals are unknown, each reason once."""
    gone = {place for place, seen in report.snapshot.sightings.items() if seen.state in GONE}
    counts = Counter((at[0], why) for at, why in undecided.items() if at not in gone)
    for (repository, why), count in sorted(counts.items()):
        detail = f"state of {count} manifests unknown: {why}"
        yield Gap(Scope.REPOSITORY, repository, Reason.UNCONFIRMED, detail)


def _unread(report: Report, operation: Operation, removed: Deleted) -> Iterator[Gap]:
    """Yield the repositories with unread tags, which may need what is removed."""
    snapshot = report.snapshot
    everywhere = operation.collection is not None or bool(removed.blobs)
    touched = {place for place, _ in (*removed.manifests, *removed.layer_links)}
    for repository in sorted({each.root.repository for each in report.verdicts}):
        if not everywhere and repository not in touched:
            continue
        if snapshot.is_proxied(repository):
            yield Gap(Scope.REPOSITORY, repository, Reason.BY_DESIGN, _CACHE)
            continue
        sealed = snapshot.sealed.get(repository)
        tags = sealed.tags.items() if sealed else ()
        unread = sum(len(names) for digest, names in tags if digest not in snapshot.manifests)
        if sealed is None:
            yield Gap(Scope.REPOSITORY, repository, Reason.UNCONFIRMED, _UNSEALED)
        elif unread:
            detail = f"{unread} tags are not in the snapshot's scope"
            yield Gap(Scope.REPOSITORY, repository, Reason.UNCONFIRMED, detail)


def _not_seen(image: NeededImage) -> Gap:
    detail = f"used by {image.users[0].name}, but not in the snapshot"
    return Gap(Scope.OBJECT, image.name, Reason.UNCONFIRMED, detail)
