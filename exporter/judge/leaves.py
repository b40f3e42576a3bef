"""To which images does a tag lead? The walk from a manifest, through its indexes, to their ends."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.facts.gap import Reason
from exporter.facts.proof import Sighting, State, unknown
from exporter.facts.snapshot import Snapshot
from exporter.judge.report import ChildKind
from exporter.oci.digest import Digest
from exporter.oci.manifest import Kind, Manifest
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.oci.manifest import Descriptor

NOT_LOOKED_AT: Final = unknown(Reason.BY_DESIGN, "not looked at")


@dataclass(frozen=True, slots=True)
class View:
    """A snapshot as seen from within one repository, the way a pull sees it."""

    snapshot: Snapshot
    repository: Repository

    def seen(self, digest: Digest) -> Sighting:
        """What was observed of a manifest or blob in this repository."""
        return self.snapshot.sightings.get((self.repository, digest), NOT_LOOKED_AT)

    def standing(self, digest: Digest) -> Manifest | None:
        """The manifest, where this repository was proven to hold it."""
        present = self.seen(digest).state is State.PRESENT
        return self.snapshot.manifests.get(digest) if present else None

    def stated_platform(self, manifest: Manifest | None) -> Platform | None:
        """The platform that an image's configuration states, where it was read."""
        config = manifest.config if manifest else None
        return self.snapshot.config_platforms.get(config.digest) if config else None


@dataclass(frozen=True, slots=True)
class Leaf:
    """An end of the walk from a tag: an image, or whatever stands in its place."""

    digest: Digest
    platform: Platform | None
    kind: ChildKind


@dataclass(frozen=True, slots=True)
class Tree:
    """What lies below one manifest, each thing once and in order."""

    leaves: tuple[Leaf, ...]
    indexes: tuple[Digest, ...]
    """The indexes on the way, the outermost first."""


def grow(view: View, digest: Digest) -> Tree:
    """Return what a tag on this digest leads to."""
    indexes: dict[Digest, None] = {}
    leaves = tuple(dict.fromkeys(_leaves(view, digest, indexes)))
    return Tree(leaves, tuple(indexes))


def _leaves(view: View, digest: Digest, indexes: dict[Digest, None]) -> Iterator[Leaf]:
    manifest = view.standing(digest)
    if manifest is None or not manifest.is_index:
        yield _lone(view, digest, manifest or view.snapshot.manifests.get(digest))
        return
    indexes[digest] = None
    for link in manifest.links:
        entry = link.target
        below = view.standing(entry.digest)
        if link.kind is Kind.SUBJECT or entry.digest in indexes:
            continue
        if below is not None and below.is_index:
            yield from _leaves(view, entry.digest, indexes)
        else:
            platform = entry.platform or view.stated_platform(below)
            yield Leaf(entry.digest, platform, _kind(entry, below))


def _lone(view: View, digest: Digest, manifest: Manifest | None) -> Leaf:
    """A tag without an index is its own one child."""
    if manifest is None:
        return Leaf(digest, None, ChildKind.IMAGE)
    if manifest.is_index:
        return Leaf(digest, None, ChildKind.INDEX)
    kind = ChildKind.ARTIFACT if manifest.artifact else ChildKind.IMAGE
    return Leaf(digest, view.stated_platform(manifest), kind)


def _kind(entry: Descriptor, below: Manifest | None) -> ChildKind:
    if entry.attestation or (entry.platform and entry.platform.unknown):
        return ChildKind.ATTESTATION
    if not entry.is_manifest:
        return ChildKind.CACHE
    if entry.is_index:
        return ChildKind.INDEX
    return ChildKind.ARTIFACT if below and below.artifact else ChildKind.IMAGE
