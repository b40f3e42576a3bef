"""Which of what a snapshot came upon are manifests, and how large is each thing?"""

from __future__ import annotations

from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest


def known_manifests(snapshot: Snapshot) -> set[Digest]:
    """Return manifests that were read, and those known by name: in an index, or of a tag."""
    read = snapshot.manifests.values()
    listed = {child.digest for each in read if each.is_index for child in each.children}
    roots = {root.digest for root in snapshot.roots if root.digest}
    return {*snapshot.manifests, *listed, *roots}


def stated_sizes(snapshot: Snapshot) -> dict[Digest, int]:
    """Return the bytes of each manifest that was read, and of all that one of them points to."""
    sizes = {digest: each.size for digest, each in snapshot.manifests.items()}
    for manifest in snapshot.manifests.values():
        for link in manifest.links:
            sizes.setdefault(link.target.digest, link.target.size or 0)
    return sizes
