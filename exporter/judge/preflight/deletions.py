"""What is left of a storage once somebody has deleted something, and what is gone by then?"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum

import numpy as np

from exporter.facts.digests import ABSENT, Marks, Numbers
from exporter.facts.inventory import Folder, Inventory, Links, Tags
from exporter.judge.gc.outcome import Removal
from exporter.judge.plans.deletion import Deletion, DeletionKind

Label = tuple[str, str]
"""A repository and a tag of it."""


class DeletionMethod(StrEnum):
    """How a deletion is carried out: not the same thing to the next collection."""

    API = "api"
    """By digest: the manifest's link goes, and every tag that points at it. By tag: the tag."""
    FOLDER = "folder"
    """A script removes folders: of a digest, its revision, and tags go on pointing at nothing."""


@dataclass(frozen=True, slots=True)
class AfterDeletion:
    """A storage after some deletions."""

    inventory: Inventory
    removal: Removal
    """What is gone already."""
    dropped: frozenset[Label]
    """Tags that are gone."""
    intended: frozenset[Label]
    """Those of them that were named: that they go hurts nobody but their users."""
    unmatched: tuple[Deletion, ...]
    """What names nothing here."""


def delete(
    inventory: Inventory, deletions: Iterable[Deletion], method: DeletionMethod
) -> AfterDeletion:
    """Carry out deletions on paper."""
    gone = _Gone(inventory, method)
    unmatched = tuple(each for each in deletions if not gone.take(each))
    return AfterDeletion(
        gone.left(), gone.removal(), frozenset(gone.dropped), frozenset(gone.intended), unmatched
    )


@dataclass(slots=True)
class _Gone:
    """What is gone so far."""

    inventory: Inventory
    method: DeletionMethod
    places: dict[str, int] = field(default_factory=dict)
    manifests: dict[int, dict[int, None]] = field(default_factory=dict)
    links: dict[int, dict[int, None]] = field(default_factory=dict)
    blobs: dict[int, None] = field(default_factory=dict)
    tags: set[int] = field(default_factory=set)
    dropped: set[Label] = field(default_factory=set)
    intended: set[Label] = field(default_factory=set)

    def __post_init__(self) -> None:
        self.places = {name: at for at, name in enumerate(self.inventory.repositories)}

    def take(self, deletion: Deletion) -> bool:
        """Carry out one; say whether there was anything to delete."""
        number = self.inventory.digests.number(deletion.digest) if deletion.digest else ABSENT
        if deletion.kind is DeletionKind.BLOB:
            return self._blob(number)
        taken = [self._in(at, deletion, number) for at in self._repositories(deletion.repository)]
        alone = (
            deletion.kind is DeletionKind.MANIFEST and not deletion.repository and not any(taken)
        )
        return any(taken) or (alone and self._blob(number))

    def _repositories(self, name: str) -> list[int]:
        """Find the repositories that are meant: tools on GitHub leave the owner out."""
        if not name:
            return list(self.places.values())
        if name in self.places:
            return [self.places[name]]
        return [at for known, at in self.places.items() if known.endswith(f"/{name}")]

    def _blob(self, number: int) -> bool:
        there = number != ABSENT and bool(self.inventory.sizes[number] >= 0)
        if there:
            self.blobs[number] = None
        return there

    def _in(self, repository: int, deletion: Deletion, number: int) -> bool:
        if deletion.kind is DeletionKind.LAYER_LINK:
            at = self.inventory.layers.of(repository)
            there = number != ABSENT and number in self.inventory.layers.paths[at]
            if there:
                self.links.setdefault(repository, {})[number] = None
            return there
        tag = self._tag(repository, deletion.tag) if deletion.tag else None
        if deletion.kind is DeletionKind.TAG:
            return self._drop(repository, tag, intended=True)
        if deletion.kind is DeletionKind.VERSION:
            number = int(self.inventory.tags.current[tag]) if tag is not None else ABSENT
        return self._manifest(repository, number, tag)

    def _tag(self, repository: int, name: str) -> int | None:
        at = self.inventory.tags.of(repository)
        names = self.inventory.tags.names[at]
        return at.start + names.index(name) if name in names else None

    def _drop(self, repository: int, tag: int | None, *, intended: bool) -> bool:
        if tag is None:
            return False
        label = (self.inventory.repositories[repository], self.inventory.tags.names[tag])
        self.tags.add(tag)
        self.dropped.add(label)
        if intended:
            self.intended.add(label)
        return True

    def _manifest(self, repository: int, number: int, named: int | None) -> bool:
        links = self.inventory.revisions
        at = links.of(repository)
        there = (links.paths[at] == number) & (links.targets[at] != ABSENT)
        if number < 0 or not there.any():
            return False
        self.manifests.setdefault(repository, {})[number] = None
        tags = self.inventory.tags
        for offset in np.flatnonzero(tags.current[tags.of(repository)] == number).tolist():
            tag = tags.of(repository).start + offset
            if self.method is DeletionMethod.API:
                self._drop(repository, tag, intended=tag == named)
        return True

    def removal(self) -> Removal:
        """Return what is gone, as a collection would say it."""
        manifests, links = (
            tuple((at, _numbers(each)) for at, each in sorted(kind.items()))
            for kind in (self.manifests, self.links)
        )
        return Removal(manifests, _numbers(self.blobs), links)

    def left(self) -> Inventory:
        """Return what is left of links and tags; blobs are taken by collections only."""
        inventory = self.inventory
        gone_tags = np.zeros(len(inventory.tags.names), bool)
        gone_tags[list(self.tags)] = True
        left = replace(
            inventory,
            revisions=self._revisions(),
            tags=_without_tags(inventory.tags, gone_tags),
        )
        return left if inventory.driver.keeps_folders else _without_empty_folders(left)

    def _revisions(self) -> Links:
        links = self.inventory.revisions
        gone = np.zeros(len(links.paths), bool)
        for repository, numbers in self.manifests.items():
            at = links.of(repository)
            gone[at] = np.isin(links.paths[at], _numbers(numbers))
        if self.method is DeletionMethod.API and self.inventory.driver.keeps_folders:
            return replace(links, targets=np.where(gone, np.int32(ABSENT), links.targets))
        starts = np.concatenate([[0], np.cumsum(~gone)])[links.starts]
        return Links(starts, links.paths[~gone], links.targets[~gone])


def _numbers(keys: dict[int, None]) -> Numbers:
    return np.array(sorted(keys), np.int32)


def _without_tags(tags: Tags, gone: Marks) -> Tags:
    counts = np.diff(tags.history_starts)
    return Tags(
        np.concatenate([[0], np.cumsum(~gone)])[tags.starts],
        tuple(name for name, away in zip(tags.names, gone.tolist(), strict=True) if not away),
        tags.current[~gone],
        np.concatenate([[0], np.cumsum(counts[~gone])]),
        tags.history[~np.repeat(gone, counts)],
    )


def _without_empty_folders(inventory: Inventory) -> Inventory:
    """An object store has no folder without a key in it."""
    revised, tagged = (np.diff(each.starts) > 0 for each in (inventory.revisions, inventory.tags))
    folders = inventory.folders & np.uint8(Folder.LAYERS)
    folders = folders | np.where(revised, np.uint8(Folder.REVISIONS), np.uint8(0))
    folders = folders | np.where(tagged, np.uint8(Folder.TAGS), np.uint8(0))
    held = np.where(revised | tagged, np.uint8(Folder.MANIFESTS), np.uint8(0))
    return replace(inventory, folders=folders | held)
