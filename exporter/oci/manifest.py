"""Manifests: what each references. An unknown shape raises; it never means "references nothing"."""

import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, cast

from exporter.oci import strict
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import (
    IMAGE_CONFIGS,
    IMAGES,
    INDEXES,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
    SHARED,
    Descriptor,
    Kind,
    Link,
    PackedLinks,
)
from exporter.oci.platform import Platform

_REFERENCE_TYPE: Final = "vnd.docker.reference.type"
_MEDIA_TYPE: Final = re.compile(r"[ -~]{0,255}")
_PLATFORM: Final = ("os", "architecture", "variant")
_LARGEST: Final = 2**63 - 1
"""Bytes: registries and nodes count them in 64 bits."""
_OTHERS: Final = {
    **dict.fromkeys(INDEXES, ("config", "layers", "fsLayers")),
    **dict.fromkeys(IMAGES, ("manifests", "fsLayers")),
}
"""Fields that would let a body be read as two kinds at once: nodes refuse it (CVE-2021-41190)."""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A manifest of any kind: images and indexes differ only in their links."""

    digest: Digest
    media_type: str
    size: int
    """Bytes of the body itself."""
    links: Sequence[Link]
    """All that it references, in order."""
    artifact: bool = False
    """An image manifest that no node runs: a chart, a signature, a bill of materials."""
    artifact_type: str = ""
    """As it states it; empty where it does not."""

    def __post_init__(self) -> None:
        """Pack its links."""
        self.hold(PackedLinks.of(self.links))

    def hold(self, links: Sequence[Link]) -> None:
        """Hold equal links in another form; whoever reads meanwhile sees one form or the other."""
        object.__setattr__(self, "links", links)

    @property
    def is_index(self) -> bool:
        """Does it list other manifests?"""
        return self.media_type in INDEXES

    @property
    def children(self) -> tuple[Descriptor, ...]:
        """The manifests that it lists, in order."""
        if not self.is_index:
            return ()
        return tuple(link.target for link in self.links if link.kind is Kind.CHILD)

    @property
    def content(self) -> tuple[Descriptor, ...]:
        """The blobs that a pull of it reads: configuration, layers, other blobs."""
        kinds = (Kind.CONFIG, Kind.LAYER, Kind.BLOB)
        return tuple(link.target for link in self.links if link.kind in kinds)

    @property
    def held(self) -> Iterator[Link]:
        """Yield what its registry must hold: no subject, no foreign layer, no inline data."""
        for link in self.links:
            target = link.target
            if link.kind is not Kind.SUBJECT and target.distributable and not target.inline:
                yield link

    def stated_sizes(self) -> Iterator[tuple[bytes, int]]:
        """Return the packed digests of all that it references, and the bytes of each."""
        if isinstance(self.links, PackedLinks):
            return zip(self.links.keys, self.links.sizes, strict=True)
        targets = (link.target for link in self.links)
        return ((each.digest.packed, each.size or 0) for each in targets)

    @property
    def keys(self) -> list[bytes]:
        """The packed digests of all that it references, in order."""
        links = self.links
        if isinstance(links, PackedLinks):
            return links.keys
        return [link.target.digest.packed for link in links]

    def keys_of(self, kind: Kind) -> list[bytes]:
        """Return the packed digests of all that it references in one way, in order."""
        links = self.links
        if isinstance(links, PackedLinks):
            return links.keys_of(kind)
        return [link.target.digest.packed for link in links if link.kind is kind]

    @property
    def inline_size(self) -> int:
        """Bytes of content that its descriptors carry."""
        if isinstance(self.links, PackedLinks):
            return 0
        return sum(len(link.target.data or b"") for link in self.links)

    @property
    def config(self) -> Descriptor | None:
        """Its configuration blob, where it has one."""
        if isinstance(self.links, PackedLinks):
            return self.links.first(Kind.CONFIG)
        return next((link.target for link in self.links if link.kind is Kind.CONFIG), None)


@dataclass(frozen=True, slots=True)
class Referrer:
    """A manifest that names another one as its subject, as a list of referrers describes it."""

    target: Descriptor
    artifact_type: str
    """Empty where the list does not say."""


def referrers(body: bytes) -> tuple[Referrer, ...]:
    """Read an index of referrers: a page of the referrers API, or what a fallback tag references.

    Source: OCI distribution-spec 1.1, "Listing Referrers". Raises `Malformed`.
    """
    document = strict.fields(strict.document(body), "referrers")
    if _media_type(document) != OCI_INDEX:
        raise Malformed("referrers: not an image index")
    return tuple(map(_referrer, _list(document, "manifests")))


def _referrer(item: object) -> Referrer:
    target = _descriptor(item, "manifests")
    stated = strict.fields(item, "manifests").get("artifactType") or ""
    if not isinstance(stated, str) or not _MEDIA_TYPE.fullmatch(stated):
        raise Malformed("manifests: artifactType is not a media type")
    if not target.is_manifest:
        raise Malformed(f"manifests: a referrer of type {target.media_type[:80]!r}")
    return Referrer(target, stated)


def parse(body: bytes, digest: Digest) -> Manifest:
    """Read a manifest's body, whose digest the caller has proven.

    Raises `Malformed` for JSON that is none, and for any shape that the four current types, the
    withdrawn OCI artifact manifest and schema 1 do not have.
    """
    document = strict.fields(strict.document(body), "manifest")
    media_type = _media_type(document)
    for other in _OTHERS.get(media_type, ()):
        if other in document:
            raise Malformed(f"a {media_type} with {other}: nodes refuse what reads as two kinds")
    links = tuple(_links(document, media_type))
    artifact = _is_artifact(document, media_type, links)
    return Manifest(digest, media_type, len(body), links, artifact, _artifact_type(document))


def schema1_payload(body: bytes) -> bytes:
    """What the digest of a signed schema 1 manifest covers: the body without its signatures.

    Source: docker/libtrust `ParsePrettySignature`. Raises `Malformed` where no signature says how.
    """
    document = strict.fields(strict.document(body), "manifest")
    signatures = _list(document, "signatures")
    if not signatures:
        raise Malformed("schema 1 manifest without a signature")
    encoded = strict.fields(signatures[0], "signatures").get("protected")
    protected = strict.fields(strict.document(strict.decoded(encoded)), "protected")
    length, tail = protected.get("formatLength"), protected.get("formatTail")
    if not isinstance(length, int) or not 0 <= length <= len(body):
        raise Malformed("schema 1 signature without a usable formatLength")
    return body[:length] + strict.decoded(tail)


def _media_type(document: Mapping[str, object]) -> str:
    """Decide the kind by the JSON alone, as distribution does; `mediaType` is optional in OCI."""
    version, stated = document.get("schemaVersion"), document.get("mediaType")
    if stated is None:
        stated = ""
    if not isinstance(stated, str):
        raise Malformed("mediaType is not text")
    if stated == OCI_ARTIFACT:
        return OCI_ARTIFACT
    if not isinstance(version, int) or isinstance(version, bool):
        raise Malformed("schemaVersion is not a number")
    if version == 1 and stated in ("", SCHEMA1, SCHEMA1_SIGNED):
        return SCHEMA1_SIGNED if "signatures" in document else SCHEMA1
    if version != 2:  # noqa: PLR2004 - the specification's own number
        raise Malformed(f"unknown schemaVersion {version!r:.40}")
    if not stated:
        return OCI_INDEX if document.get("manifests") is not None else OCI_MANIFEST
    if stated not in INDEXES | IMAGES:
        raise Malformed(f"unknown manifest type {stated!r:.140}")
    return sys.intern(stated)


def _links(document: Mapping[str, object], media_type: str) -> Iterator[Link]:
    if media_type in INDEXES:
        for item in _list(document, "manifests"):
            target = _descriptor(item, "manifests")
            yield Link(Kind.CHILD if target.is_manifest else Kind.BLOB, target)
    elif media_type in IMAGES:
        yield Link(Kind.CONFIG, _descriptor(document.get("config"), "config"))
        for item in _list(document, "layers", absent_ok=True):
            yield Link(Kind.LAYER, _descriptor(item, "layers"))
    elif media_type == OCI_ARTIFACT:
        for item in _list(document, "blobs", absent_ok=True):
            yield Link(Kind.BLOB, _descriptor(item, "blobs"))
    else:
        for item in _list(document, "fsLayers"):
            yield Link(Kind.LAYER, _schema1_layer(item))
    if (subject := document.get("subject")) is not None:
        yield Link(Kind.SUBJECT, _descriptor(subject, "subject"))


def _artifact_type(document: Mapping[str, object]) -> str:
    """Return the stated type; what is no media type is none, and nothing that a node minds."""
    stated = document.get("artifactType")
    known = isinstance(stated, str) and _MEDIA_TYPE.fullmatch(stated)
    return sys.intern(stated) if known and isinstance(stated, str) else ""


def _is_artifact(document: Mapping[str, object], media_type: str, links: Sequence[Link]) -> bool:
    """An image manifest is run by nodes only where its configuration is an image's."""
    if media_type == OCI_ARTIFACT or document.get("artifactType"):
        return True
    config = next((link.target for link in links if link.kind is Kind.CONFIG), None)
    return config is not None and config.media_type not in IMAGE_CONFIGS


