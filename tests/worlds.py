"""Which content does a test speak of? Images, indexes and artifacts built from words.

The same words give the same digests on every machine. Nothing here knows a registry: `tests.fakes`
holds content in memory, `tests.parts` pushes it, or writes it as a folder (`layout`, `tree`).
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Final

from exporter.oci.digest import Digest
from exporter.oci.links import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from collections.abc import Iterator

OCI_CONFIG: Final = "application/vnd.oci.image.config.v1+json"
OCI_LAYER: Final = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER_CONFIG: Final = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER: Final = "application/vnd.docker.image.rootfs.diff.tar.gzip"
FOREIGN_LAYER: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip"
EMPTY_CONFIG: Final = "application/vnd.oci.empty.v1+json"
IN_TOTO: Final = "application/vnd.in-toto+json"
CHART_CONFIG: Final = "application/vnd.cncf.helm.config.v1+json"
CHART_LAYER: Final = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
SIGNATURE_LAYER: Final = "application/vnd.dev.cosign.simplesigning.v1+json"
CACHE_CONFIG: Final = "application/vnd.buildkit.cacheconfig.v0"

Json = dict[str, object]


@dataclass(frozen=True)
class Blob:
    """Bytes and what they are said to be."""

    media_type: str
    body: bytes
    stored: bool = True
    """Is it pushed? Foreign and inline content need not be."""
    extra: Mapping[str, object] | None = None
    """More fields of the descriptor that points here: `urls`, `data`, `annotations`."""

    @cached_property
    def digest(self) -> Digest:
        return Digest.of(self.body)

    @property
    def descriptor(self) -> Json:
        plain: Json = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": len(self.body),
        }
        return plain | dict(self.extra or {})


@dataclass(frozen=True)
class Made:
    """A manifest of any kind, with everything that it needs."""

    media_type: str
    body: bytes
    blobs: tuple[Blob, ...] = ()
    """What it points to under `blobs/`: the configuration first, then layers."""
    children: tuple[Made, ...] = ()
    """What it points to under `manifests/`."""
    platform: str | None = None
    """`os/architecture[/variant]`, where it is an image."""
    annotations: Mapping[str, str] | None = None
    """Of the index entry that lists it."""
    payload: bytes | None = None
    """What its digest covers where that is not the body: schema 1 leaves its signature out."""

    @cached_property
    def digest(self) -> Digest:
        return Digest.of(self.body if self.payload is None else self.payload)

    @property
    def config(self) -> Blob:
        return self.blobs[0]

    @property
    def layers(self) -> tuple[Blob, ...]:
        return self.blobs[1:]

    @property
    def descriptor(self) -> Json:
        plain: Json = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": len(self.body),
        }
        if self.platform:
            names = ("os", "architecture", "variant")
            plain["platform"] = dict(zip(names, self.platform.split("/"), strict=False))
        return plain | ({"annotations": dict(self.annotations)} if self.annotations else {})

    def walk(self) -> Iterator[Made]:
        """Yield every manifest below and then itself: the order in which registries accept them."""
        for child in self.children:
            yield from child.walk()
        yield self


def noise(seed: str, size: int = 700) -> bytes:
    """Return bytes that look like compressed content and depend on the seed alone."""
    return hashlib.shake_256(seed.encode()).digest(size)


def encoded(document: object) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def layer(seed: str, size: int = 700, media_type: str = OCI_LAYER) -> Blob:
    return Blob(media_type, noise(f"layer {seed}", size))


def image(  # noqa: PLR0913 - what an image may differ by
    seed: str,
    platform: str = "linux/amd64",
    layers: tuple[Blob, ...] | None = None,
    *,
    docker: bool = False,
    diff_ids: Sequence[str] | None = None,
    history: bool = False,
) -> Made:
    """Return an image that runs on a platform; two layers of its own unless told others.

    Its diff ids are its layers' digests, which are right for those that are not packed. Quay takes
    a Docker image only with a `history`.
    """
    kinds = _DOCKER if docker else _OCI
    if layers is None:
        layers = tuple(layer(f"{seed} {platform} {n}", 600 + n, kinds.layer) for n in (1, 2))
    os, architecture, *variant = platform.split("/")
    stated: Json = {"os": os, "architecture": architecture, "seed": seed}
    stated |= {"variant": variant[0]} if variant else {}
    own = [str(each.digest) for each in layers]
    stated["rootfs"] = {"type": "layers", "diff_ids": own if diff_ids is None else list(diff_ids)}
    stated |= {"history": [{"created": "2026-01-01T00:00:00Z"} for _ in layers]} if history else {}
    return _image(kinds.manifest, Blob(kinds.config, encoded(stated)), layers, platform)


def index(*children: Made, docker: bool = False, subject: Made | None = None) -> Made:
    """Return an index (a Docker manifest list where `docker`) of children, in that order."""
    media_type = DOCKER_LIST if docker else OCI_INDEX
    document: Json = {"schemaVersion": 2, "mediaType": media_type}
    document["manifests"] = [child.descriptor for child in children]
    return Made(media_type, encoded(document | _subject(subject)), children=children)


def two_platforms(seed: str, *, docker: bool = False, history: bool = False) -> Made:
    """Return the image of the incident: an index of linux/amd64 and linux/arm64."""
    platforms = ("linux/amd64", "linux/arm64")
    children = (image(seed, each, docker=docker, history=history) for each in platforms)
    return index(*children, docker=docker)


def attestation(of: Made) -> Made:
    """Return BuildKit's provenance of an image, as it stands beside it in an index."""
    layers = (layer(f"provenance {of.digest}", media_type=IN_TOTO),)
    config = Blob(OCI_CONFIG, encoded({"os": "unknown", "architecture": "unknown"}))
    marks = {
        "vnd.docker.reference.type": "attestation-manifest",
        "vnd.docker.reference.digest": str(of.digest),
    }
    return _image(OCI_MANIFEST, config, layers, "unknown/unknown", annotations=marks)


