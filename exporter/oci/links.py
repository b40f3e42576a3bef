"""References of manifests: media types, descriptors, and links, which are kept packed."""

import struct
import sys
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from typing import Final, overload

from exporter.oci.digest import PACKED, Digest, Malformed
from exporter.oci.platform import Platform

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
OCI_ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"
SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"

ACCEPT: Final = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)
"""The four types that every request names: without one, 2.x registries answer a false 404."""

INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
IMAGES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
MANIFESTS: Final = frozenset({*INDEXES, *IMAGES, OCI_ARTIFACT, SCHEMA1, SCHEMA1_SIGNED})

IMAGE_CONFIGS: Final = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)
SHARED: Final = 64
"""Characters of a media type that others use too: the longest of OCI and docker has 61."""


class Kind(StrEnum):
    """Why one piece of content points to another."""

    CHILD = "child"
    """A manifest that an index lists."""
    CONFIG = "config"
    LAYER = "layer"
    BLOB = "blob"
    """A blob of an artifact, or an index entry that is no manifest (BuildKit's cache)."""
    SUBJECT = "subject"
    """The subject of a signature or bill of materials: a weak link, never needed to run."""


@dataclass(frozen=True, slots=True)
class Descriptor:
    """A pointer to content: what it is, how many bytes, and for an index entry, where it runs."""

    media_type: str
    digest: Digest
    size: int | None
    """Bytes; None only in schema 1, which does not say."""
    platform: Platform | None = None
    data: bytes | None = None
    """The content itself where the descriptor carries it (OCI image-spec, `data`)."""
    attestation: bool = False
    """BuildKit marks these entries: provenance and bills of materials that no node ever pulls."""

    @property
    def inline(self) -> bool:
        """Does it carry the very content that it names? Then nobody asks a registry for it.

        Source: containerd `core/remotes/handlers.go` (`Fetch`).
        """
        data = self.data
        return data is not None and len(data) == self.size and self.digest.names(data)

    @property
    def is_manifest(self) -> bool:
        """Is the target asked for under `manifests/` rather than under `blobs/`?"""
        return self.media_type in MANIFESTS

    @property
    def is_index(self) -> bool:
        """Does the target list other manifests?"""
        return self.media_type in INDEXES

    @property
    def distributable(self) -> bool:
        """May a registry be expected to hold it? Foreign layers are absent by design."""
        return is_distributable(self.media_type)


def is_distributable(media_type: str) -> bool:
    """May a registry be expected to hold content of a type?

    Decided by the media type, not by `urls` (OCI image-spec, layer.md).
    """
    return ".foreign." not in media_type and ".nondistributable." not in media_type


@dataclass(frozen=True, slots=True)
class Link:
    """One reference of a manifest."""

    kind: Kind
    target: Descriptor


Shape = tuple[tuple[Kind, str, Platform | None, bool], ...]
"""Of each link: kind, media type, platform, and whether it is an attestation."""
_SIZE: Final = 8
_SHORT_SIZE: Final = 4
"""Bytes of a size that is kept, below four gigabytes."""
_PLACE: Final = 4
"""Bytes that say where a digest is among those of a repository."""
_SHA256: Final = 71
"""Characters of a sha256 digest."""
_UNPACKED: Final = 256
"""Manifests whose links are kept as objects, since most are read several times in a row."""
_SHORT: Final = 128
"""Links of a manifest that are kept at hand: no image has more layers than 127."""


@lru_cache(_SHORT)
def _numbers(count: int) -> Callable[..., tuple[int, ...]]:
    """Return what reads so many numbers of four bytes."""
    return struct.Struct(f"={count}I").unpack_from


