"""Which content does a node say that a container runs?"""

from __future__ import annotations

import re
from typing import Final

from exporter.oci.digest import Digest, Malformed

_BARE: Final = re.compile(r"[0-9a-f]{64}")


def running(image_id: str) -> Digest | None:
    """Read `imageID` of a container's status; None where it names no content.

    It is the digest that was pulled (an index's or an image's), or of the configuration where the
    image came without a registry: `docker-pullable://name@sha256:…` and `docker://sha256:…` of
    cri-dockerd, `name@sha256:…` and `sha256:…` of containerd, the bare identifier of CRI-O.
    """
    text = image_id.rpartition("://")[2].rpartition("@")[2]
    if _BARE.fullmatch(text):
        text = f"sha256:{text}"
    try:
        return Digest.parse(text)
    except Malformed:
        return None