def build_cache(seed: str) -> Made:
    """Return BuildKit's cache (`mode=max`): an index whose entries are blobs, not manifests."""
    config = Blob(CACHE_CONFIG, encoded({"layers": [], "records": [], "seed": seed}))
    blobs = (layer(f"cache {seed} 1"), layer(f"cache {seed} 2"), config)
    document: Json = {"schemaVersion": 2, "mediaType": OCI_INDEX}
    document["manifests"] = [blob.descriptor for blob in blobs]
    return Made(OCI_INDEX, encoded(document), blobs)


def windows(seed: str) -> Made:
    """Return an image whose base layer is foreign: never pushed, fetched from elsewhere."""
    base = Blob(
        FOREIGN_LAYER,
        noise(f"windows base {seed}"),
        stored=False,
        extra={"urls": [f"https://layers.example/{seed}"]},
    )
    return image(seed, "windows/amd64", (base, layer(seed, media_type=DOCKER_LAYER)), docker=True)


def inline(seed: str) -> Made:
    """Return an artifact whose configuration travels inside its descriptor (`data`)."""
    body = encoded({"seed": seed})
    data = base64.b64encode(body).decode()
    config = Blob("application/vnd.example.note.v1+json", body, extra={"data": data})
    return _image(OCI_MANIFEST, config, (layer(seed),), None)


def chart(seed: str) -> Made:
    """Return a Helm chart as `helm push` makes it."""
    config = Blob(CHART_CONFIG, encoded({"name": seed, "version": "1.0.0", "apiVersion": "v2"}))
    return _image(OCI_MANIFEST, config, (layer(f"chart {seed}", media_type=CHART_LAYER),), None)


def signature(of: Made) -> Made:
    """Return a signature as cosign 2 makes it; its tag is `signature_tag(of)`."""
    config = Blob(OCI_CONFIG, encoded({"os": "", "architecture": "", "config": {}}))
    payload = encoded({"critical": {"image": {"docker-manifest-digest": str(of.digest)}}})
    return _image(OCI_MANIFEST, config, (Blob(SIGNATURE_LAYER, payload),), None)


def signature_tag(of: Made) -> str:
    return f"{of.digest.replace(':', '-')}.sig"


def referrer(of: Made, seed: str = "bill of materials") -> Made:
    """Return an artifact that names an image as its `subject`."""
    config = Blob(EMPTY_CONFIG, b"{}")
    listed = layer(f"{seed} {of.digest}", media_type="application/spdx+json")
    return _image(OCI_MANIFEST, config, (listed,), None, subject=of)


def fallback_tag(of: Made) -> str:
    """Return the tag whose index lists an image's referrers (OCI distribution-spec, 1.1)."""
    return of.digest.replace(":", "-")


@dataclass(frozen=True, slots=True)
class _Kinds:
    manifest: str
    config: str
    layer: str


_OCI: Final = _Kinds(OCI_MANIFEST, OCI_CONFIG, OCI_LAYER)
_DOCKER: Final = _Kinds(DOCKER_MANIFEST, DOCKER_CONFIG, DOCKER_LAYER)


def _image(  # noqa: PLR0913 - one manifest has this many parts
    media_type: str,
    config: Blob,
    layers: tuple[Blob, ...],
    platform: str | None,
    *,
    annotations: Mapping[str, str] | None = None,
    subject: Made | None = None,
) -> Made:
    document: Json = {"schemaVersion": 2, "mediaType": media_type}
    document["config"] = config.descriptor
    document["layers"] = [each.descriptor for each in layers]
    body = encoded(document | _subject(subject))
    return Made(media_type, body, (config, *layers), (), platform, annotations)


def _subject(subject: Made | None) -> Json:
    if subject is None:
        return {}
    names = ("mediaType", "digest", "size")
    return {"subject": {name: subject.descriptor[name] for name in names}}