class PackedLinks(Sequence[Link]):
    """References of a manifest as bytes, 36 each; they are objects only while they are read.

    A registry has millions of them, which differ in their digests and sizes alone. All digests
    that were seen in a repository are kept anyway (`Sightings.digests`): links that say where
    theirs start among these take 8 bytes each.
    """

    __slots__ = ("_own", "shape", "source")

    def __init__(self, shape: Shape, packed: bytes) -> None:
        """Take the shape, and the digests followed by the sizes. Raises `Malformed`."""
        if len(packed) != (PACKED + _SIZE) * len(shape):
            raise Malformed(f"{len(packed)} bytes of {len(shape)} references")
        usual = len(shape) <= _SHORT and all(len(each[1]) <= SHARED for each in shape)
        end, total = PACKED * len(shape), len(shape)
        self.shape = _shared(shape) if usual else shape
        self.source: bytes | None = None
        """The packed digests among which its own are named by place; None where it has them."""
        self._own = packed[:end] + _kept(struct.unpack_from(f">{total}q", packed, end))

    @classmethod
    def of(cls, links: Sequence[Link]) -> Sequence[Link]:
        """Return links packed; as they are where one has more than a sha256 digest and a size."""
        if isinstance(links, PackedLinks):
            return links
        shape, encoded, sizes = [], [], []
        for link in links:
            target = link.target
            digest, size = target.digest, target.size
            if size is None or target.data is not None or len(digest) != _SHA256:
                return tuple(links)
            shape.append((link.kind, target.media_type, target.platform, target.attestation))
            encoded.append(digest[7:])
            sizes.append(size)
        packed = bytes.fromhex("".join(encoded)) + struct.pack(f">{len(sizes)}q", *sizes)
        return cls(tuple(shape), packed)

    def among(self, source: bytes, starts: bytes) -> "PackedLinks":
        """Return equal links that name their digests by where each starts among packed ones.

        `starts` are numbers of four bytes each.
        """
        found = object.__new__(PackedLinks)
        found.shape, found.source = self.shape, source
        found._own = starts + self._own[self._start :]
        return found

    def alone(self) -> "PackedLinks":
        """Return equal links that have their digests themselves."""
        if self.source is None:
            return self
        found = object.__new__(PackedLinks)
        found.shape, found.source = self.shape, None
        found._own = self.digests + self._own[self._start :]
        return found

    @property
    def packed(self) -> bytes:
        """The digests of all targets, then the sizes in eight bytes each, as the class takes them.

        The highest byte is first.
        """
        return self.digests + self.packed_sizes

    @property
    def digests(self) -> bytes:
        """The sha256 digests of all targets, packed, in order."""
        return b"".join(self.keys) if self.source is not None else self._own[: self._start]

    @property
    def packed_sizes(self) -> bytes:
        """The bytes of all targets, in order: eight for each, the highest first."""
        return struct.pack(f">{len(self.shape)}q", *self.sizes)

    @property
    def short(self) -> bytes | None:
        """Where each digest starts in `source`, then the sizes; as numbers of four bytes.

        None where it has its own digests, or sizes of more than four bytes.
        """
        is_short = len(self._own) == (_PLACE + _SHORT_SIZE) * len(self.shape)
        return self._own if is_short and self.source is not None else None

    @property
    def keys(self) -> list[bytes]:
        """The packed sha256 digests of all targets, in order."""
        packed = self.source
        if packed is None:
            packed, end = self._own, PACKED * len(self.shape)
            return [packed[at : at + PACKED] for at in range(0, end, PACKED)]
        return [packed[at : at + PACKED] for at in self._starts()]

    def keys_of(self, kind: Kind) -> list[bytes]:
        """Return the packed sha256 digests of the targets of one kind, in order."""
        packed, starts = self._digests()
        pairs = zip(starts, self.shape, strict=True)
        return [packed[at : at + PACKED] for at, each in pairs if each[0] is kind]

    @property
    def sizes(self) -> tuple[int, ...]:
        """The bytes of all targets, in order."""
        total, start = len(self.shape), self._start
        if len(self._own) - start == _SHORT_SIZE * total:
            return _numbers(total)(self._own, start)
        return struct.unpack_from(f"={total}q", self._own, start)

    @property
    def _start(self) -> int:
        """The position of the sizes, behind the digests or their starts."""
        return len(self.shape) * (PACKED if self.source is None else _PLACE)

    def _digests(self) -> tuple[bytes, Sequence[int]]:
        """Return bytes with all digests in them, and where each starts."""
        if self.source is None:
            return self._own, range(0, PACKED * len(self.shape), PACKED)
        return self.source, self._starts()

    def _starts(self) -> tuple[int, ...]:
        """Return where each digest starts in `source`."""
        return _numbers(len(self.shape))(self._own)

    @property
    def distributable(self) -> bool:
        """May a registry be expected to hold all targets?"""
        return all(is_distributable(media_type) for _, media_type, _, _ in self.shape)

    def first(self, kind: Kind) -> Descriptor | None:
        """Return the first target of a kind, without making objects of the others."""
        at = next((at for at, each in enumerate(self.shape) if each[0] is kind), None)
        if at is None:
            return None
        _, media_type, platform, attestation = self.shape[at]
        packed, starts = self._digests()
        digest = Digest.of_packed(packed[starts[at] : starts[at] + PACKED])
        return Descriptor(media_type, digest, self.sizes[at], platform, None, attestation)

    def __len__(self) -> int:
        return len(self.shape)

    @overload
    def __getitem__(self, at: int) -> Link: ...

    @overload
    def __getitem__(self, at: slice) -> Sequence[Link]: ...

    def __getitem__(self, at: int | slice) -> Link | Sequence[Link]:
        return self._objects()[at]

    def __iter__(self) -> Iterator[Link]:
        return iter(self._objects())

    def __eq__(self, other: object) -> bool:
        """Are these the same links in the same order?"""
        if isinstance(other, PackedLinks):
            if self.source is other.source:
                return self._own == other._own and self.shape == other.shape
            return self.packed == other.packed and self.shape == other.shape
        return isinstance(other, tuple) and self._objects() == other

    def __hash__(self) -> int:
        """Return a hash of the first digest and the sizes."""
        if not self.shape:
            return hash(b"")
        start = 0 if self.source is None else int.from_bytes(self._own[:_PLACE], sys.byteorder)
        first = (self.source or self._own)[start : start + PACKED]
        return hash(first + self._own[self._start :])

    def __repr__(self) -> str:
        """Return them as a tuple would."""
        return repr(self._objects())

    def _objects(self) -> tuple[Link, ...]:
        return _recent(self) if len(self.shape) <= _SHORT else self.unpacked()

    def unpacked(self) -> tuple[Link, ...]:
        """Return them as new objects."""
        digests = Digest.unpacked(self.digests)
        return tuple(
            [
                Link(kind, Descriptor(media_type, digest, size, platform, None, attestation))
                for (kind, media_type, platform, attestation), digest, size in zip(
                    self.shape, digests, self.sizes, strict=True
                )
            ]
        )


def _kept(sizes: tuple[int, ...]) -> bytes:
    """Return sizes in four bytes each where all fit; a snapshot file may hold any number."""
    short = min(sizes, default=0) >= 0 and max(sizes, default=0) < 1 << (8 * _SHORT_SIZE)
    return struct.pack(f"={len(sizes)}{'I' if short else 'q'}", *sizes)


_recent: Final = lru_cache(_UNPACKED)(PackedLinks.unpacked)


def forget_objects() -> None:
    """Make all objects of links anew: those at hand hold the digests of an earlier audit."""
    _recent.cache_clear()


@lru_cache(_UNPACKED)
def _shared(shape: Shape) -> Shape:
    """Return one and the same shape for the many manifests that are alike."""
    return shape
