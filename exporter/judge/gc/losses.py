"""What would a collection break of what tags and uses need?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from exporter.facts.digests import Marks, Numbers
from exporter.facts.inventory import Inventory, distinct
from exporter.judge.gc.found import linked
from exporter.judge.gc.plan import Batch, Removal


@dataclass(frozen=True, slots=True)
class PullTarget:
    """A manifest that somebody wants to pull: a tag's, or one that is pinned by its digest."""

    repository: int
    manifest: int
    """By number, as in the inventory."""
    name: str
    """The tag; or for a pinned digest, that."""


@dataclass(frozen=True, slots=True)
class ManifestLoss:
    """A manifest at or below something wanted, that could be pulled before and not after."""

    wanted: PullTarget
    manifest: int
    """The one that breaks: the wanted one, or a child, or a child's child."""
    unlinked: bool
    """Does the repository no longer have the manifest itself?"""
    lost: Numbers
    """What of it is gone or can no longer be read through this repository."""


def tag_targets(inventory: Inventory) -> list[PullTarget]:
    """Return every tag that points at something, as what its users want."""
    return [
        PullTarget(repository, manifest, name)
        for repository in range(len(inventory.repositories))
        for name, manifest in inventory.tags.pointing(repository)
        if manifest >= 0
    ]


def losses(
    inventory: Inventory, removal: Removal, wanted: Iterable[PullTarget]
) -> list[ManifestLoss]:
    """Say what of all that is wanted a removal breaks; what was broken before is no victim."""
    loss = _Loss(inventory, removal)
    return [victim for each in wanted for victim in loss.below(each)]


class _Loss:
    """What a removal takes, ready to be asked of one manifest after the other."""

    def __init__(self, inventory: Inventory, removal: Removal) -> None:
        self._inventory = inventory
        self._gone = np.zeros(len(inventory.digests), bool)
        self._gone[removal.blobs] = True
        self._touched = _touched(inventory, removal)
        self._unlinked = {at: frozenset(digests.tolist()) for at, digests in removal.manifests}
        self._unread = dict(removal.layer_links)
        self._had: dict[int, frozenset[int]] = {}
        self._aliases: dict[int, dict[int, int]] = {}

    def below(self, wanted: PullTarget) -> list[ManifestLoss]:
        """Look at a wanted manifest and at everything below it that the repository had."""
        if not self._touched[wanted.manifest]:
            return []
        found: list[ManifestLoss] = []
        seen: set[int] = set()
        pending = [wanted.manifest]
        while pending:
            manifest = pending.pop()
            if manifest in seen or manifest not in self._manifests(wanted.repository):
                continue
            seen.add(manifest)
            one = np.array([manifest], np.int32)
            pending += self._inventory.graph.children(one).tolist()
            found += self._broken(wanted, one)
        return found

    def _broken(self, wanted: PullTarget, manifest: Numbers) -> list[ManifestLoss]:
        graph, number = self._inventory.graph, int(manifest[0])
        content = graph.links(manifest)
        if graph.rows[number] >= 0 and graph.indexes[graph.rows[number]]:
            content = content[:0]  # its children are looked at one by one
        needed = distinct(np.concatenate([manifest, self._stored_as(wanted.repository, content)]))
        unlinked = number in self._unlinked.get(wanted.repository, ())
        unread = np.isin(needed, self._unread.get(wanted.repository, manifest[:0]))
        lost = needed[self._gone[needed] | (unread & (self._inventory.sizes[needed] >= 0))]
        return [ManifestLoss(wanted, number, unlinked, lost)] if unlinked or len(lost) else []

    def _stored_as(self, repository: int, content: Numbers) -> Numbers:
        """Follow the layer links that name another digest: a blob named by sha512 is such a one."""
        names = self._aliases.get(repository)
        if names is None:
            links, at = self._inventory.layers, self._inventory.layers.of(repository)
            other = (links.paths[at] != links.targets[at]) & (links.targets[at] >= 0)
            pairs = zip(links.paths[at][other], links.targets[at][other], strict=True)
            names = self._aliases[repository] = {int(path): int(to) for path, to in pairs}
        if not names:
            return content
        return np.array([names.get(each, each) for each in content.tolist()], np.int32)

    def _manifests(self, repository: int) -> frozenset[int]:
        """Return what a repository could serve as a manifest before: linked, and stored."""
        had = self._had.get(repository)
        if had is None:
            paths, _ = linked(self._inventory, repository)
            had = self._had[repository] = frozenset(paths.tolist())
        return had


def _touched(inventory: Inventory, removal: Removal) -> Marks:
    """Mark what a removal takes somewhere, and every manifest above it: nothing else can break.

    By arrays, for all at once; whether a repository is hurt is then asked of these alone.
    """
    marks: Marks = np.zeros(len(inventory.digests), bool)
    for taken in (removal.blobs, *(digests for _, digests in _batches(removal))):
        marks[taken] = True
    layers, graph = inventory.layers, inventory.graph
    other = (layers.paths != layers.targets) & (layers.targets >= 0)
    marks[layers.paths[other]] |= marks[layers.targets[other]]
    manifests = np.flatnonzero(graph.rows >= 0)
    rows = graph.rows[manifests]
    fresh = True
    while fresh:  # one level up each time
        before = np.concatenate([[0], np.cumsum(marks[graph.targets])])
        above = manifests[(before[graph.starts[1:]] > before[graph.starts[:-1]])[rows]]
        fresh = not bool(marks[above].all())
        marks[above] = True
    return marks


def _batches(removal: Removal) -> Iterable[Batch]:
    return (*removal.manifests, *removal.layer_links)
