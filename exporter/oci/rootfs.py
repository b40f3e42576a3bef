"""To what must an image's layers unpack, as its configuration says?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from exporter.oci import strict
from exporter.oci.digest import Digest, Malformed


@dataclass(frozen=True, slots=True)
class Rootfs:
    """The diff ids of a configuration, in the order of the layers."""

    diff_ids: tuple[Digest, ...] | None
    """None where it states none by which an image may be judged."""


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
