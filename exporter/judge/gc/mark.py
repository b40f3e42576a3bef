"""What does a collector keep? Marks a whole storage, one repository after the other."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import numpy as np

from exporter.facts.digests import ABSENT, Marks, Numbers
from exporter.facts.graph import distinct
from exporter.facts.inventory import Folder
from exporter.judge.gc import found
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.name import refusal
from exporter.judge.gc.order import visited

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory
    from exporter.judge.gc.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Marked:
    """What marking leaves behind."""

    kept: Marks
    """Which digests are marked; where it stopped, which were when it came there."""
    unseen: Numbers
    """Manifests that a collector reads and the inventory does not: they may refer to anything."""
    queued: tuple[tuple[int, Numbers], ...] = ()
    """Untagged manifests by repository, in order, before any second thought."""
    doomed_links: tuple[tuple[int, Numbers], ...] = ()
    """Layer links by repository whose digests nobody had marked when it was visited."""
    stopped_at: int | None = None
    """The repository in which marking gives up."""


def mark(inventory: Inventory, dialect: Dialect, mode: Mode) -> Marked:
    """Mark all that a collector keeps; stop at the repository where it would give up."""
    marking = _Marking(inventory, dialect, mode)
    for repository in visited(inventory, dialect):
        if marking.stops_in(repository):
            return marking.result_at(repository)
    return marking.result()


def eligible(inventory: Inventory, repository: int, manifests: Numbers, mode: Mode) -> Marks:
    """Say which manifests of a repository no tag points at, where that makes them removable."""
    if mode is Mode.PLAIN:
        return np.zeros(len(manifests), bool)
    return ~np.isin(manifests, inventory.tags.current[inventory.tags.of(repository)])


def stops_at_tags(inventory: Inventory, repository: int, dialect: Dialect, mode: Mode) -> bool:
    """Do a repository's tags stop a collection that has found a manifest there?"""
    if mode is Mode.PLAIN:
        return False
    damaged = (inventory.tags.current[inventory.tags.of(repository)] < ABSENT).any()
    missing = dialect.needs_tags and not inventory.has(repository, Folder.TAGS)
    return bool(damaged) or missing


class _Marking:
    """Marks so far. The scratch array costs one number a digest and is put back after each use."""

    def __init__(self, inventory: Inventory, dialect: Dialect, mode: Mode) -> None:
        self.inventory = inventory
        self.dialect = dialect
        self.mode = mode
        self.kept = np.zeros(len(inventory.digests), bool)
        self.bodies_here = np.full(
            len(inventory.digests) if dialect.descends else 0, ABSENT, np.int32
        )
        self.queued: list[tuple[int, Numbers]] = []
        self.doomed_links: list[tuple[int, Numbers]] = []
        self.unreadable = _unreadable(inventory, dialect)
        self.fresh: list[Numbers] = []
        self.unseen: list[Numbers] = []

    def result(self) -> Marked:
        return Marked(self.kept, self._unseen(), tuple(self.queued), tuple(self.doomed_links))

    def result_at(self, repository: int) -> Marked:
        """Take back what the repository that stops it had marked itself."""
        for marked in self.fresh:
            self.kept[marked] = False
        return Marked(self.kept, self._unseen(), stopped_at=repository)

    def _unseen(self) -> Numbers:
        return distinct(np.concatenate([_NONE, *self.unseen]))

    def stops_in(self, repository: int) -> bool:
        """Visit one repository; say whether the collection gives up there."""
        if refusal(self.inventory.repositories[repository], self.dialect):
            return True
        seen = found.manifests(self.inventory, repository, self.dialect)
        if len(seen.digests) and self._stops_at_tags(repository):
            return True
        untagged = eligible(self.inventory, repository, seen.digests, self.mode)
        if untagged.any() and self.inventory.has(repository, Folder.TAGS):
            self.queued.append((repository, seen.digests[untagged]))
        self.fresh = []
        self._keep(seen.digests[~untagged])
        unread = self._spread(repository, seen.bodies[~untagged])
        return unread or seen.stop is not None or self._stops_in_layers(repository)

    def _stops_at_tags(self, repository: int) -> bool:
        return stops_at_tags(self.inventory, repository, self.dialect, self.mode)

    def _spread(self, repository: int, bodies: Numbers) -> bool:
        """Mark what manifests refer to; say whether one of them cannot be read.

        A reference that was marked before, by whichever repository, is not followed.
        """
        paths, targets = self._linked(repository)
        self.bodies_here[paths] = targets
        unread = False
        while len(bodies):
            self.unseen.append(bodies[self.inventory.graph.rows[bodies] < 0])
            unread = unread or (len(self.unreadable) > 0 and self._cannot_read(bodies))
            fresh = self._keep(self.inventory.graph.links(bodies))
            bodies = self.bodies_here[fresh] if self.dialect.descends else fresh[:0]
            bodies = bodies[bodies != ABSENT]
        self.bodies_here[paths] = ABSENT
        return unread

    def _linked(self, repository: int) -> tuple[Numbers, Numbers]:
        """Return what a collector descends into here, and the bodies that it reads for that."""
        return found.linked(self.inventory, repository) if self.dialect.descends else (_NONE, _NONE)

    def _keep(self, digests: Numbers) -> Numbers:
        """Mark digests; return those that were not marked before."""
        fresh = distinct(digests[~self.kept[digests]])
        self.kept[fresh] = True
        self.fresh.append(fresh)
        return fresh

    def _cannot_read(self, bodies: Numbers) -> bool:
        return bool(np.isin(bodies, self.unreadable).any())

    def _stops_in_layers(self, repository: int) -> bool:
        """Note the layer links that go; say whether the walk over them gives up."""
        if not self.dialect.sweeps_layer_links:
            return False
        if not self.inventory.has(repository, Folder.LAYERS):
            return not self.dialect.flat(self.inventory)
        seen = found.layers(self.inventory, repository)
        doomed = seen.digests[~self.kept[seen.digests]]
        if len(doomed):
            self.doomed_links.append((repository, doomed))
        return seen.stop is not None


_NONE: Final = np.zeros(0, np.int32)


def _unreadable(inventory: Inventory, dialect: Dialect) -> Numbers:
    """Return the manifests at which this collector gives up."""
    faulty = [each for each in inventory.faults if dialect.fault(inventory, each)]
    return np.array(faulty, np.int32)
