"""Simulated deletions: what they remove from a registry, and what remains."""

from abc import ABC, abstractmethod
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final

import numpy as np

from exporter.facts.digests import ABSENT, Marks, Numbers
from exporter.facts.inventory import Folder, Inventory, Links, Tags
from exporter.judge.gc.outcome import Batch, Removal
from exporter.judge.plans.deletion import Deletion, DeletionKind

Label = tuple[str, str]
"""A repository, and a tag or a digest in it."""


_CONTENT: Final = frozenset({DeletionKind.MANIFEST, DeletionKind.BLOB})


class DeletionMethod(StrEnum):
    """How a deletion is carried out: not the same thing to the next collection."""

    API = "api"
    """By digest: the manifest's link goes, and every tag that references it. By tag: the tag."""
    FOLDER = "folder"
    """A script removes folders: of a digest, its revision, and its tags are left dangling."""


@dataclass(slots=True)
class Deleted:
    """The removals of a list of deletions."""

    manifests: set[Label] = field(default_factory=set)
    layer_links: set[Label] = field(default_factory=set)
    blobs: set[str] = field(default_factory=set)
    tags: set[Label] = field(default_factory=set)
    intended: set[Label] = field(default_factory=set)
    """Tags among them that were named: only their users lose anything by that."""
    unmatched: list[Deletion] = field(default_factory=list)
    """Deletions that name nothing here."""


class RegistryContents(ABC):
    """The objects that deletions may name, in a storage or a snapshot."""

    repositories: dict[str, int]

    @abstractmethod
    def _has(self, kind: DeletionKind, repository: str, digest: str) -> bool:
        """Does the manifest or layer link exist; or, without a repository, the content?"""

    @abstractmethod
    def _digest(self, repository: str, tag: str) -> str | None:
        """Return what a tag references, empty if it is damaged; None if there is no such tag."""

    @abstractmethod
    def _tags(self, repository: str, digest: str) -> Iterable[str]:
        """Return the tags that reference a manifest."""

    def delete(self, deletions: Iterable[Deletion], method: DeletionMethod) -> Deleted:
        """Carry out deletions; one without a repository is meant wherever its digest is."""
        deleted = Deleted()
        for each in deletions:
            places = self._places(each)
            found = [self._delete_in(place, each, method, deleted) for place in places]
            loose = not each.repository and each.kind in _CONTENT
            if not any(found) and loose and self._has(each.kind, "", each.digest):
                deleted.blobs.add(each.digest)
            elif not any(found):
                deleted.unmatched.append(each)
        return deleted

    def _places(self, deletion: Deletion) -> Iterable[str]:
        """Return the repositories that are meant: tools on GitHub leave the owner out."""
        name = deletion.repository
        if deletion.kind is DeletionKind.BLOB:
            return ()
        if name in self.repositories:
            return (name,)
        return [each for each in self.repositories if not name or each.endswith(f"/{name}")]

    def _delete_in(
        self, place: str, deletion: Deletion, method: DeletionMethod, deleted: Deleted
    ) -> bool:
        """Simulate one deletion in one repository; return whether there was anything to delete."""
        kind, digest, tag = deletion.kind, deletion.digest, deletion.tag
        if kind is DeletionKind.TAG:
            there = self._digest(place, tag) is not None
            deleted.tags |= {(place, tag)} if there else set()
            deleted.intended |= {(place, tag)} if there else set()
            return there
        if kind is DeletionKind.VERSION:
            kind, digest = DeletionKind.MANIFEST, self._digest(place, tag) or ""
        if not digest or not self._has(kind, place, digest):
            return False
        if kind is DeletionKind.LAYER_LINK:
            deleted.layer_links.add((place, digest))
            return True
        deleted.manifests.add((place, digest))
        if method is DeletionMethod.API:
            tags = {(place, name) for name in self._tags(place, digest)}
            deleted.tags |= tags
            deleted.intended |= tags & {(place, tag)}
        return True