def _descriptor(item: object, where: str) -> Descriptor:
    fields = strict.fields(item, where)
    size, digest, media_type = fields.get("size"), fields.get("digest"), fields.get("mediaType")
    if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size <= _LARGEST:
        raise Malformed(f"{where}: size is not a count of bytes")
    if not isinstance(digest, str) or not isinstance(media_type, str):
        raise Malformed(f"{where}: a descriptor needs mediaType and digest")
    if not _MEDIA_TYPE.fullmatch(media_type):
        raise Malformed(f"{where}: not a media type: {media_type[:80]!r}")
    annotations = fields.get("annotations")
    return Descriptor(
        # A registry's hundred thousand descriptors share a dozen types: each is kept once. A long
        # one is nobody's, and what is interned may stay for ever.
        media_type=sys.intern(media_type) if len(media_type) <= SHARED else media_type,
        digest=Digest.parse(digest),
        size=size,
        platform=_platform(fields.get("platform"), where),
        data=strict.decoded(fields["data"]) if fields.get("data") is not None else None,
        attestation=isinstance(annotations, dict)
        and annotations.get(_REFERENCE_TYPE) == "attestation-manifest",
    )


def _platform(item: object, where: str) -> Platform | None:
    """Read where an entry runs; one that leaves all blank says nothing, half of it is no platform.

    Nodes fill a blank `os` with their own: to say where such an entry runs would be a guess.
    """
    if item is None:
        return None
    fields = strict.fields(item, f"{where}: platform")
    parts = ["" if (part := fields.get(name)) is None else part for name in _PLATFORM]
    if not all(isinstance(part, str) for part in parts):
        raise Malformed(f"{where}: a platform's parts are text")
    os, architecture, variant = cast("list[str]", parts)
    if bool(os) is not bool(architecture):
        raise Malformed(f"{where}: a platform needs both os and architecture")
    return Platform.of(os, architecture, variant) if os else None


def _schema1_layer(item: object) -> Descriptor:
    digest = strict.fields(item, "fsLayers").get("blobSum")
    if not isinstance(digest, str):
        raise Malformed("fsLayers: an entry needs blobSum")
    return Descriptor(
        "application/vnd.docker.container.image.rootfs.diff+x-gtar", Digest.parse(digest), None
    )


def _list(
    document: Mapping[str, object], name: str, *, absent_ok: bool = False
) -> Sequence[object]:
    value = document.get(name)
    if value is None and (absent_ok or name in document):
        return ()
    if not isinstance(value, list):
        raise Malformed(f"{name}: not a list")
    return value
