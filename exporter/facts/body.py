"""Bodies of stored manifests, as the collectors of distribution 2 and 3 read them.

A body that is not plainly of a known kind is unreadable: nothing is guessed about what Go's lenient
parser makes of it (distribution v2.8.3 and v3.1.1, `registry/storage/manifeststore.go`).
"""

import re
from dataclasses import dataclass, field
from typing import Annotated, Final

import msgspec

from exporter.facts.digests import DIGEST_BYTES, pack_texts, unpacked
from exporter.oci.links import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

LARGEST: Final = 4 << 20
"""Bytes: no distribution registry accepts a larger manifest (`maxManifestBodySize`)."""

_CURRENT: Final = 2
"""The `schemaVersion` of every manifest that is not schema 1."""
_SCHEMA1_IN_3: Final = "unrecognized manifest schema version 1"
_CUT_SHORT: Final = "unexpected end of JSON input"
_TRUNCATED: Final = "Input data was truncated"
"""The message of msgspec for a text that ends too early."""
_KEYS: Final = re.compile(rb'"([^",:]*)"\s*:')
"""Every key of a JSON text in which no comma and no colon is; among other texts, perhaps."""
_FOLDS: Final = str.maketrans({"\u017f": "s", "\u212a": "k"})
"""Two letters that Go's field matching takes for ASCII ones (`encoding/json/fold.go`)."""


class Unreadable(ValueError):
    """A body that a collector may read in more than one way."""


@dataclass(frozen=True, slots=True)
class Body:
    """A parsed manifest body."""

    references: tuple[str, ...]
    """Digests as written, in order: configuration and layers, or an index's entries. A missing
    configuration is the empty text: collectors count that as a digest too."""
    is_index: bool = False
    fault_2: str = ""
    """The error of distribution 2's collector at it; empty if it reads it."""
    fault_3: str = ""
    """The same for distribution 3."""
    kinds: tuple[str, ...] = field(default=(), compare=False)
    """The media type of each entry of an index."""
    has_subject: bool = field(default=False, compare=False)

    @property
    def is_cut(self) -> bool:
        """Does its JSON end too early?"""
        return self.fault_3 == _CUT_SHORT

    def outline(self, size: int) -> "Outline | None":
        """Return the outline of a body of `size` bytes; None if it must be read each time."""
        packed = None if self.fault_2 or self.fault_3 else pack_texts(self.references)
        return None if packed is None else Outline(size, self.is_index, packed)


@dataclass(frozen=True, slots=True)
class Outline:
    """A manifest that every collector reads and that names sha256 digests only, in few bytes."""

    size: int
    """Bytes of the body, when its hash was right."""
    is_index: bool
    packed: bytes
    """Its references in order, thirty-two bytes each."""

    def __len__(self) -> int:
        return len(self.packed) // DIGEST_BYTES

    @property
    def references(self) -> tuple[str, ...]:
        """The digests that it refers to, in order."""
        return unpacked(self.packed)


_Int64 = Annotated[int, msgspec.Meta(ge=-(1 << 63), le=(1 << 63) - 1)]


class _Platform(msgspec.Struct, gc=False):
    architecture: str = ""
    os: str = ""
    os_version: str = msgspec.field(default="", name="os.version")
    os_features: list[str] | None = msgspec.field(default=None, name="os.features")
    variant: str = ""
    features: list[str] | None = None


class _Descriptor(msgspec.Struct, gc=False, rename="camel"):
    media_type: str = ""
    digest: str = ""
    size: _Int64 = 0
    urls: list[str] | None = None
    annotations: dict[str, str] | None = None
    data: bytes | None = None
    platform: _Platform | None = None
    artifact_type: str = ""


class _Document(msgspec.Struct, gc=False, rename="camel"):
    schema_version: _Int64 = 0
    media_type: str = ""
    config: _Descriptor = msgspec.field(default_factory=_Descriptor)
    layers: list[_Descriptor] | None = None
    manifests: list[_Descriptor] | None = None
    annotations: dict[str, str] | None = None
    artifact_type: str = ""
    subject: _Descriptor | None = None


