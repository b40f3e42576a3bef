"""Content that an inventory proves to be in a registry's storage, place by place.

A file of the stated length that is linked in its repository is what distribution serves. Nothing
is proven, and no absence is suspected, below a path that could not be listed whole.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import (
    ABSENT,
    Marks,
    Numbers,
    Rows,
    find,
    pack,
    pack_texts,
    rows_of,
)
from exporter.facts.gap import Reason, Scope
from exporter.facts.inventory import Bytes, Inventory, Links
from exporter.oci.digest import Digest
from exporter.oci.reference import Place, Repository

UNSURE: Final = -2
"""In place of a length: below a path that was not listed whole, or in an unknown state."""


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
        sizes, times = np.zeros((2, len(places)), np.int64)
        grouped: defaultdict[Repository, list[int]] = defaultdict(list)
        for at, (repository, _) in enumerate(places):
            grouped[repository].append(at)
        for repository, those in grouped.items():
            numbers = self._numbers([places[at][1] for at in those])
            sizes[those], times[those] = self._sizes(repository, numbers, links)
        return sizes, times

    def sizes_in(
        self, repository: Repository, digests: Rows, links: Links
    ) -> tuple[Bytes, NDArray[np.int64]]:
        """Return the same for sha256 digests of one repository; `ABSENT` without a link of it."""
        home = self._at.get(repository)
        every = links.paths[links.of(home)] if home is not None else links.paths[:0]
        packed = self.inventory.digests.packed
        here = np.sort(every[every < len(packed)])  # the digests ascend as their numbers do
        at = find(packed[here], digests)
        numbers = np.where(at == ABSENT, ABSENT, here[at]) if len(here) else at
        return self._sizes(repository, numbers, links)

    def _sizes(
        self, repository: Repository, numbers: Numbers, links: Links
    ) -> tuple[Bytes, NDArray[np.int64]]:
        sizes, times = np.full((2, len(numbers)), 0, np.int64)
        if self._doubts.everything or self._doubts.of(repository):
            return sizes + UNSURE, times
        home = self._at.get(repository, ABSENT)
        there = np.zeros(len(numbers), bool)
        if home != ABSENT and len(self.inventory.digests):
            targets = self._targets(home, numbers, links)
            there = targets >= 0
            sizes[there] = self.inventory.sizes[targets[there]]
            times[there] = self.inventory.modified[targets[there]]
        sizes[~there] = ABSENT
        known = numbers >= 0
        sizes[known] = np.where(self._doubts.digests[numbers[known]], UNSURE, sizes[known])
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
