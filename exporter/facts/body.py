"""What does a stored manifest refer to, as the collectors of distribution 2 and 3 read it?

They are lenient where a specification is strict, and the other way round; what counts here is
what they do (distribution v2.8.3 and v3.1.1, `registry/storage/manifeststore.go`).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated, Final

import msgspec

from exporter.facts import go_json
from exporter.oci.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

LARGEST: Final = 4 << 20
"""Bytes: no distribution registry accepts a larger manifest (`maxManifestBodySize`)."""

_CURRENT: Final = 2
"""The `schemaVersion` of every manifest that is not schema 1."""
_TYPES: Final = ("", OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)
_SCHEMA1_IN_3: Final = "unrecognized manifest schema version 1"
_UNSIGNABLE: Final = "invalid character '}' looking for beginning of object key string"
_PANIC: Final = "panic: interface conversion: distribution.Manifest is nil, not "
_MERGED: Final = (b'"config"', b'"layers"', b'"manifests"', b'"fsLayers"')
"""Keys whose repetition Go merges: a body with one twice is read slowly."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a manifest's body says."""

    references: tuple[str, ...]
    """Digests as written, in order: configuration and layers, or an index's entries. A missing
    configuration is the empty text: collectors count that as a digest too."""
    is_index: bool = False
    fault_2: str = ""
    """The error at which the collector of distribution 2 gives up; empty where it reads it."""
    fault_3: str = ""
    """The same for distribution 3."""


_Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Platform(msgspec.Struct, gc=False, forbid_unknown_fields=True):
    architecture: str = ""
    os: str = ""
    os_version: str = msgspec.field(default="", name="os.version")
    os_features: list[str] | None = msgspec.field(default=None, name="os.features")
    variant: str = ""
    features: list[str] | None = None


