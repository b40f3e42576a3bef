"""The simulation of zot's own collector: what it removes from each repository.

Source: zot v2.1.20, pkg/storage/gc/gc.go and pkg/storage/common/common.go. Retention policies are
off: without them nothing that a tag references is removed, unless it is damaged already.
"""

from collections.abc import Iterator

import numpy as np

from exporter.facts.digests import ABSENT, Numbers, distinct
from exporter.facts.inventory import Graph, Inventory, Layouts
from exporter.judge.gc.dialect import ZOT, Mode
from exporter.judge.gc.outcome import Completed, Removal

_EVER = 2**62


def collected(inventory: Inventory, layouts: Layouts, mode: Mode, before: int = _EVER) -> Completed:
    """Return what collections remove in the end: young content gets old.

    `Mode.PLAIN` is its setting `deleteUntagged: false`. With `before`, in nanoseconds since the
    epoch, only what was written until then is old enough.
    """
    entries, files = [], []
    for run in _runs(inventory, layouts, before):
        if run.gives_up(mode):
            continue
        kept = run.kept_entries(mode)
        entries.append((run.repository, run.entries[~np.isin(run.entries, kept)]))
        files.append((run.repository, run.unreferenced(kept)))
    gone = _gone(inventory, (numbers for _, numbers in files))
    kept_somewhere = inventory.stored.copy()
    kept_somewhere[gone] = False
    removal = Removal(
        tuple((at, numbers) for at, numbers in entries if len(numbers)),
        gone,
        tuple((at, numbers) for at, numbers in files if len(numbers)),
    )
    return Completed(ZOT, mode, kept_somewhere, removal)


def giving_up(inventory: Inventory, layouts: Layouts, mode: Mode) -> Iterator[int]:
    """Yield the repositories in which a collection always aborts, and removes nothing."""
    for run in _runs(inventory, layouts, _EVER):
        if run.gives_up(mode):
            yield run.repository


def _runs(inventory: Inventory, layouts: Layouts, before: int) -> Iterator["_Run"]:
    for repository in range(len(inventory.repositories)):
        yield _Run(inventory, layouts, repository, before)


class _Run:
    """The collection of one repository."""

    def __init__(
        self, inventory: Inventory, layouts: Layouts, repository: int, before: int
    ) -> None:
        self.repository = repository
        self._stuck = repository in layouts.stuck
        self._graph, self._referrers = inventory.graph, layouts.referrers
        at = inventory.layers.of(repository)
        self._there = inventory.layers.paths[at]
        self._young = self._there[layouts.modified[at] > before]
        self.entries = inventory.revisions.paths[inventory.revisions.of(repository)]
        self._tagged = inventory.tags.current[inventory.tags.of(repository)]

    def gives_up(self, mode: Mode) -> bool:
        """Does it abort before it removes any file?

        It does at a manifest that does not parse; and at an untagged one to be removed that has no
        file, since that has no age (`isBlobOlderThan`).
        """
        known = np.union1d(self._spared(mode), self._there)
        return self._stuck or not np.isin(self.entries, known).all()

    def _spared(self, mode: Mode) -> Numbers:
        """Return the entries that are no untagged manifests to be removed.

        Those go, one after the other, until each that is left is listed by an index, has a subject
        or is young (`removeManifestsPerRepoPolicy`).
        """
        if mode is Mode.PLAIN:
            return self.entries
        spared = np.isin(self.entries, self._referrers) & np.isin(self.entries, self._there)
        spared |= np.isin(self.entries, self._young) | np.isin(self.entries, self._tagged)
        listed = _descended(self._graph, self.entries[spared], self._there)
        return self.entries[np.isin(self.entries, listed)]

    def kept_entries(self, mode: Mode) -> Numbers:
        """Return the entries that stay in its `index.json`.

        Of the spared ones those go that have no file, and indexes without a child that has one
        (`removeStaleManifestEntries`), with a tag or without.
        """
        kept = self._spared(mode)
        kept = kept[np.isin(kept, self._there)]
        positions, children = self._graph.listed(kept)
        listing, living = np.unique(positions), np.unique(positions[np.isin(children, self._there)])
        return np.delete(kept, np.setdiff1d(listing, living))

    def unreferenced(self, kept: Numbers) -> Numbers:
        """Return the files that go: nothing that is kept references them, and they are old."""
        needed = _descended(self._graph, kept, self._there, whole=True)
        return self._there[~np.isin(self._there, needed) & ~np.isin(self._there, self._young)]


def _descended(graph: Graph, roots: Numbers, there: Numbers, *, whole: bool = False) -> Numbers:
    """Return the manifests below roots, themselves included; `whole`: with their content.

    What has no file of its own in the repository leads no further.
    """
    found = frontier = distinct(roots[roots >= 0])
    while len(frontier):
        manifests = frontier[np.isin(frontier, there)]
        links = graph.links(manifests) if whole else graph.listed(manifests)[1]
        frontier = np.setdiff1d(links[links > ABSENT], found).astype(np.int32)
        found = np.union1d(found, frontier).astype(np.int32)
    return found


def _gone(inventory: Inventory, removed: Iterator[Numbers]) -> Numbers:
    """Return the digests that have a file in no repository."""
    left = np.bincount(inventory.layers.paths, minlength=len(inventory.digests))
    for numbers in removed:
        left[numbers] -= 1
    return np.flatnonzero(inventory.stored & (left <= 0)).astype(np.int32)
