"""Marking: the content of a storage that a collector keeps, repository by repository."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.facts.digests import ABSENT, Marks, Numbers, distinct
from exporter.facts.inventory import Folder, Inventory, Unlinked
from exporter.judge.gc import link_walk
from exporter.judge.gc.dialect import Dialect, Mode
from exporter.judge.gc.link_walk import refusal, visited
from exporter.judge.gc.outcome import Batch
from exporter.judge.gc.paths import ROOT, not_found

_NONE: Final = np.zeros(0, np.int32)


@dataclass(frozen=True, slots=True)
class MarkResult:
    """The result of marking."""

    kept: Marks
    """Which digests are marked, or were when it gave up."""
    unread: Numbers
    """Manifests that a collector reads and the inventory does not: they may refer to anything."""
    untagged: tuple[Batch, ...] = ()
    """Manifests to remove, in order, before any second thought."""
    layer_links: tuple[Batch, ...] = ()
    """Layer links whose digests were not marked when their repository was visited."""
    stops: tuple[str, ...] = ()
    """Why marking aborts: one text, or one of several that its order of reading decides."""


def mark(inventory: Inventory, dialect: Dialect, mode: Mode) -> MarkResult:
    """Mark all that a collector keeps; stop at the repository where it would abort."""
    marking = _Marking(inventory, dialect, mode)
    for repository in visited(inventory, dialect):
        if stops := marking.visit(repository):
            return marking.result(stops)
    return marking.result()


def eligible(inventory: Inventory, repository: int, manifests: Numbers, mode: Mode) -> Marks:
    """Mark the manifests without a tag of the repository, if that makes them removable."""
    if mode is Mode.PLAIN:
        return np.zeros(len(manifests), bool)
    return ~np.isin(manifests, inventory.tags.current[inventory.tags.of(repository)])


class _Marking:
    """Marks so far. The scratch array costs one number a digest and is put back after each use."""

    def __init__(self, inventory: Inventory, dialect: Dialect, mode: Mode) -> None:
        self.inventory = inventory
        self.dialect = dialect
        self.mode = mode
        self.kept = np.zeros(len(inventory.digests), bool)
        scratch = len(inventory.digests) if dialect.descends else 0
        self.bodies_here = np.full(scratch, ABSENT, np.int32)
        self.untagged: list[Batch] = []
        self.layer_links: list[Batch] = []
        faulty = [each for each in inventory.faults if dialect.fault(inventory, each)]
        self.faulty = np.array(faulty, np.int32)
        self.unread: list[Numbers] = [_NONE]

    def result(self, stops: tuple[str, ...] = ()) -> MarkResult:
        unread = distinct(np.concatenate(self.unread))
        return MarkResult(self.kept, unread, tuple(self.untagged), tuple(self.layer_links), stops)

    def visit(self, repository: int) -> tuple[str, ...]:
        """Visit one repository; return why the collection aborts there."""
        driver = self.inventory.driver
        if refused := refusal(self.inventory.repositories[repository], self.dialect):
            return (f"{driver}: {refused}",)
        if stops := self._manifests(repository):
            return tuple(f"{driver}: {driver}: {stop}" for stop in stops)
        return self._layers(repository) if self.dialect.sweeps_layer_links else ()

    def _manifests(self, repository: int) -> tuple[str, ...]:
        """Mark a repository's manifests and their references; return what stops that."""
        seen = link_walk.manifests(self.inventory, repository, self.dialect)
        if len(seen.digests) and (stop := self._stop_at_tags(repository, int(seen.digests[0]))):
            return (stop,)
        untagged = eligible(self.inventory, repository, seen.digests, self.mode)
        if untagged.any() and self.inventory.has(repository, Folder.TAGS):
            self.untagged.append((repository, seen.digests[untagged]))
        self._keep(seen.digests[~untagged])
        faults = self._spread(repository, seen.digests[~untagged], seen.bodies[~untagged])
        return faults or ((seen.stop.message,) if seen.stop is not None else ())

    def _stop_at_tags(self, repository: int, first: int) -> str:
        """Return why a repository's tags stop a collection that has found a manifest there."""
        if self.mode is Mode.PLAIN:
            return ""
        current = self.inventory.tags.current[self.inventory.tags.of(repository)]
        damaged = current[current < ABSENT]
        if len(damaged):
            text, why = self.inventory.digests.text(first), Unlinked(int(damaged[0])).message
            return f"failed to retrieve tags for digest {text}: {why}"
        if self.dialect.needs_tags and not self.inventory.has(repository, Folder.TAGS):
            name = self.inventory.repositories[repository]
            return f"failed to retrieve tags unknown repository name={name}"
        return ""

    def _spread(self, repository: int, digests: Numbers, bodies: Numbers) -> tuple[str, ...]:
        """Mark the references of manifests; return those that cannot be read.

        A reference that was marked before, by whichever repository, is not followed.
        """
        paths, targets = _NONE, _NONE
        if self.dialect.descends:
            paths, targets = link_walk.linked(self.inventory, repository)
        self.bodies_here[paths] = targets
        faults: list[str] = []
        while len(bodies):
            self.unread.append(bodies[self.inventory.graph.rows[bodies] < 0])
            if len(self.faulty):
                faults += self._faults(digests, bodies)
            digests = self._keep(self.inventory.graph.links(bodies))
            bodies = self.bodies_here[digests] if self.dialect.descends else digests[:0]
            digests, bodies = digests[bodies != ABSENT], bodies[bodies != ABSENT]
        self.bodies_here[paths] = ABSENT
        return tuple(faults)

    def _faults(self, digests: Numbers, bodies: Numbers) -> Iterator[str]:
        at = np.isin(bodies, self.faulty)
        for digest, body in zip(digests[at].tolist(), bodies[at].tolist(), strict=True):
            text, fault = (
                self.inventory.digests.text(digest),
                self.dialect.fault(self.inventory, body),
            )
            yield f"failed to retrieve manifest for digest {text}: {fault}"

    def _keep(self, digests: Numbers) -> Numbers:
        """Mark digests; return those that were not marked before."""
        fresh = distinct(digests[~self.kept[digests]])
        self.kept[fresh] = True
        return fresh

    def _layers(self, repository: int) -> tuple[str, ...]:
        """Note the layer links to remove; return what stops the walk over them."""
        driver = self.inventory.driver
        if not self.inventory.has(repository, Folder.LAYERS):
            path = f"{ROOT}/repositories/{self.inventory.repositories[repository]}/_layers"
            return () if self.dialect.flat(self.inventory) else (not_found(driver, path),)
        seen = link_walk.layers(self.inventory, repository)
        unmarked = seen.digests[~self.kept[seen.digests]]
        if len(unmarked):
            self.layer_links.append((repository, unmarked))
        return (f"{driver}: {driver}: {seen.stop.message}",) if seen.stop is not None else ()