class _Descriptor(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    media_type: str = ""
    digest: str = ""
    size: _Int64 = 0
    urls: list[str] | None = None
    annotations: dict[str, str] | None = None
    data: bytes | None = None
    platform: _Platform | None = None
    artifact_type: str = ""


class _Layer(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    blob_sum: str = ""


class _Document(msgspec.Struct, gc=False, forbid_unknown_fields=True, rename="camel"):
    schema_version: _Int64 = 0
    media_type: str = ""
    config: _Descriptor = msgspec.field(default_factory=_Descriptor)
    layers: list[_Descriptor] = []
    manifests: list[_Descriptor] | None = None
    fs_layers: list[_Layer] = []
    annotations: dict[str, str] | None = None
    artifact_type: str = ""
    subject: _Descriptor | None = None


_decode: Final = msgspec.json.Decoder(_Document).decode


def read(content: bytes) -> Body:
    """Say what a body refers to; raises `RecursionError` where it is nested too deep to tell.

    The quick way reads only what is exactly as specified. Whatever is not (an unknown key, which
    may be a known one in other letters; a repeated one; a wrong type) is read by Go's own rules.
    """
    if all(content.count(key) < 2 for key in _MERGED):  # noqa: PLR2004 - not repeated
        try:
            return _signable(_of(_decode(content)), content)
        except (msgspec.DecodeError, UnicodeDecodeError):  # a rotten byte may be no UTF-8
            pass
    return _signable(_read_slowly(content), content)


def _signable(body: Body, content: bytes) -> Body:
    """Schema 1 is signed anew to be read, and with space before it that goes wrong (libtrust)."""
    wrong = body.fault_3 == _SCHEMA1_IN_3 and content[:1].isspace()
    return replace(body, fault_2=_UNSIGNABLE) if wrong else body


def _of(document: _Document) -> Body:
    """Decide the kind by version and media type, as `manifestStore.Get` does."""
    media_type, version = document.media_type, document.schema_version
    if version == 1:
        sums = tuple([layer.blob_sum for layer in document.fs_layers])
        return Body(sums, fault_3=_SCHEMA1_IN_3)
    if version != _CURRENT:
        return _unread(f"unrecognized manifest schema version {version}")
    unstated = media_type == ""
    if media_type in (OCI_INDEX, DOCKER_LIST) or (unstated and document.manifests is not None):
        return Body(tuple([entry.digest for entry in document.manifests or ()]), is_index=True)
    if media_type in (OCI_MANIFEST, DOCKER_MANIFEST) or unstated:
        layers = [layer.digest for layer in document.layers]
        return Body((document.config.digest, *layers))
    stated = f"unrecognized manifest content type {media_type}"
    return _unread(f"errors verifying manifest: {stated}")


def _unread(fault: str) -> Body:
    return Body((), fault_2=fault, fault_3=fault)


def _read_slowly(content: bytes) -> Body:
    """Read what is not plain, or not right, with the rules of Go's `encoding/json`."""
    try:
        document = go_json.loads(content)
    except go_json.Unreadable as error:
        return _unread(str(error))
    head, fault = go_json.fill(document, _HEAD)
    if fault:
        return _unread(fault)
    version, media_type = head["schemaversion"], head["mediatype"]
    readings = [_reading(document, version, media_type, era) for era in (_ERA_2, _ERA_3)]
    body = next((reading for reading in readings if not reading.fault_2), readings[0])
    return Body(body.references, body.is_index, readings[0].fault_2, readings[1].fault_3)


@dataclass(frozen=True, slots=True)
class _Era:
    """What one major version expects to find in a body."""

    image: go_json.Shape
    docker_image: go_json.Shape
    index: go_json.Shape
    docker_list: go_json.Shape
    list_type: str
    reads_schema1: bool


def _reading(document: object, version: int, media_type: str, era: _Era) -> Body:
    if version == 1 and not era.reads_schema1:
        return _unread(_SCHEMA1_IN_3)
    if version == 1:
        return _shaped(document, _SCHEMA1)
    if version != _CURRENT or media_type not in _TYPES:
        return _of(_Document(version, media_type))
    if media_type == "":
        index = _shaped(document, era.index)
        if index.fault_2:
            return _unread(_PANIC + era.list_type)
        filled, _ = go_json.fill(document, era.index)
        return index if filled["manifests"] is not None else _shaped(document, era.image)
    shapes = {
        OCI_INDEX: era.index,
        OCI_MANIFEST: era.image,
        DOCKER_LIST: era.docker_list,
        DOCKER_MANIFEST: era.docker_image,
    }
    return _shaped(document, shapes[media_type])


def _shaped(document: object, shape: go_json.Shape) -> Body:
    """Take the references out of a document that has, or has not, the shape asked for."""
    filled, fault = go_json.fill(document, shape)
    if fault:
        return _unread(fault)
    if "fslayers" in shape:
        return Body(tuple(layer["blobsum"] for layer in filled["fslayers"] or ()))
    if "manifests" in shape:
        entries = filled["manifests"] or ()
        return Body(tuple(entry["digest"] for entry in entries), is_index=True)
    layers = (layer["digest"] for layer in filled["layers"] or ())
    return Body((filled["config"]["digest"], *layers))


_HEAD: Final[go_json.Shape] = {"schemaversion": int, "mediatype": str}
_SCHEMA1: Final[go_json.Shape] = {
    **_HEAD,
    **dict.fromkeys(("name", "tag", "architecture"), str),
    "fslayers": [{"blobsum": str}],
    "history": [{"v1compatibility": str}],
}
_PLATFORM_3: Final[go_json.Shape] = {
    **dict.fromkeys(("architecture", "os", "os.version", "variant"), str),
    "os.features": [str],
}
_PLATFORM_LIST: Final[go_json.Shape] = {**_PLATFORM_3, "features": [str]}
_DESCRIPTOR_2: Final[go_json.Shape] = {
    "mediatype": str,
    "digest": str,
    "size": int,
    "urls": [str],
    "annotations": {"": str},
    "platform": _PLATFORM_3,
}
_DESCRIPTOR_3: Final[go_json.Shape] = {**_DESCRIPTOR_2, "data": bytes, "artifacttype": str}
_ENTRY_2: Final[go_json.Shape] = {**_DESCRIPTOR_2, "platform": _PLATFORM_LIST}
_ENTRY_3: Final[go_json.Shape] = {**_DESCRIPTOR_3, "platform": _PLATFORM_LIST}
_IMAGE_2: Final[go_json.Shape] = {**_HEAD, "config": _DESCRIPTOR_2, "layers": [_DESCRIPTOR_2]}
_IMAGE_3: Final[go_json.Shape] = {**_HEAD, "config": _DESCRIPTOR_3, "layers": [_DESCRIPTOR_3]}
_ERA_2: Final = _Era(
    image={**_IMAGE_2, "annotations": {"": str}},
    docker_image=_IMAGE_2,
    index={**_HEAD, "manifests": [_ENTRY_2]},
    docker_list={**_HEAD, "manifests": [_ENTRY_2]},
    list_type="*manifestlist.DeserializedManifestList",
    reads_schema1=True,
)
_ERA_3: Final = _Era(
    image={**_IMAGE_3, "annotations": {"": str}},
    docker_image=_IMAGE_3,
    index={**_HEAD, "manifests": [_DESCRIPTOR_3], "annotations": {"": str}},
    docker_list={**_HEAD, "manifests": [_ENTRY_3]},
    list_type="*ocischema.DeserializedImageIndex",
    reads_schema1=False,
)
