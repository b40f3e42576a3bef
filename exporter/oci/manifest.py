"""What does a manifest point to? An unknown shape raises; it never means "points to nothing"."""

from __future__ import annotations

import base64
import binascii
import json
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final, cast

from exporter.oci.digest import Digest, Malformed
from exporter.oci.platform import Platform

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

OCI_INDEX: Final = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST: Final = "application/vnd.oci.image.manifest.v1+json"
DOCKER_LIST: Final = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST: Final = "application/vnd.docker.distribution.manifest.v2+json"
OCI_ARTIFACT: Final = "application/vnd.oci.artifact.manifest.v1+json"
SCHEMA1: Final = "application/vnd.docker.distribution.manifest.v1+json"
SCHEMA1_SIGNED: Final = "application/vnd.docker.distribution.manifest.v1+prettyjws"

ACCEPT: Final = (OCI_INDEX, OCI_MANIFEST, DOCKER_LIST, DOCKER_MANIFEST)
"""The four types that every request names: without one, 2.x registries answer a false 404."""

_INDEXES: Final = frozenset({OCI_INDEX, DOCKER_LIST})
_IMAGES: Final = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
MANIFESTS: Final = frozenset({*_INDEXES, *_IMAGES, OCI_ARTIFACT, SCHEMA1, SCHEMA1_SIGNED})

IMAGE_CONFIGS: Final = frozenset(
    {
        "application/vnd.oci.image.config.v1+json",
        "application/vnd.docker.container.image.v1+json",
    }
)
_REFERENCE_TYPE: Final = "vnd.docker.reference.type"


class Kind(StrEnum):
    """Why one piece of content points to another."""

    CHILD = "child"
    """A manifest that an index lists."""
    CONFIG = "config"
    LAYER = "layer"
    BLOB = "blob"
    """A blob of an artifact, or an index entry that is no manifest (BuildKit's cache)."""
    SUBJECT = "subject"
    """What a signature or bill of materials speaks of: a weak link, never needed to run."""


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
    def is_manifest(self) -> bool:
        """Is the target asked for under `manifests/` rather than under `blobs/`?"""
        return self.media_type in MANIFESTS

    @property
    def is_index(self) -> bool:
        """Does the target list other manifests?"""
        return self.media_type in _INDEXES

    @property
    def distributable(self) -> bool:
        """May a registry be expected to hold it? Foreign layers are absent by design.

        Decided by the media type, not by `urls` (OCI image-spec, layer.md).
        """
        return ".foreign." not in self.media_type and ".nondistributable." not in self.media_type


@dataclass(frozen=True, slots=True)
class Link:
    """One edge of the content graph."""

    kind: Kind
    target: Descriptor


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest of any kind: images and indexes differ only in their links."""

    digest: Digest
    media_type: str
    size: int
    """Bytes of the body itself."""
    links: tuple[Link, ...]
    artifact: bool = False
    """An image manifest that no node runs: a chart, a signature, a bill of materials."""

    @property
    def is_index(self) -> bool:
        """Does it list other manifests?"""
        return self.media_type in _INDEXES

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The manifests that it lists, in order."""
        return tuple(link.target for link in self.links if link.kind is Kind.CHILD)

    @property
    def content(self) -> tuple[Descriptor, ...]:
        """The blobs that a pull of it reads: configuration, layers, other blobs."""
        kinds = (Kind.CONFIG, Kind.LAYER, Kind.BLOB)
        return tuple(link.target for link in self.links if link.kind in kinds)

    @property
    def config(self) -> Descriptor | None:
        """Its configuration blob, where it has one."""
        return next((link.target for link in self.links if link.kind is Kind.CONFIG), None)


def parse(body: bytes, digest: Digest) -> Manifest:
    """Read a manifest's body, whose digest the caller has proven.

    Raises `Malformed` for JSON that is none, and for any shape that the four current types, the
    withdrawn OCI artifact manifest and schema 1 do not have.
    """
    document = _object(_json(body), "manifest")
    media_type = _media_type(document)
    if media_type in _INDEXES:
        links = tuple(_entry(item) for item in _list(document, "manifests"))
    elif media_type in _IMAGES:
        layers = _list(document, "layers", absent_ok=True)
        config = Link(Kind.CONFIG, _descriptor(_field(document, "config"), "config"))
        links = (config, *(Link(Kind.LAYER, _descriptor(item, "layers")) for item in layers))
    elif media_type == OCI_ARTIFACT:
        blobs = _list(document, "blobs", absent_ok=True)
        links = tuple(Link(Kind.BLOB, _descriptor(item, "blobs")) for item in blobs)
    else:
        layers = _list(document, "fsLayers")
        links = tuple(Link(Kind.LAYER, _schema1_layer(item)) for item in layers)
    links += _subject(document)
    return Manifest(digest, media_type, len(body), links, _is_artifact(document, media_type, links))


