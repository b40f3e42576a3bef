"""The leaves of a tag: the images and other manifests that it references, through indexes."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain
from typing import Final, Self

from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Proof, Sighting, State, unknown
from exporter.facts.snapshot import Snapshot
from exporter.facts.use import Use
from exporter.judge.tag_verdict import ChildKind
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor, Kind, Link, PackedLinks
from exporter.oci.manifest import Manifest
from exporter.oci.platform import Platform, eligible
from exporter.oci.reference import Repository

CONTENT: Final = frozenset({Kind.CONFIG, Kind.LAYER, Kind.BLOB})
LADDER: Final = tuple(Proof)
"""The weakest first."""
NOT_LOOKED_AT: Final = unknown(Reason.BY_DESIGN, "not audited")


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot within one repository, as a pull sees it."""

    snapshot: Snapshot
    repository: Repository
    sightings: Mapping[bytes, Sighting] | None = None
    """Those of the repository by packed digest, at hand for all of its tags."""
    _proofs: dict[Digest, Proof | None] = field(default_factory=dict)

    @classmethod
    def of(cls, snapshot: Snapshot, repository: Repository) -> Self:
        """Return the view of one repository, for all of its tags."""
        return cls(snapshot, repository, snapshot.sightings.packed_of(repository))

    def seen(self, digest: Digest) -> Sighting:
        """Return the sighting of a manifest or blob in this repository."""
        if self.sightings is not None:
            return self.sightings.get(digest.packed, NOT_LOOKED_AT)
        return self.snapshot.sightings.get((self.repository, digest), NOT_LOOKED_AT)

    def known(self, digest: Digest) -> Manifest | None:
        """Return a manifest, unless this repository is proven to have lost it.

        Bodies never change: one that cannot be seen at the moment still says what it said.
        """
        lost = self.seen(digest).state in GONE
        return None if lost else self.snapshot.manifests.get(digest)

    def content_proof(self, manifest: Manifest) -> Proof | None:
        """Return the weakest proof of a manifest's content, if all of it is present and expected.

        None where that is not so, or there is no content: then each blob has to be looked at.
        """
        if manifest.digest not in self._proofs:
            self._proofs[manifest.digest] = self._content_proof(manifest.links)
        return self._proofs[manifest.digest]

    def _content_proof(self, links: Sequence[Link]) -> Proof | None:
        if self.sightings is None or not isinstance(links, PackedLinks):
            return None
        content = [
            key for key, each in zip(links.keys, links.shape, strict=True) if each[0] in CONTENT
        ]
        seen = set(map(self.sightings.get, content))
        if not all(each is not None and each.state is State.PRESENT for each in seen):
            return None
        if not links.distributable:
            return None
        return min((each.proof for each in seen if each), key=LADDER.index, default=None)

    def diff_id_mismatches(self, digest: Digest) -> tuple[DiffIdMismatch, ...]:
        """Differences between an image and its own configuration."""
        return self.snapshot.diff_id_mismatches.get(digest, ())

    def stated_platform(self, manifest: Manifest | None) -> Platform | None:
        """The platform in an image's configuration, if that was read."""
        config = manifest.config if manifest else None
        return self.snapshot.config_platforms.get(config.digest) if config else None


@dataclass(frozen=True, slots=True)
class Leaf:
    """A leaf below a tag: an image, or whatever is in its place."""

    digest: Digest
    platform: Platform | None
    kind: ChildKind
    misstated: str = ""
    """The wrong statements of its index entry about it."""

    @property
    def may_be_chosen(self) -> bool:
        """Does a node choose it by its platform, whatever it then turns out to be?"""
        if self.kind is ChildKind.IMAGE:
            return True
        return self.platform is not None and self.kind in (ChildKind.ARTIFACT, ChildKind.INDEX)


@dataclass(frozen=True, slots=True)
class ManifestTree:
    """The tree below one manifest, each digest once and in order."""

    leaves: tuple[Leaf, ...]
    nested: tuple[Digest, ...]
    """The present indexes above it, without the manifest itself."""


