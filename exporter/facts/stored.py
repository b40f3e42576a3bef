"""Content that an inventory proves to be in a registry's storage, place by place.

A file of the stated length that is linked in its repository is what distribution serves. Nothing
is proven, and no absence is suspected, below a path that could not be listed whole.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import ABSENT, Marks, Numbers, find, pack, pack_texts, rows_of
from exporter.facts.gap import Reason, Scope
from exporter.facts.inventory import Bytes, Inventory, Links
from exporter.oci.digest import Digest
from exporter.oci.reference import Place, Repository

UNSURE: Final = -2
"""In place of a length: below a path that was not listed whole, or in an unknown state."""
_STRIDE: Final = 500_000
"""Places that are looked up at a time: bounds the memory that it takes."""


@dataclass(frozen=True, slots=True)
class _Doubts:
    """Where a listing was not whole."""

    everything: bool
    repositories: tuple[str, ...]
    """A repository, or a folder of repositories."""
    digests: Marks

    def of(self, repository: str) -> bool:
        """May a repository have more or other links than were listed?"""
        return any(
            repository == each or repository.startswith(f"{each}/") for each in self.repositories
        )


@dataclass(slots=True)
class Stored:
    """An inventory, asked by place."""

    inventory: Inventory
    _at: dict[str, int] = field(init=False)
    _doubts: _Doubts = field(init=False)

    def __post_init__(self) -> None:
        """Number the repositories, and note where the listing was not whole."""
        self._at = {name: at for at, name in enumerate(self.inventory.repositories)}
        self._doubts = _doubts(self.inventory)

    def sizes(self, places: Sequence[Place], links: Links) -> tuple[Bytes, NDArray[np.int64]]:
        """Return the bytes of each place's file, and when it was written.

        `ABSENT` where there is no file, or no such link in the repository; `UNSURE` where that is
        not known. Times are nanoseconds since the epoch.
        """
        sizes = np.full(len(places), UNSURE, np.int64)
        times = np.zeros(len(places), np.int64)
        for start in range(0, 0 if self._doubts.everything else len(places), _STRIDE):
            part = slice(start, start + _STRIDE)
            sizes[part], times[part] = self._sizes(places[part], links)
        return sizes, times

    def _sizes(self, places: Sequence[Place], links: Links) -> tuple[Bytes, NDArray[np.int64]]:
        if not len(self.inventory.digests):
            return np.full(len(places), ABSENT), np.zeros(len(places), np.int64)
        numbers = self._numbers([digest for _, digest in places])
        homes = np.array([self._at.get(repository, ABSENT) for repository, _ in places], np.int32)
        targets = np.full(len(places), ABSENT, np.int32)
        order = np.argsort(homes, kind="stable")
        names, starts = np.unique(homes[order], return_index=True)
        for home, these in zip(names.tolist(), np.split(order, starts[1:]), strict=True):
            if home != ABSENT:
                targets[these] = self._targets(home, numbers[these], links)
        there = targets >= 0
        sizes = np.where(there, self.inventory.sizes[targets], ABSENT)
        times = np.where(there, self.inventory.modified[targets], 0)
        sizes[(numbers >= 0) & self._doubts.digests[numbers]] = UNSURE
        if self._doubts.repositories:
            doubted = [self._doubts.of(repository) for repository, _ in places]
            sizes[np.array(doubted, bool)] = UNSURE
        return sizes, times

    def _targets(self, home: int, numbers: Numbers, links: Links) -> Numbers:
        """Return the digests whose files hold some digests' bytes, as one repository links them.

        The same digest; but distribution keeps content under its sha256, whatever names it.
        """
        here = links.of(home)
        paths, named = links.paths[here], links.targets[here]
        if not len(paths):
            return np.full(len(numbers), ABSENT, np.int32)
        order = np.argsort(paths, kind="stable")
        at = np.searchsorted(paths[order], numbers)
        at[at == len(paths)] = 0
        at = order[at]
        target = named[at]
        foreign = numbers >= len(self.inventory.digests.packed)
        hit = (paths[at] == numbers) & ((target == numbers) | (foreign & (target >= 0)))
        return np.where(hit, target, ABSENT).astype(np.int32)

    def _numbers(self, digests: Sequence[Digest]) -> Numbers:
        packed = pack_texts(digests)
        if packed is not None:
            return find(self.inventory.digests.packed, rows_of(packed))
        return np.array([self.inventory.digests.number(each) for each in digests], np.int32)

    def tags(self, repository: Repository) -> dict[str, str | None] | None:
        """Return what each tag of a repository names, None for one that names nothing.

        None where not all of its tags are known.
        """
        if self._doubts.everything or self._doubts.of(repository):
            return None
        at = self._at.get(repository)
        if at is None:
            return {}
        digests = self.inventory.digests
        return {
            name: digests.text(manifest) if manifest >= 0 else None
            for name, manifest in self.inventory.tags.pointing(at)
        }


def _doubts(inventory: Inventory) -> _Doubts:
    digests = np.zeros(len(inventory.digests), bool)
    repositories: list[str] = []
    # What is asked here is asked of distribution's links.
    everything = bool(inventory.layouts) or not (inventory.has_blobs and inventory.has_repositories)
    for gap in inventory.gaps:
        top, _, rest = gap.subject.partition("/")
        if gap.scope is not Scope.OBJECT:
            everything = True
        elif top == "repositories" and rest:
            if gap.reason is not Reason.MALFORMED:  # what is malformed was seen, and proves nothing
                repositories.append(rest.partition("/_")[0])
        elif not _doubt_blobs(inventory, gap.subject, digests):
            everything = True
    return _Doubts(everything, tuple(dict.fromkeys(repositories)), digests)


def _doubt_blobs(inventory: Inventory, subject: str, digests: Marks) -> bool:
    """Mark the blobs below a path; return whether the path identifies them."""
    parts = subject.removeprefix("blobs/sha256/").split("/")
    letters = parts[0]
    if not subject.startswith("blobs/sha256/") or len(letters) != len("ab"):
        return False
    if len(parts) > 1:
        number = inventory.digests.number(f"sha256:{parts[1]}")
        if number != ABSENT:
            digests[number] = True
        return True
    ends = (pack([letters + end * 62]) for end in "0f")
    first, last = (None if end is None else rows_of(end) for end in ends)
    if first is None or last is None:
        return False
    packed = inventory.digests.packed
    start, stop = np.searchsorted(packed, first)[0], np.searchsorted(packed, last, "right")[0]
    digests[start:stop] = True
    return True
