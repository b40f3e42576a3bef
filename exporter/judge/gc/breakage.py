"""The images that a removal breaks, and the tags that alone prevent that."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from exporter.facts.digests import Marks, Numbers, distinct
from exporter.facts.inventory import Graph, Inventory
from exporter.judge.gc.link_walk import descend, linked
from exporter.judge.gc.outcome import Removal


@dataclass(frozen=True, slots=True)
class PullTarget:
    """A manifest that may be pulled: a tag's, or one that is pinned by digest."""

    repository: int
    manifest: int
    """By number, as in the inventory."""
    name: str
    """The tag; or for a pinned digest, that."""


@dataclass(frozen=True, slots=True)
class ManifestLoss:
    """A manifest at or below a target that could be pulled before and not after."""

    target: PullTarget
    manifest: int
    """The one that breaks: the target's own, or a child, or a child's child."""
    unlinked: bool
    """Does the repository no longer have the manifest itself?"""
    lost: Numbers
    """Its content that is removed, or not readable through this repository any more."""


def tag_targets(inventory: Inventory) -> list[PullTarget]:
    """Return every tag that names a digest, as a target of pulls."""
    return [
        PullTarget(repository, manifest, name)
        for repository in range(len(inventory.repositories))
        for name, manifest in inventory.tags.pointing(repository)
        if manifest >= 0
    ]


def losses(
    inventory: Inventory, removal: Removal, targets: Iterable[PullTarget]
) -> Iterator[ManifestLoss]:
    """Yield the targets that a removal breaks, without those that were broken before."""
    touched = _touched(inventory, removal)
    grouped: dict[int, list[PullTarget]] = defaultdict(list)
    for each in targets:
        if touched[each.manifest]:
            grouped[each.repository].append(each)
    loss = _Loss(inventory, removal)
    for repository, here in grouped.items():
        yield from loss.of(repository, here)


def sole_protectors(inventory: Inventory) -> Counter[tuple[str, str]]:
    """Count, by repository and tag, the children that only it names and another tag needs."""
    found: Counter[tuple[str, str]] = Counter()
    for at, repository in enumerate(inventory.repositories):
        tags: dict[int, list[str]] = defaultdict(list)
        for tag, manifest in inventory.tags.pointing(at):
            tags[manifest].append(tag)
        roots = np.array([each for each in tags if each >= 0], np.int32)
        held = linked(inventory, at)[0]
        owners, children = descend(inventory, roots, held)
        needed = distinct(children[(roots[owners] != children) & np.isin(children, held)])
        found.update(
            (repository, tags[child][0])
            for child in needed.tolist()
            if len(tags.get(child, ())) == 1
        )
    return found


def lacking_content(inventory: Inventory) -> int:
    """Count the tags that reference content that the storage does not have, at whatever depth.

    Not each of them is broken: an index may lack a platform that nobody needs.
    """
    graph, sizes = inventory.graph, inventory.sizes
    layers = inventory.layers
    gone = sizes < 0
    gone[layers.paths[(layers.paths != layers.targets) & (layers.targets >= 0)]] = False
    hollow = _referring(graph, gone) & ~graph.indexes
    hollow = np.append(hollow, False)  # of what is no manifest
    found = 0
    for at in range(len(inventory.repositories)):
        roots = inventory.tags.current[inventory.tags.of(at)]
        roots = roots[roots >= 0]
        held = linked(inventory, at)[0]
        owners, reached = descend(inventory, roots, held)
        there = np.isin(reached, held)
        linked_layers = layers.paths[layers.of(at)]
        if inventory.layouts:  # each repository has files of its own
            hollow = _hollow(graph, reached[there], linked_layers)
        unlinked = ~np.isin(reached, linked_layers)  # an index may list blobs
        lacking = np.where(there, hollow[graph.rows[reached]], unlinked | gone[reached])
        found += len(np.unique(owners[lacking]))
    return found


def _hollow(graph: Graph, manifests: Numbers, files: Numbers) -> Marks:
    """Mark the rows of images that lack a file of the repository that is theirs."""
    hollow = np.zeros(len(graph.indexes) + 1, bool)
    for each in distinct(manifests):
        row = graph.rows[each]
        if row >= 0 and not graph.indexes[row]:
            hollow[row] = not np.isin(graph.links(each[None]), files).all()
    return hollow