def as_run(
    view: View, root: Digest, leaves: tuple[Leaf, ...], uses: Iterable[Use]
) -> tuple[Leaf, ...]:
    """Return an image that runs on another platform than it states as one that states none.

    A node pulls an image that stands alone whatever it states (containerd `core/images/image.go`,
    `Manifest`); whether it then runs, only a container that does can tell.
    """
    manifest = view.known(root)
    if [leaf.digest for leaf in leaves] != [root] or manifest is None:
        return leaves
    own = {root, manifest.config.digest} if manifest.config else {root}
    runs = (use.platforms for use in uses if use.alive and use.running and use.running <= own)
    strange = [
        node for node in chain.from_iterable(runs) if not eligible(node, [leaves[0].platform])
    ]
    return (replace(leaves[0], platform=None),) if strange else leaves


def grow(view: View, digest: Digest) -> ManifestTree:
    """Return the tree below a digest.

    An index that is unknown now is a leaf of its own, beside those below it.
    """
    top = view.known(digest)
    if top is None or not top.is_index:
        return ManifestTree((_lone(view, digest),), ())
    leaves = [] if _stands(view, digest) else [Leaf(digest, None, ChildKind.INDEX)]
    passed = {digest: top}
    waiting = _entries(top)
    while waiting:
        entry = waiting.pop()
        below = view.known(entry.digest)
        if entry.digest in passed:
            continue
        if below is not None and below.is_index:
            passed[entry.digest] = below
            waiting += _entries(below)
        if (
            entry.digest not in passed
            or not _stands(view, entry.digest)
            or _misstated(entry, below)
        ):
            leaves.append(_leaf(view, entry, below))
    nested = tuple(each for each in passed if each != digest and _stands(view, each))
    return ManifestTree(_each_once(leaves), nested)


def _stands(view: View, digest: Digest) -> bool:
    return view.seen(digest).state is State.PRESENT


def _entries(index: Manifest) -> list[Descriptor]:
    """Return the entries of an index in reverse: taken from the end, they are in order."""
    return [link.target for link in reversed(index.links) if link.kind is not Kind.SUBJECT]


def _leaf(view: View, entry: Descriptor, below: Manifest | None) -> Leaf:
    platform = entry.platform or view.stated_platform(below)
    digest = below.digest if below else entry.digest  # the very object that others hold
    return Leaf(digest, platform, _kind(entry, below), _misstated(entry, below))


def _misstated(entry: Descriptor, below: Manifest | None) -> str:
    """Return how an entry misstates its manifest's length, which not every node minds.

    containerd gives up at it (`core/content/local/writer.go`, "failed size validation").
    """
    if below is None or entry.size == below.size:
        return ""
    return f"its index states {entry.size} bytes, it has {below.size}"


def _each_once(leaves: list[Leaf]) -> tuple[Leaf, ...]:
    """Return one leaf per digest and platform: of two entries of an index, the image."""
    found: dict[tuple[Digest, Platform | None], Leaf] = {}
    for leaf in leaves:
        key = leaf.digest, leaf.platform
        if key not in found or leaf.kind is ChildKind.IMAGE:
            found[key] = leaf
    return tuple(found.values())


def _lone(view: View, digest: Digest) -> Leaf:
    """A tag without an index is its own one child."""
    manifest = view.snapshot.manifests.get(digest)
    if manifest is None:
        return Leaf(digest, None, ChildKind.IMAGE)
    if manifest.is_index:
        return Leaf(digest, None, ChildKind.INDEX)
    kind = ChildKind.ARTIFACT if manifest.artifact else ChildKind.IMAGE
    return Leaf(digest, view.stated_platform(manifest), kind)


def _kind(entry: Descriptor, below: Manifest | None) -> ChildKind:
    """Return the kind of an entry: by its platform, or without one by BuildKit's mark."""
    if entry.platform.unknown if entry.platform else entry.attestation:
        return ChildKind.ATTESTATION
    if not entry.is_manifest:
        return ChildKind.CACHE
    if below.is_index if below else entry.is_index:
        return ChildKind.INDEX
    return ChildKind.ARTIFACT if below and below.artifact else ChildKind.IMAGE
