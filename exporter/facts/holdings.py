"""Holdings of a storage: what is referenced, what is reclaimable, and which repository has what.

No collector's rules here: a manifest is needed where any tag, or any revision, references it.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.facts.digests import Marks, Numbers, distinct
from exporter.facts.inventory import Bytes, Inventory, Layouts, parts_of

_NANO: Final = 1_000_000_000
_NOBODY: Final = -1
_SEVERAL: Final = -2


@dataclass(frozen=True, slots=True)
class Grace:
    """How old something must be before it counts as reclaimable, in seconds."""

    blobs: float = 86_400.0
    """Younger blobs may belong to a push in progress."""
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
    """Bytes of blobs that only untagged manifests reference."""
    orphaned: int
    """Bytes of blobs that no manifest references."""
    stale_uploads: int


@dataclass(frozen=True, slots=True)
class Share:
    """Storage use of one repository, in bytes."""

    repository: str
    logical: int
    """Everything that its manifests reference: the size of a copy of it alone."""
    exclusive: int
    """Content that no other repository references: the most that its removal could free."""


def holdings(inventory: Inventory) -> "Holdings | LayoutHoldings":
    """Return what a storage holds, whichever registry keeps it."""
    layouts = inventory.layouts
    return Holdings(inventory) if layouts is None else LayoutHoldings(inventory, layouts)


class Holdings:
    """The content of distribution's storage. Times are nanoseconds since the epoch, sizes bytes.

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
        """Bytes of all blobs."""
        return self._sum(self._inventory.stored)

    @property
    def referenced_bytes(self) -> int:
        """Bytes of the blobs that a manifest references."""
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
        logical, exclusive = list[int](), np.zeros(len(inventory.repositories))
        for repository in range(len(inventory.repositories)):
            reached = _reached_by(inventory, repository)
            logical.append(int(np.maximum(inventory.sizes[reached], 0).sum()))
            owners[reached] = np.where(owners[reached] == _NOBODY, repository, _SEVERAL)
        for part in parts_of(len(owners)):
            alone, sizes = owners[part] >= 0, np.maximum(inventory.sizes[part], 0)
            exclusive += np.bincount(owners[part][alone], sizes[alone], len(exclusive))
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


class LayoutHoldings:
    """The content of zot's storage, likewise; each file once, whichever repositories share it.

    A manifest that has a subject counts as tagged: zot keeps it. Of a repository in which its
    collector gives up nothing is reclaimable.
    """

    def __init__(self, inventory: Inventory, layouts: Layouts) -> None:
        """Walk from every tag, and from every entry of every repository."""
        self._inventory, self._layouts = inventory, layouts
        count = int(layouts.files.max(initial=-1)) + 1
        self._sizes: Bytes = np.zeros(count, np.int64)
        self._sizes[layouts.files] = layouts.sizes
        self._modified: Bytes = np.zeros(count, np.int64)
        self._modified[layouts.files] = layouts.modified
        self._tagged, self._referenced = np.zeros(count, bool), np.zeros(count, bool)
        self._loose = np.zeros(count, bool)
        """Manifests that an `index.json` lists and no tag references."""
        for repository in range(len(inventory.repositories)):
            self._walk(repository)

    def _walk(self, repository: int) -> None:
        """Mark the files of a repository."""
        inventory, at = self._inventory, self._inventory.layers.of(repository)
        there, files = inventory.layers.paths[at], self._layouts.files[at]
        if repository in self._layouts.stuck:
            self._tagged[files] = self._referenced[files] = True
            return
        entries = inventory.revisions.paths[inventory.revisions.of(repository)]
        kept = entries[np.isin(entries, self._layouts.referrers)]
        roots = np.concatenate([inventory.tags.current[inventory.tags.of(repository)], kept])
        tagged = inventory.graph.reached(roots)
        self._tagged[files[np.isin(there, tagged)]] = True
        self._referenced[files[np.isin(there, inventory.graph.reached(entries))]] = True
        self._loose[files[np.isin(there, entries[~np.isin(entries, tagged)])]] = True

    @property
    def stored_bytes(self) -> int:
        """Bytes of all files."""
        return int(self._sizes.sum())

    @property
    def referenced_bytes(self) -> int:
        """Bytes of the files that a manifest references."""
        return int(self._sizes[self._referenced].sum())

    def orphaned_blobs(self, before: int) -> Numbers:
        """Return the files that no manifest references and that were written before a time."""
        return np.flatnonzero(~self._referenced & (self._modified < before)).astype(np.int32)

    def orphaned_manifests(self, before: int) -> Numbers:
        """Return the files of manifests that no tag references, likewise."""
        return np.flatnonzero(self._loose & (self._modified < before)).astype(np.int32)

    def reclaimable(self, blobs_before: int, uploads_before: int) -> Reclaimable:
        """Add up what nothing needs."""
        old, sizes, uploads = self._modified < blobs_before, self._sizes, self._inventory.uploads
        return Reclaimable(
            untagged=int(sizes[old & self._referenced & ~self._tagged].sum()),
            orphaned=int(sizes[old & ~self._referenced].sum()),
            stale_uploads=sum(each.size for each in uploads if each.modified < uploads_before),
        )

    def shares(self) -> tuple[Share, ...]:
        """Say for every repository what its files hold, and what it alone holds."""
        inventory, files = self._inventory, self._layouts.files
        holders = np.bincount(files, minlength=len(self._sizes))
        return tuple(
            Share(
                name, int(self._sizes[here].sum()), int(self._sizes[here[holders[here] == 1]].sum())
            )
            for repository, name in enumerate(inventory.repositories)
            for here in [files[inventory.layers.of(repository)]]
        )
