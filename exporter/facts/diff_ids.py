"""Comparison of unpacked layers with the diff ids of an image's configuration.

A node hashes what it unpacks and refuses the image where that is another diff id. What a digest's
bytes unpack to never changes: it is read once, and once more before it is held against an image.
Source: containerd `core/unpack/unpacker.go`.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.layers import PLAIN, UNPACKED, Rootfs, is_layer
from exporter.oci.links import Descriptor, Kind
from exporter.oci.manifest import Manifest

CONFIRMED: Final = 2
"""Readings that must agree before an image is called wrong by them."""


@dataclass(frozen=True, slots=True)
class Unpacked:
    """The result of unpacking one layer."""

    diff_id: Digest | None
    """None if no node can unpack them, or if that is unknown."""
    detail: str = ""
    """Why there is none, for people."""
    reason: Reason | None = None
    """Why it is not known."""
    packed: bool = True
    """Do they begin as gzip or zstd do?"""


Inside = Unpacked | Rootfs


@dataclass(frozen=True, slots=True)
class Known:
    """The result of reading a layer or a configuration."""

    content: Inside
    readings: int = 1
    """Number of readings in a row with this result."""

    @property
    def settled(self) -> bool:
        """Would another reading give the same result? In doubt, a later release may know more."""
        return isinstance(self.content, Rootfs) or self.content.reason is None


Contents = dict[Digest, Known]


@dataclass(frozen=True, slots=True)
class DiffIdMismatch:
    """One difference between an image and its own configuration."""

    digest: Digest
    """The layer; the configuration if it names more layers or fewer."""
    detail: str


@dataclass(frozen=True, slots=True)
class Difference:
    """A mismatch, or a layer that cannot be compared."""

    mismatch: DiffIdMismatch
    readings: int
    reason: Reason | None = None
    """Why it cannot be compared."""

    @property
    def proven(self) -> bool:
        """Do enough readings agree on it?"""
        return self.reason is None and self.readings >= CONFIRMED


def parts(manifest: Manifest) -> tuple[Descriptor | None, tuple[Descriptor, ...]]:
    """Return the configuration and the layers of an image; nothing for anything else.

    What has something else among its layers is unpacked by other rules than these.
    """
    layers = tuple(link.target for link in manifest.links if link.kind is Kind.LAYER)
    if manifest.artifact or not layers or not all(is_layer(each.media_type) for each in layers):
        return None, ()
    return manifest.config, layers


def differences(manifest: Manifest, contents: Mapping[Digest, Known]) -> Iterator[Difference]:
    """Compare an image with its configuration, as far as both were read."""
    config, layers = parts(manifest)
    known = contents.get(config.digest) if config else None
    said = known.content.diff_ids if known and isinstance(known.content, Rootfs) else None
    if config is None or known is None or not said:
        return
    if len(said) != len(layers):
        yield _miscount(config, len(said), len(layers), known)
        return
    for layer, expected in zip(layers, said, strict=True):
        read = contents.get(layer.digest)
        if read is not None and layer.media_type in UNPACKED:
            yield from _difference(layer, expected, read)


def _miscount(config: Descriptor, said: int, layers: int, known: Known) -> Difference:
    """All nodes refuse a layer without a diff id; one diff id too many does not trouble podman."""
    detail = f"has {said} diff ids for {layers} layers"
    if said < layers:
        return Difference(DiffIdMismatch(config.digest, detail), known.readings)
    mismatch = DiffIdMismatch(config.digest, f"{detail}: nodes differ")
    return Difference(mismatch, known.readings, Reason.UNSUPPORTED)


def _difference(layer: Descriptor, expected: Digest, known: Known) -> Iterator[Difference]:
    found = known.content
    if not isinstance(found, Unpacked):
        return
    if found.reason is not None:
        yield Difference(DiffIdMismatch(layer.digest, found.detail), known.readings, found.reason)
    elif layer.media_type in PLAIN and found.packed:
        detail = "packed, and its media type says that it is not: nodes differ"
        yield Difference(DiffIdMismatch(layer.digest, detail), known.readings, Reason.UNSUPPORTED)
    elif found.diff_id is None:
        yield Difference(
            DiffIdMismatch(layer.digest, f"cannot be unpacked: {found.detail}"), known.readings
        )
    elif found.diff_id != expected:
        detail = f"unpacks to {found.diff_id}, its configuration says {expected}"
        yield Difference(DiffIdMismatch(layer.digest, detail), known.readings)
