"""Holdings of a storage: what is referenced, what is reclaimable, and which repository has what.

No collector's rules here: a manifest is needed where any tag, or any revision, references it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.facts.digests import Marks, Numbers, distinct
from exporter.facts.inventory import Bytes, Inventory

_NANO: Final = 1_000_000_000
_NOBODY: Final = -1
_SEVERAL: Final = -2


@dataclass(frozen=True, slots=True)
class Grace:
    """How old something must be before it counts as reclaimable, in seconds."""

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
    """Of blobs that only untagged manifests reference."""
    orphaned: int
    """Of blobs that no manifest references."""
    stale_uploads: int


@dataclass(frozen=True, slots=True)
class Share:
    """What one repository holds, in bytes."""

    repository: str
    logical: int
    """Of everything that its manifests reference: what a copy of it alone would take."""
    exclusive: int
    """Of what no other repository's manifests reference: what its removal could free at most."""


class Holdings:
    """What a storage holds. Times are nanoseconds since the epoch, sizes are bytes.

    What is younger than a time may belong to a push on its way, and is not told.
    """

    def __init__(self, inventory: Inventory) -> None:
        """Walk from every tag, and from every revision of every repository."""
        targets = inventory.revisions.targets
        manifests = np.zeros(len(inventory.digests), bool)
        manifests[targets[targets >= 0]] = True
        self._inventory, self._manifests = inventory, manifests
        self.tagged = inventory.graph.reach(inventory.tags.current)
        """Marks everything that is reachable from a tag."""
        self._referenced = inventory.graph.reach(np.flatnonzero(manifests).astype(np.int32))

    @property
    def stored_bytes(self) -> int:
        """Of all blobs."""
        return self._sum(self._inventory.stored)

    @property
    def referenced_bytes(self) -> int:
        """Of the blobs that some manifest references."""
        return self._sum(self._inventory.stored & self._referenced)

    def orphaned_blobs(self, before: int) -> Numbers:
        """Return the blobs that no manifest references and that were written before a time."""
        return np.flatnonzero(self._old(~self._referenced, before)).astype(np.int32)

    def orphaned_manifests(self, before: int) -> Numbers:
        """Return the manifests that no tag references and that were written before a time."""
        marks = self._old(self._manifests & ~self.tagged, before)
        return np.flatnonzero(marks).astype(np.int32)

    def reclaimable(self, blobs_before: int, uploads_before: int) -> Reclaimable:
        """Add up what nothing needs."""
        uploads = self._inventory.uploads
        return Reclaimable(
            untagged=self._sum(self._old(self._referenced & ~self.tagged, blobs_before)),
            orphaned=self._sum(self._old(~self._referenced, blobs_before)),
            stale_uploads=sum(each.size for each in uploads if each.modified < uploads_before),
        )

    def shares(self) -> tuple[Share, ...]:
        """Say for every repository what it holds, and what it alone holds."""
        inventory = self._inventory
        owners = np.full(len(inventory.digests), _NOBODY, np.int32)
        sizes: Bytes = np.maximum(inventory.sizes, 0)
        logical = []
        for repository in range(len(inventory.repositories)):
            reached = _reached_by(inventory, repository)
            logical.append(int(sizes[reached].sum()))
            owners[reached] = np.where(owners[reached] == _NOBODY, repository, _SEVERAL)
        alone = owners >= 0
        exclusive = np.bincount(owners[alone], sizes[alone], len(inventory.repositories))
        names = inventory.repositories
        return tuple(map(Share, names, logical, map(int, exclusive)))

    def _old(self, marks: Marks, before: int) -> Marks:
        old: Marks = marks & self._inventory.stored & (self._inventory.modified < before)
        return old

    def _sum(self, marks: Marks) -> int:
        return int(self._inventory.sizes[marks].sum())


def _reached_by(inventory: Inventory, repository: int) -> Numbers:
    """Return what a repository's manifests reference; children count where it has them itself."""
    targets = inventory.revisions.targets[inventory.revisions.of(repository)]
    manifests = targets[targets >= 0]
    return distinct(np.concatenate([manifests, inventory.graph.links(manifests)]))
