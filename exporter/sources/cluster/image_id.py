"""Which content does a node say that a container runs?"""

from __future__ import annotations

import re
from typing import Final

from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Reference
from exporter.sources.cluster.text import reference

_BARE: Final = re.compile(r"[0-9a-f]{64}")


def running(image_id: str, wanted: Reference) -> Digest | None:
    """Read `imageID` of a container's status; None where it names no content.

    It is the digest that was pulled (an index's or an image's), or of the configuration where the
    image came without a registry: `docker-pullable://name@sha256:…` and `docker://sha256:…` of
    cri-dockerd, `name@sha256:…` and `sha256:…` of containerd, the bare identifier of CRI-O.

    A node that has the same image by several names tells the digest that one of them was pulled by
    (containerd `toCRIContainerStatus`): what another repository calls it says nothing of this one.
    """
    text = image_id.rpartition("://")[2]
    if _BARE.fullmatch(text):
        text = f"sha256:{text}"
    try:
        if "@" not in text:
            return Digest.parse(text)
        told = reference(text)
    except Malformed:
        return None
    same = (told.registry, told.repository) == (wanted.registry, wanted.repository)
    return told.digest if same else None