class _Layer(msgspec.Struct, gc=False, rename="camel"):
    blob_sum: str = ""


class _History(msgspec.Struct, gc=False, rename="camel"):
    v1_compatibility: str = msgspec.field(default="", name="v1Compatibility")


class _Schema1(msgspec.Struct, gc=False, rename="camel"):
    name: str = ""
    tag: str = ""
    architecture: str = ""
    fs_layers: list[_Layer] | None = None
    history: list[_History] | None = None


_decode: Final = msgspec.json.Decoder(_Document).decode
_decode_schema1: Final = msgspec.json.Decoder(_Schema1).decode
_PLAIN_SPELLING: Final = {
    field.encode_name.lower(): field.encode_name
    for struct in (_Platform, _Descriptor, _Document, _Layer, _History, _Schema1)
    for field in msgspec.structs.fields(struct)
}
"""The one spelling of every known key in which all readers agree on it."""
_PLAIN: Final = frozenset(name.encode() for name in _PLAIN_SPELLING.values())
_MERGED: Final = (b"config", b"layers", b"manifests", b"fsLayers")
"""Keys whose repetition Go merges."""


def read(content: bytes) -> Body:
    """Return the references of a body.

    Raises `Unreadable` where it is not plain JSON of a known kind: a wrong type, a known key in
    other letters, one twice, or nested too deep.
    """
    try:
        document = _decode(content)
        schema1 = _decode_schema1(content) if document.schema_version == 1 else None
        _insist_on_plain_keys(content)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        if str(error) == _TRUNCATED:
            return _unread(_CUT_SHORT)
        raise Unreadable(str(error)) from error
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    return _of(document) if schema1 is None else _of_schema1(schema1, content)


def _insist_on_plain_keys(content: bytes) -> None:
    """Go accepts keys in any case and merges duplicates; other readers do not."""
    keys = _KEYS.findall(content)
    for key in {*keys}:
        if key in _PLAIN:
            continue
        known = _PLAIN_SPELLING.get(_unescaped(key).translate(_FOLDS).lower())
        if known:
            raise Unreadable(f"the key {known} in another case")
    for key in _MERGED:
        if content.count(b'"%s"' % key) > 1 and keys.count(key) > 1:
            raise Unreadable(f"duplicate key {key.decode()}")


def _unescaped(key: bytes) -> str:
    """Return a key as it is meant; nothing for the end of a longer one."""
    try:
        return str(msgspec.json.decode(b'"%s"' % key))
    except msgspec.DecodeError:
        return ""


def _of(document: _Document) -> Body:
    """Decide the kind by version and media type, as `manifestStore.Get` does."""
    media_type, version = document.media_type, document.schema_version
    if version != _CURRENT:
        return _unread(f"unrecognized manifest schema version {version}")
    unstated, subject = media_type == "", document.subject is not None
    if media_type in (OCI_INDEX, DOCKER_LIST) or (unstated and document.manifests is not None):
        entries = document.manifests or ()
        kinds = tuple([entry.media_type for entry in entries])
        return Body(
            tuple([entry.digest for entry in entries]),
            is_index=True,
            kinds=kinds,
            has_subject=subject,
        )
    if media_type in (OCI_MANIFEST, DOCKER_MANIFEST) or unstated:
        layers = [layer.digest for layer in document.layers or ()]
        return Body((document.config.digest, *layers), has_subject=subject)
    stated = f"unrecognized manifest content type {media_type}"
    return _unread(f"errors verifying manifest: {stated}")


def _of_schema1(document: _Schema1, content: bytes) -> Body:
    """Distribution 2 signs it anew to read it, which fails with space before it."""
    if content[:1].isspace():
        raise Unreadable("schema 1 with leading whitespace")
    return Body(tuple([each.blob_sum for each in document.fs_layers or ()]), fault_3=_SCHEMA1_IN_3)


def _unread(fault: str) -> Body:
    return Body((), fault_2=fault, fault_3=fault)