class _Loss:
    """The removed content, by repository."""

    def __init__(self, inventory: Inventory, removal: Removal) -> None:
        self._inventory = inventory
        self._removed = np.zeros(len(inventory.digests), bool)
        self._removed[removal.blobs] = True
        self._unlinked = dict(removal.manifests)
        self._unread = dict(removal.layer_links)

    def of(self, repository: int, targets: Sequence[PullTarget]) -> Iterator[ManifestLoss]:
        held = linked(self._inventory, repository)[0]
        roots = np.array([each.manifest for each in targets], np.int32)
        owners, manifests = descend(self._inventory, roots, held)
        there = np.isin(manifests, held)
        owners, manifests = owners[there], manifests[there]
        order = np.lexsort((manifests, manifests != roots[owners], owners))  # a target's own first
        unlinked = frozenset(self._unlinked.get(repository, roots[:0]).tolist())
        lost = self._lost(repository, distinct(manifests))
        for at, manifest in zip(owners[order].tolist(), manifests[order].tolist(), strict=True):
            if manifest in unlinked or manifest in lost:
                taken = lost.get(manifest, manifests[:0])
                yield ManifestLoss(targets[at], manifest, manifest in unlinked, taken)

    def _lost(self, repository: int, manifests: Numbers) -> dict[int, Numbers]:
        """Return the content that a pull loses, by manifest; children have entries of their own."""
        graph, sizes = self._inventory.graph, self._inventory.sizes
        rows = graph.rows[manifests]
        images = manifests[(rows >= 0) & ~graph.indexes[rows]]
        below = self._renamed(repository, graph.links(images))
        rows = graph.rows[images]
        needed = np.concatenate([manifests, below])
        counts = graph.starts[rows + 1] - graph.starts[rows]
        owners = np.concatenate([manifests, np.repeat(images, counts)])
        links = self._unread.get(repository, manifests[:0])
        gone = self._removed[needed] | (np.isin(needed, links) & (sizes[needed] >= 0))
        pairs = distinct(np.stack([owners[gone], needed[gone]], 1).astype(">i4").view("S8")[:, 0])
        owners, needed = pairs.view(">i4").reshape(-1, 2).astype(np.int32).T
        names, starts = np.unique(owners, return_index=True)
        parts = np.split(needed, starts[1:])  # of nothing, one that is empty
        return dict(zip(names.tolist(), parts, strict=False))

    def _renamed(self, repository: int, links: Numbers) -> Numbers:
        """Return the files of the layers that a repository's manifests name."""
        aliases = self._aliases(repository)
        if not aliases:
            return links
        return np.array([aliases.get(each, each) for each in links.tolist()], np.int32)

    def _aliases(self, repository: int) -> dict[int, int]:
        """Map layer links to the other digest that they name: blobs named by sha512 have such."""
        links, at = self._inventory.layers, self._inventory.layers.of(repository)
        other = (links.paths[at] != links.targets[at]) & (links.targets[at] >= 0)
        pairs = zip(links.paths[at][other].tolist(), links.targets[at][other].tolist(), strict=True)
        return dict(pairs)


def _touched(inventory: Inventory, removal: Removal) -> Marks:
    """Mark all removed content, and every manifest above it: nothing else can break.

    By arrays, for all at once; the walk of a repository's tags is then only for these.
    """
    marks: Marks = np.zeros(len(inventory.digests), bool)
    marks[removal.blobs] = True
    for _, taken in (*removal.manifests, *removal.layer_links):
        marks[taken] = True
    layers, graph = inventory.layers, inventory.graph
    other = (layers.paths != layers.targets) & (layers.targets >= 0)
    marks[layers.paths[other]] |= marks[layers.targets[other]]
    manifests = np.flatnonzero(graph.rows >= 0)
    rows = graph.rows[manifests]
    fresh = True
    while fresh:  # one level up each time
        above = manifests[_referring(graph, marks)[rows]]
        fresh = not bool(marks[above].all())
        marks[above] = True
    return marks


def _referring(graph: Graph, marks: Marks) -> Marks:
    """Mark the rows of manifests that reference anything marked."""
    before = np.zeros(len(graph.targets) + 1, np.int32)
    np.cumsum(marks[graph.targets], out=before[1:])
    found: Marks = before[graph.starts[1:]] > before[graph.starts[:-1]]
    return found
