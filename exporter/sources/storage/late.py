"""What came while the storage was being read? Nothing is called missing before a second look."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from exporter.facts.inventory import Inventory, distinct
from exporter.facts.inventory_builder import InventoryBuilder
from exporter.sources.storage import layout


def settled(intake: InventoryBuilder, look: Callable[[str], tuple[int, int] | None]) -> Inventory:
    """Return the inventory, with the blobs in it that are named and were not listed.

    `look` looks for a blob by its digest: its bytes, and its time in nanoseconds since the epoch.
    Where it may not look, it leaves a gap in the intake, which counts as much as any.
    """
    seen = intake.inventory()
    named = np.concatenate([seen.revisions.targets, seen.layers.targets, seen.graph.targets])
    named = named[named >= 0]
    missing = distinct(named[seen.sizes[named] < 0]).tolist()
    arrived = [_arrived(seen.digests.text(each), intake, look) for each in missing]
    return intake.inventory() if any(arrived) or len(intake.gaps) > len(seen.gaps) else seen


def _arrived(
    digest: str, intake: InventoryBuilder, look: Callable[[str], tuple[int, int] | None]
) -> bool:
    if not layout.is_digest(digest):
        return False  # a manifest may have any text where a digest belongs
    found = look(digest)
    if found is not None:
        algorithm, _, encoded = digest.partition(":")
        intake.blobs(algorithm, [encoded], [found[0]], [found[1]])
    return found is not None
