"""What do people push? Two-platform images of some megabytes that every tool calls well-formed."""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from functools import cache
from typing import Final

from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST
from tests.worlds import OCI_CONFIG, OCI_LAYER, Blob, Made, encoded, index, noise

_PLATFORMS: Final = ("linux/amd64", "linux/arm64")
_SHARED: Final = 4 << 20
_OWN: Final = 2 << 20
"""Bytes of a platform's two layers: the base, which all images share, and its own."""

BYTES: Final = len(_PLATFORMS) * (_SHARED + _OWN)
"""Of an image's layers, on all platforms."""


@dataclass(frozen=True, slots=True)
class _Layer:
    """A layer, and the digest of what unpacking it yields (OCI image-spec, config.md)."""

    blob: Blob
    unpacked: Digest


def image(seed: str) -> Made:
    """Return an index of two platforms, each with a base layer and one of its own."""
    return index(*(_platform(seed, each) for each in _PLATFORMS))


def _platform(seed: str, platform: str) -> Made:
    """Return an image whose configuration states the true digests: `worlds` need not."""
    layers = (_base(platform), _layer(f"{seed} {platform}", _OWN))
    os, architecture = platform.split("/")
    unpacked = [str(each.unpacked) for each in layers]
    stated = {"os": os, "architecture": architecture, "config": {}}
    stated |= {"rootfs": {"type": "layers", "diff_ids": unpacked}}
    config, blobs = Blob(OCI_CONFIG, encoded(stated)), [each.blob for each in layers]
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config.descriptor}
    document["layers"] = [each.descriptor for each in blobs]
    return Made(OCI_MANIFEST, encoded(document), (config, *blobs), (), platform)


@cache
def _base(platform: str) -> _Layer:
    return _layer(f"base {platform}", _SHARED)


def _layer(seed: str, size: int) -> _Layer:
    """Pack one file of noise: the fastest level, since nothing makes noise smaller."""
    body = io.BytesIO()
    with tarfile.open(fileobj=body, mode="w") as archive:
        member = tarfile.TarInfo("content")
        member.size = size
        archive.addfile(member, io.BytesIO(noise(seed, size)))
    packed = gzip.compress(body.getvalue(), 1, mtime=0)
    return _Layer(Blob(OCI_LAYER, packed), Digest.of(body.getvalue()))
