"""What of a storage is referenced at all, what is held for nothing, and whose bytes are whose?

No collector's rules here: a manifest counts as needed where any tag, or any revision, leads to it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.facts.digests import Marks, Numbers, distinct
from exporter.facts.inventory import Bytes, Inventory, Upload

_NANO: Final = 1_000_000_000
_NOBODY: Final = -1
_SEVERAL: Final = -2


@dataclass(frozen=True, slots=True)
class Grace:
    """How old must something be before it counts as held for nothing? In seconds."""

    blobs: float = 86_400.0
    """What is younger may belong to a push that is still on its way."""
    uploads: float = 604_800.0
    """As long as distribution's own purger waits."""

    def before(self, now: float) -> tuple[int, int]:
        """Return when blobs and uploads must have been written last, to count.

        `now` is in seconds since the epoch, the answers are in nanoseconds.
        """
        return int((now - self.blobs) * _NANO), int((now - self.uploads) * _NANO)


@dataclass(frozen=True, slots=True)
class Reclaimable:
    """Bytes that nothing needs, by reason; each byte once."""

    untagged: int
    """Of blobs that only untagged manifests lead to."""
    orphaned: int
    """Of blobs that no manifest leads to."""
    stale_uploads: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one repository holds, in bytes."""

    repository: str
    logical: int
    """Of everything that its manifests lead to: what a copy of it alone would take."""
    exclusive: int
    """Of what no other repository's manifests lead to: what its removal could free at most."""


def tagged(inventory: Inventory) -> Marks:
    """Mark everything that some tag leads to."""
    return inventory.graph.reach(inventory.tags.current)


def referenced(inventory: Inventory) -> Marks:
    """Mark everything that some revision of some repository leads to."""
    return inventory.graph.reach(_revised(inventory))


def orphaned_blobs(inventory: Inventory, before: int) -> Numbers:
    """Return the blobs that no manifest leads to and that were written before a time.

    `before` is in nanoseconds since the epoch: what is younger may belong to a push on its way.
    """
    return _old(inventory, ~referenced(inventory), before)


def orphaned_manifests(inventory: Inventory, before: int) -> Numbers:
    """Return the manifests that no tag leads to, and that were written before a time."""
    manifests = np.zeros(len(inventory.digests), bool)
    manifests[_revised(inventory)] = True
    return _old(inventory, manifests & ~tagged(inventory), before)


def reclaimable(inventory: Inventory, blobs_before: int, uploads_before: int) -> Reclaimable:
    """Add up what nothing needs; times are in nanoseconds since the epoch."""
    reached, kept = referenced(inventory), tagged(inventory)
    return Reclaimable(
        untagged=_sum(inventory, _old(inventory, reached & ~kept, blobs_before)),
        orphaned=_sum(inventory, _old(inventory, ~reached, blobs_before)),
        stale_uploads=sum(each.size for each in stale_uploads(inventory, uploads_before)),
    )


def stale_uploads(inventory: Inventory, before: int) -> Sequence[Upload]:
    """Return the uploads that nobody wrote to since a time, nanoseconds since the epoch."""
    return [each for each in inventory.uploads if each.modified < before]


def stored_bytes(inventory: Inventory) -> int:
    """Return the bytes of all blobs."""
    return int(inventory.sizes[inventory.stored].sum())


def referenced_bytes(inventory: Inventory) -> int:
    """Return the bytes of the blobs that some manifest leads to."""
    return int(inventory.sizes[inventory.stored & referenced(inventory)].sum())


def shares(inventory: Inventory) -> list[Share]:
    """Say for every repository what it holds, and what it alone holds."""
    owners = np.full(len(inventory.digests), _NOBODY, np.int32)
    sizes: Bytes = np.maximum(inventory.sizes, 0)
    logical = []
    for repository in range(len(inventory.repositories)):
        reached = _reached_by(inventory, repository)
        logical.append(int(sizes[reached].sum()))
        owners[reached] = np.where(owners[reached] == _NOBODY, repository, _SEVERAL)
    alone = owners >= 0
    exclusive = np.bincount(owners[alone], sizes[alone], len(inventory.repositories))
    return [
        Share(name, held, int(own))
        for name, held, own in zip(inventory.repositories, logical, exclusive, strict=True)
    ]


def _reached_by(inventory: Inventory, repository: int) -> Numbers:
    """Return what a repository's manifests lead to; children count where it has them itself."""
    targets = inventory.revisions.targets[inventory.revisions.of(repository)]
    manifests = targets[targets >= 0]
    return distinct(np.concatenate([manifests, inventory.graph.links(manifests)]))


def _revised(inventory: Inventory) -> Numbers:
    targets = inventory.revisions.targets
    return distinct(targets[targets >= 0])


def _old(inventory: Inventory, marks: Marks, before: int) -> Numbers:
    old: Numbers = np.flatnonzero(marks & inventory.stored & (inventory.modified < before)).astype(
        np.int32
    )
    return old


def _sum(inventory: Inventory, blobs: Numbers) -> int:
    return int(inventory.sizes[blobs].sum())
