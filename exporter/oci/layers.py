"""How is a layer packed, as its media type says, and may one say what it unpacks to?"""

from __future__ import annotations

from typing import Final

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
"""The layers of which it is known what a node makes of them: not encrypted, foreign or new ones."""

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