def schema1_payload(body: bytes) -> bytes:
    """What the digest of a signed schema 1 manifest covers: the body without its signatures.

    Source: docker/libtrust `ParsePrettySignature`. Raises `Malformed` where no signature says how.
    """
    document = _object(_json(body), "manifest")
    signatures = _list(document, "signatures")
    if not signatures:
        raise Malformed("schema 1 manifest without a signature")
    encoded = _object(signatures[0], "signatures").get("protected")
    protected = _object(_json(_base64(encoded)), "protected")
    length, tail = protected.get("formatLength"), protected.get("formatTail")
    if not isinstance(length, int) or not 0 <= length <= len(body):
        raise Malformed("schema 1 signature without a usable formatLength")
    return body[:length] + _base64(tail)


def _media_type(document: Mapping[str, object]) -> str:
    """Decide the kind by the JSON alone, as distribution does; `mediaType` is optional in OCI."""
    stated = document.get("mediaType", "")
    if document.get("schemaVersion") == 1 and stated in ("", SCHEMA1, SCHEMA1_SIGNED):
        return SCHEMA1_SIGNED if "signatures" in document else SCHEMA1
    if stated == OCI_ARTIFACT:
        return OCI_ARTIFACT
    if document.get("schemaVersion") != 2:  # noqa: PLR2004 - the specification's own number
        raise Malformed(f"unknown schemaVersion {document.get('schemaVersion')!r:.40}")
    if not stated:
        return OCI_INDEX if document.get("manifests") is not None else OCI_MANIFEST
    if not isinstance(stated, str) or stated not in _INDEXES | _IMAGES:
        raise Malformed(f"unknown manifest type {stated!r:.140}")
    return stated


def _is_artifact(document: Mapping[str, object], media_type: str, links: Sequence[Link]) -> bool:
    """An image manifest is run by nodes only where its configuration is an image's."""
    if media_type == OCI_ARTIFACT or "artifactType" in document:
        return True
    config = next((link.target for link in links if link.kind is Kind.CONFIG), None)
    return config is not None and config.media_type not in IMAGE_CONFIGS


def _entry(item: object) -> Link:
    target = _descriptor(item, "manifests")
    return Link(Kind.CHILD if target.is_manifest else Kind.BLOB, target)


def _subject(document: Mapping[str, object]) -> tuple[Link, ...]:
    subject = document.get("subject")
    return () if subject is None else (Link(Kind.SUBJECT, _descriptor(subject, "subject")),)


def _descriptor(item: object, where: str) -> Descriptor:
    fields = _object(item, where)
    size, digest, media_type = fields.get("size"), fields.get("digest"), fields.get("mediaType")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise Malformed(f"{where}: size is not a count of bytes: {size!r:.40}")
    if not isinstance(digest, str) or not isinstance(media_type, str):
        raise Malformed(f"{where}: a descriptor needs mediaType and digest")
    annotations = fields.get("annotations")
    marked = isinstance(annotations, dict) and "attestation" in str(
        annotations.get(_REFERENCE_TYPE)
    )
    return Descriptor(
        media_type=media_type,
        digest=Digest.parse(digest),
        size=size,
        platform=_platform(fields.get("platform"), where),
        data=_base64(fields["data"]) if fields.get("data") is not None else None,
        attestation=marked,
    )


def _platform(item: object, where: str) -> Platform | None:
    if item is None:
        return None
    fields = _object(item, f"{where}: platform")
    parts = [fields.get("os", ""), fields.get("architecture", ""), fields.get("variant") or ""]
    if not all(isinstance(part, str) for part in parts):
        raise Malformed(f"{where}: a platform's parts are text")
    return Platform.of(*cast("list[str]", parts)) if parts[0] or parts[1] else None


def _schema1_layer(item: object) -> Descriptor:
    digest = _object(item, "fsLayers").get("blobSum")
    if not isinstance(digest, str):
        raise Malformed("fsLayers: an entry needs blobSum")
    return Descriptor(
        "application/vnd.docker.container.image.rootfs.diff+x-gtar", Digest.parse(digest), None
    )


def _json(body: bytes) -> object:
    try:
        return json.loads(body)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"not JSON: {error}") from error


def _base64(value: object) -> bytes:
    if not isinstance(value, str):
        raise Malformed("embedded data is not text")
    try:
        return base64.b64decode(value.translate(_URL_SAFE) + "=" * (-len(value) % 4), validate=True)
    except (binascii.Error, ValueError) as error:
        raise Malformed(f"embedded data is not base64: {error}") from error


_URL_SAFE: Final = str.maketrans("-_", "+/")


def _object(item: object, where: str) -> Mapping[str, object]:
    if not isinstance(item, dict):
        raise Malformed(f"{where}: not a JSON object")
    return item


def _field(document: Mapping[str, object], name: str) -> object:
    if name not in document:
        raise Malformed(f"manifest without {name}")
    return document[name]


def _list(
    document: Mapping[str, object], name: str, *, absent_ok: bool = False
) -> Sequence[object]:
    value = document.get(name)
    if value is None and (absent_ok or name in document):
        return ()
    if not isinstance(value, list):
        raise Malformed(f"{name}: not a list")
    return value
