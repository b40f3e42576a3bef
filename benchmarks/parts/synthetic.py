"""A healthy registry that is computed as it is asked, so that an audit alone takes memory.

Repositories are those of `content`: 100 tags, 200 manifests and 1,000 blobs.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Final

from benchmarks.parts.content import BLOBS, MANIFESTS, TAGS
from exporter.facts.registry_kind import Collector, RegistryKind
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_INDEX, OCI_MANIFEST, Descriptor
from exporter.oci.manifest import Referrer
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, BlobRead, Listing, ManifestBody
from exporter.tally import Tally

_INDEXES: Final = 66
_IMAGES: Final = MANIFESTS - _INDEXES
_SHARED: Final = 6
"""Layers that all images of a platform have in common, three for each platform."""
_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
_KEPT: Final = 2
"""Repositories of which the manifests are at hand: an audit asks in order."""
_CONFIGURATION: Final = {"os": "linux", "architecture": "amd64"}


@dataclass(frozen=True)
class Content:
    """What one repository holds."""

    tags: dict[Tag, Digest]
    bodies: dict[Digest, bytes]


@lru_cache(_KEPT)
def content(repository: Repository, blobs: int = BLOBS) -> Content:
    """Return what a repository of so many blobs holds."""
    bodies: dict[Digest, bytes] = {}
    own = blobs - _IMAGES - _SHARED
    images = [_keep(bodies, _image(repository, number, own)) for number in range(_IMAGES)]
    tops = [
        _keep(bodies, _index(images[2 * number : 2 * number + 2])) for number in range(_INDEXES)
    ]
    named = [each for each, _ in (*tops, *images[2 * _INDEXES :])]
    tags = {Tag(f"v{number}"): digest for number, digest in enumerate(named)}
    second = named[: TAGS - len(named)]
    tags |= {Tag(f"stable-{number}"): digest for number, digest in enumerate(second)}
    return Content(tags, bodies)


def _keep(bodies: dict[Digest, bytes], document: dict[str, object]) -> tuple[Digest, int]:
    body = json.dumps(document).encode()
    digest = Digest.of(body)
    bodies[digest] = body
    return digest, len(body)


def _image(repository: Repository, number: int, own: int) -> dict[str, object]:
    shared = range(number % 2, _SHARED, 2)
    others = range(_SHARED + number, _SHARED + own, _IMAGES)
    layers = [_blob(_LAYER, f"{repository} {each}", each) for each in (*shared, *others)]
    config = _blob(_CONFIG, f"{repository} configuration {number}", 1_000 + number)
    if number >= 2 * _INDEXES:  # it says where the image runs, so it is read
        body = _configuration(repository, number)
        config = {"mediaType": _CONFIG, "digest": Digest.of(body), "size": len(body)}
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": layers}


def _configuration(repository: Repository, number: int) -> bytes:
    return json.dumps({**_CONFIGURATION, "author": f"{repository} {number}"}).encode()


def _blob(media_type: str, seed: str, number: int) -> dict[str, object]:
    digest = f"sha256:{hashlib.sha256(seed.encode()).hexdigest()}"
    return {"mediaType": media_type, "digest": digest, "size": 100_000 + 1_000 * number}


def _index(images: list[tuple[Digest, int]]) -> dict[str, object]:
    entries = [
        {
            "mediaType": OCI_MANIFEST,
            "digest": digest,
            "size": size,
            "platform": {"os": "linux", "architecture": architecture},
        }
        for (digest, size), architecture in zip(images, ("amd64", "arm64"), strict=True)
    ]
    return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries}


@dataclass
class Synthetic:
    """Implements `exporter.ports.Registry`; everything in it can be pulled."""

    repositories_: int
    name: str = "benchmark"
    ranges: bool | None = True
    leaves_trace: bool | None = False
    tally: Tally = field(default_factory=Tally)
    requests: int = 0

    async def ping(self) -> None:
        """Answer."""

    async def repositories(self) -> Listing[Repository]:
        """List all repositories."""
        return Listing(tuple(self.names()))

    def names(self) -> Iterator[Repository]:
        """Return the names of its repositories."""
        return (Repository(f"team-{each % 10}/app-{each}") for each in range(self.repositories_))

    async def tags(self, repository: Repository) -> Listing[Tag] | Absent:
        """List the tags of a repository."""
        return Listing(tuple(content(repository).tags))

    async def kind(self, _repository: Repository | None) -> RegistryKind:
        """Tell the kind: of a collector that keeps what an index lists."""
        return RegistryKind("distribution", "3.1.1", Collector.DISTRIBUTION_3)

    async def stands(self, _repository: Repository, _digest: Digest) -> bool:
        """Everything stands."""
        return True

    async def head(self, repository: Repository, reference: Tag | Digest) -> Digest | Absent:
        """Resolve a tag, or confirm a digest."""
        self.requests += 1
        if isinstance(reference, Digest):
            return reference
        return content(repository).tags[reference]

    async def verify_tag(self, _repository: Repository, _tag: Tag, claimed: Digest) -> Digest:
        """Confirm a tag."""
        return claimed

    async def manifest(self, repository: Repository, digest: Digest) -> ManifestBody:
        """Return a manifest."""
        self.requests += 1
        return ManifestBody(digest, content(repository).bodies[digest])

    async def referrers(
        self, _repository: Repository, _subject: Digest
    ) -> Listing[Referrer] | None:
        """There are none."""
        return Listing(())

    async def stat(self, _repository: Repository, blob: Descriptor) -> int | None:
        """Confirm a blob's length."""
        self.requests += 1
        return blob.size

    async def read(
        self, repository: Repository, blob: Descriptor, *, whole: bool = False
    ) -> BlobRead:
        """Return a blob's last byte, or a configuration."""
        self.requests += 1
        if whole:
            numbers = range(2 * _INDEXES, _IMAGES)
            bodies = (_configuration(repository, each) for each in numbers)
            found = next(each for each in bodies if blob.digest.names(each))
            return BlobRead(found, hashed=True)
        return BlobRead(b"\0")
