"""Small, valid images, with the same bytes on every machine."""

import hashlib
import io
import json
import tarfile
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from exporter.oci.digest import Digest
from exporter.oci.links import OCI_INDEX, OCI_MANIFEST
from exporter.oci.platform import Platform

_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
_LAYER: Final = "application/vnd.oci.image.layer.v1.tar"
"""Not compressed: compressors differ from one machine to the next, and with them the digests."""
_IN_TOTO: Final = "application/vnd.in-toto+json"
_CHART_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
_CHART: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
_NOWHERE: Final = Platform("unknown", "unknown")


@dataclass(frozen=True)
class Blob:
    """Bytes and their media type."""

    media_type: str
    body: bytes

    @cached_property
    def digest(self) -> Digest:
        """Their digest."""
        return Digest.of(self.body)

    @property
    def descriptor(self) -> dict[str, object]:
        """Their descriptor."""
        return {"mediaType": self.media_type, "digest": self.digest, "size": len(self.body)}


@dataclass(frozen=True)
class Image(Blob):
    """A manifest or an index, with everything below it."""

    blobs: tuple[Blob, ...] = ()
    """The configuration first, then the layers."""
    children: "tuple[Image, ...]" = ()
    platform: Platform | None = None
    annotations: Mapping[str, str] | None = None
    """Annotations of its entry in an index."""

    @property
    def descriptor(self) -> dict[str, object]:
        """The entry that lists it in an index."""
        entry = super().descriptor
        if self.platform:
            entry["platform"] = _platform(self.platform)
        return entry | ({"annotations": dict(self.annotations)} if self.annotations else {})

    def manifests(self) -> "Iterator[Image]":
        """Yield every manifest below it, then itself."""
        for child in self.children:
            yield from child.manifests()
        yield self

    def on(self, architecture: str) -> "Image":
        """Return the image below it that runs on Linux on this architecture."""
        wanted = Platform("linux", architecture)
        return next(each for each in self.manifests() if each.platform == wanted)


def image(name: str, version: str, platform: Platform) -> Image:
    """Return an image of one platform: a base layer that its like share, and a layer of its own."""
    layers = (
        _layer(f"base-{platform.architecture}", 24_000),
        _layer(f"{name.replace('/', '-')}-{version}-{platform.architecture}", 9_000),
    )
    stated: dict[str, object] = {
        **_platform(platform),
        "config": {"Entrypoint": [f"/opt/{name.rpartition('/')[2]}"]},
        "rootfs": {"type": "layers", "diff_ids": [layer.digest for layer in layers]},
    }
    return replace(_manifest(Blob(_CONFIG, _json(stated)), *layers), platform=platform)


def index(*children: Image) -> Image:
    """Return an index of images or of indexes."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX}
    body = _json(document | {"manifests": [child.descriptor for child in children]})
    return Image(OCI_INDEX, body, children=children)


def multi_platform(name: str, version: str) -> Image:
    """Return an image as BuildKit pushes it: amd64, arm64, and the provenance of each."""
    platforms = (Platform("linux", "amd64"), Platform("linux", "arm64"))
    images = [image(name, version, platform) for platform in platforms]
    return index(*images, *map(_attestation, images))


def chart(name: str, version: str) -> Image:
    """Return a Helm chart as `helm push` makes it; no node ever runs it."""
    stated = {"name": name, "version": version, "apiVersion": "v2", "type": "application"}
    return _manifest(Blob(_CHART_CONFIG, _json(stated)), Blob(_CHART, _noise(name, 3_000)))


def _attestation(of: Image) -> Image:
    statement = {"predicateType": "https://slsa.dev/provenance/v1", "subject": of.digest}
    config = Blob(_CONFIG, _json(_platform(_NOWHERE)))
    marks = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": of.digest,
    }
    made = _manifest(config, Blob(_IN_TOTO, _json(statement)))
    return replace(made, platform=_NOWHERE, annotations=marks)


def _manifest(config: Blob, *layers: Blob) -> Image:
    document = {
        "schemaVersion": 2,
        "mediaType": OCI_MANIFEST,
        "config": config.descriptor,
        "layers": [layer.descriptor for layer in layers],
    }
    return Image(OCI_MANIFEST, _json(document), (config, *layers))


def _layer(name: str, size: int) -> Blob:
    """Return a layer that holds one file; times and owners are zero in it."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        entry = tarfile.TarInfo(f"opt/{name}")
        entry.size = size
        archive.addfile(entry, io.BytesIO(_noise(name, size)))
    return Blob(_LAYER, packed.getvalue())


def _platform(platform: Platform) -> dict[str, object]:
    return {"architecture": platform.architecture, "os": platform.os}


def _noise(seed: str, size: int) -> bytes:
    return hashlib.shake_256(seed.encode()).digest(size)


def _json(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()
