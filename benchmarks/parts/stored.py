"""A synthetic registry whose content is known from an audit, and its storage.

What an audit with the storage takes is then the auditor's alone: neither answers nor files are made
anew while it runs.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Final

from benchmarks.parts.synthetic import Synthetic, content
from exporter.facts.body import Outline
from exporter.facts.inventory import Driver, Folder, Inventory
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.facts.proof import HEADER, LAST_BYTE
from exporter.facts.registry_kind import Collector, RegistryKind
from exporter.facts.shard import WHOLE, Shard
from exporter.facts.shared_digests import share_digests
from exporter.facts.sightings import Sightings
from exporter.facts.snapshot import Root, Sealed, Snapshot
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest, parse
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Listing

BEGAN: Final = 1_776_852_000.0
"""When the audit from which the content is known began: seconds since the epoch."""
_FOLDERS: Final = Folder.LAYERS | Folder.MANIFESTS | Folder.REVISIONS | Folder.TAGS


def first_audit(registry: Synthetic, blobs: int, shard: Shard) -> Snapshot:
    """Return what a first audit of a shard sees, without its requests."""
    manifests: dict[Digest, Manifest] = {}
    sightings, sealed, roots = Sightings(), dict[Repository, Sealed](), list[Root]()
    for repository in filter(shard.holds, registry.names()):
        held = content(repository, blobs)
        read = {digest: parse(body, digest) for digest, body in held.bodies.items()}
        sightings.add_packed(repository, [digest.packed for digest in read], HEADER)
        images = (each for each in read.values() if not each.is_index)
        stored = {key for each in images for key, _ in each.stated_sizes()}
        sightings.add_packed(repository, stored, LAST_BYTE)
        tags: dict[Digest, tuple[Tag, ...]] = {}
        for tag, digest in held.tags.items():
            known = read[digest].digest
            tags[known] = (*tags.get(known, ()), tag)
            roots.append(Root(repository, tag, known, HEADER, ReferenceClass.SELECTED))
        manifests |= read
        sealed[repository] = Sealed(tags)
    share_digests(manifests, sightings)
    return Snapshot(
        registry=registry.name,
        taken_at=BEGAN,
        sampled_at=BEGAN,
        collector=Collector.DISTRIBUTION_3,
        kind=RegistryKind("distribution", "3.1.1", Collector.DISTRIBUTION_3),
        roots=tuple(roots),
        manifests=manifests,
        sightings=sightings,
        sealed=sealed,
    )


@dataclass
class Known(Synthetic):
    """A registry that holds what a first audit saw, and its storage, which holds it too."""

    shard: Shard = WHOLE
    _manifests: dict[Repository, tuple[Manifest, ...]] = field(default_factory=dict)
    _tags: Mapping[Repository, Sealed] = field(default_factory=dict)

    def know(self, seen: Snapshot) -> None:
        """Hold what an audit saw, and not the audit: its memory is the auditor's."""
        at, known = seen.sightings, seen.manifests
        names = at.repositories
        self._manifests = {name: tuple(filter(None, map(known.get, at.of(name)))) for name in names}
        self._tags = seen.sealed

    async def tags(self, repository: Repository) -> Listing[Tag] | Absent:
        """List the tags of a repository."""
        named = self._tags[repository].tags.values()
        return Listing(tuple(tag for tags in named for tag in tags))

    async def head(self, repository: Repository, reference: Tag | Digest) -> Digest | Absent:
        """Resolve a tag, or confirm a digest."""
        self.requests += 1
        if isinstance(reference, Digest):
            return reference
        named = self._tags[repository].tags.items()
        return next(digest for digest, tags in named if reference in tags)

    def read_storage(self) -> Inventory:
        """List the storage; its files are named by what the audit saw.

        Blobs come first, and of a shard last, as they are read from a folder.
        """
        builder, whole = InventoryBuilder(Driver.FILESYSTEM), self.shard == WHOLE
        steps = (self._list_blobs, self._list_links)
        for step in steps if whole else reversed(steps):
            for repository, held in self._manifests.items():
                step(builder, repository, {each.digest.packed: each for each in held})
            builder.settle()
        return replace(builder.inventory(), partial=not whole)

    def _list_blobs(
        self, builder: InventoryBuilder, _: Repository, manifests: dict[bytes, Manifest]
    ) -> None:
        sizes = {key: each.size for key, each in manifests.items()}
        for each in manifests.values():
            sizes.update(each.stated_sizes())
        joined = b"".join(sizes).hex()
        names = [joined[at : at + 64] for at in range(0, len(joined), 64)]
        builder.blobs("sha256", names, sizes.values(), [0] * len(sizes))

    def _list_links(
        self, builder: InventoryBuilder, repository: Repository, manifests: dict[bytes, Manifest]
    ) -> None:
        layers = set[bytes]().union(*(each.keys for each in manifests.values())) - manifests.keys()
        builder.revisions.add("sha256", sorted(key.hex() for key in manifests))
        builder.layers.add("sha256", sorted(key.hex() for key in layers))
        for digest, tags in self._tags[repository].tags.items():
            for tag in tags:
                builder.tags.add(tag, digest)
        outlines = {each.digest: _outline(each) for each in manifests.values()}
        builder.manifests.add_outlines(outlines)
        builder.close(repository, _FOLDERS)


def _outline(manifest: Manifest) -> Outline:
    packed = b"".join(manifest.keys)
    return Outline(manifest.size, manifest.is_index, packed)


@dataclass(frozen=True)
class KnownStorage:
    """Implements `exporter.ports.Storage`; it agrees with the registry."""

    registry: Known

    def read(self) -> Inventory:
        """List all that it holds."""
        return self.registry.read_storage()

    def size(self, _repository: Repository, _digest: Digest, *, manifest: bool) -> int | None:
        """Nothing differs, so nobody asks again."""
        raise AssertionError(f"asked again, manifest: {manifest}")

    def tagged(self, _repository: Repository, _tag: Tag) -> str | None:
        """Nothing differs, so nobody asks again."""
        raise AssertionError("asked again")
