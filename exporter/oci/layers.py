"""Layers of an image: how each is packed, and to what the configuration says that they unpack."""

from dataclasses import dataclass
from typing import Final

from exporter.oci import strict
from exporter.oci.digest import Digest, Malformed

_OCI: Final = "application/vnd.oci.image.layer.v1.tar"
_DOCKER: Final = "application/vnd.docker.image.rootfs.diff.tar"

PLAIN: Final = frozenset({_OCI})
"""A node takes these bytes as they are."""
DETECTED: Final = frozenset(
    {f"{_OCI}+gzip", f"{_OCI}+zstd", _DOCKER, f"{_DOCKER}.gzip", f"{_DOCKER}.zstd"}
)
"""A node looks at the first bytes, whatever the type says of gzip or zstd.

Source: containerd `core/images/mediatypes.go` (`DiffCompression`), `pkg/archive/compression`.
"""
UNPACKED: Final = PLAIN | DETECTED
"""Layer types that nodes are known to unpack: not encrypted, foreign or new ones."""

_FOREIGN: Final = "application/vnd.docker.image.rootfs.foreign.diff.tar"
_DOCKERS: Final = frozenset(
    {_DOCKER, f"{_DOCKER}.gzip", f"{_DOCKER}.zstd", _FOREIGN, f"{_FOREIGN}.gzip"}
)
_ANY_OF_OCI: Final = "application/vnd.oci.image.layer."


def is_layer(media_type: str) -> bool:
    """Is it counted as a layer, whether or not it is known how to unpack it?

    Source: containerd `core/images/mediatypes.go` (`IsLayerType`).
    """
    return media_type.startswith(_ANY_OF_OCI) or media_type.partition("+")[0] in _DOCKERS


@dataclass(frozen=True, slots=True)
class Rootfs:
    """The diff ids of a configuration, in the order of the layers."""

    diff_ids: tuple[Digest, ...] | None
    """None if it states none that an image can be judged by."""


SILENT: Final = Rootfs(None)


def rootfs(config: bytes) -> Rootfs:
    """Read a configuration; whatever is not plain says nothing.

    A node leaves another type than `layers` packed, and hashes with sha256 only. Who does not fill
    in `diff_ids` may leave them out, or empty: podman runs either, containerd neither.
    Source: OCI image-spec, config.md (`rootfs`); containerd `core/unpack/unpacker.go`;
    containers/image `storage/storage_dest.go` (`untrustedLayerDiffID`).
    """
    try:
        found = _only(strict.document(config, strict.CONFIG_VALUES), "rootfs")
        stated = _only(found, "diff_ids")
        if _only(found, "type") not in (None, "", "layers") or not isinstance(stated, list):
            return SILENT
        diff_ids = tuple(_sha256(each) for each in stated)
    except Malformed:
        return SILENT
    return Rootfs(diff_ids) if diff_ids else SILENT


def _only(item: object, name: str) -> object:
    """Return a field; raise `Malformed` where it stands in other letters, which Go reads too."""
    fields = item if isinstance(item, dict) else {}
    if any(key != name and key.casefold() == name for key in fields):
        raise Malformed(f"{name} in another case")
    return fields.get(name)


def _sha256(text: object) -> Digest:
    if not isinstance(text, str):
        raise Malformed("a diff id that is no text")
    digest = Digest.parse(text)
    if digest.algorithm != "sha256":
        raise Malformed("a diff id that no node computes")
    return digest