class StorageContents(RegistryContents):
    """The content of a storage."""

    def __init__(self, inventory: Inventory) -> None:
        self.inventory = inventory
        self.repositories = {name: at for at, name in enumerate(inventory.repositories)}

    def _has(self, kind: DeletionKind, repository: str, digest: str) -> bool:
        number = self.inventory.digests.number(digest)
        if number == ABSENT or not repository:
            return number != ABSENT and bool(self.inventory.sizes[number] >= 0)
        revisions = kind is DeletionKind.MANIFEST
        links = self.inventory.revisions if revisions else self.inventory.layers
        at = links.of(self.repositories[repository])
        there = links.paths[at] == number
        return bool((there & (links.targets[at] != ABSENT) if revisions else there).any())

    def _digest(self, repository: str, tag: str) -> str | None:
        at = self.inventory.tags.of(self.repositories[repository])
        names = self.inventory.tags.names[at]
        if tag not in names:
            return None
        number = int(self.inventory.tags.current[at][names.index(tag)])
        return self.inventory.digests.text(number) if number >= 0 else ""

    def _tags(self, repository: str, digest: str) -> Iterable[str]:
        at = self.inventory.tags.of(self.repositories[repository])
        named = self.inventory.tags.current[at] == self.inventory.digests.number(digest)
        return [self.inventory.tags.names[at][each] for each in np.flatnonzero(named).tolist()]

    def removal(self, deleted: Deleted) -> Removal:
        """Return the removals, in the form of a collection's."""
        number = self.inventory.digests.number
        blobs = np.array(sorted(map(number, deleted.blobs)), np.int32)
        return Removal(self._batches(deleted.manifests), blobs, self._batches(deleted.layer_links))

    def _batches(self, labels: Iterable[Label]) -> tuple[Batch, ...]:
        grouped: dict[int, set[int]] = {}
        for repository, digest in labels:
            number = self.inventory.digests.number(digest)
            grouped.setdefault(self.repositories[repository], set()).add(number)
        return tuple((at, np.array(sorted(grouped[at]), np.int32)) for at in sorted(grouped))

    def without(self, deleted: Deleted, method: DeletionMethod) -> Inventory:
        """Return the remaining links and tags; only collections remove blobs."""
        inventory = self.inventory
        removed = np.zeros(len(inventory.tags.names), bool)
        for repository in {repository for repository, _ in deleted.tags}:
            at = self.repositories[repository]
            names = inventory.tags.named(at)
            removed[inventory.tags.of(at)] = [(repository, name) in deleted.tags for name in names]
        manifests = dict(self._batches(deleted.manifests))
        keeps_folders = inventory.driver.keeps_folders
        left = replace(
            inventory,
            revisions=_without_links(
                inventory.revisions,
                manifests,
                emptied=method is DeletionMethod.API and keeps_folders,
            ),
            tags=_without_tags(inventory.tags, removed),
        )
        return left if keeps_folders else _without_empty_folders(left)


def _without_links(links: Links, removed: dict[int, Numbers], *, emptied: bool) -> Links:
    """Remove links by repository; or only empty their folders."""
    marks = np.zeros(len(links.paths), bool)
    for repository, numbers in removed.items():
        at = links.of(repository)
        marks[at] = np.isin(links.paths[at], numbers)
    if emptied:
        return replace(links, targets=np.where(marks, np.int32(ABSENT), links.targets))
    starts = np.concatenate([[0], np.cumsum(~marks)])[links.starts]
    return Links(starts, links.paths[~marks], links.targets[~marks])


def _without_tags(tags: Tags, removed: Marks) -> Tags:
    counts = np.diff(tags.history_starts)
    return Tags(
        np.concatenate([[0], np.cumsum(~removed)])[tags.starts],
        tuple(name for name, away in zip(tags.names, removed.tolist(), strict=True) if not away),
        tags.current[~removed],
        np.concatenate([[0], np.cumsum(counts[~removed])]),
        tags.history[~np.repeat(removed, counts)],
    )


def _without_empty_folders(inventory: Inventory) -> Inventory:
    """An object store has no folder without a key in it."""
    revised, tagged = (np.diff(each.starts) > 0 for each in (inventory.revisions, inventory.tags))
    folders = inventory.folders & np.uint8(Folder.LAYERS)
    folders = folders | np.where(revised, np.uint8(Folder.REVISIONS), np.uint8(0))
    folders = folders | np.where(tagged, np.uint8(Folder.TAGS), np.uint8(0))
    held = np.where(revised | tagged, np.uint8(Folder.MANIFESTS), np.uint8(0))
    return replace(inventory, folders=folders | held)
