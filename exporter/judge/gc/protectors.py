"""Which tags stand between a collection and somebody else's children, and where does none?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from exporter.facts.digests import Numbers
from exporter.facts.inventory import Inventory, distinct
from exporter.judge.gc.found import linked


@dataclass(frozen=True, slots=True)
class Protection:
    """A manifest that tagged indexes lead to, and the tags that point straight at it."""

    repository: int
    child: int
    """By number, as in the inventory."""
    needed_by: tuple[str, ...]
    """The tags of the indexes above it, sorted."""
    direct: tuple[str, ...]
    """The tags that point straight at it, sorted: none leaves it to the collector's mercy, and a
    single one is its sole protector."""


def protections(inventory: Inventory) -> Iterator[Protection]:
    """Yield every child that a tag of its repository leads to, repository by repository."""
    for repository in range(len(inventory.repositories)):
        yield from _in_repository(inventory, repository)


def unprotected(inventory: Inventory) -> Iterator[Protection]:
    """Yield the children that no tag points straight at."""
    return (each for each in protections(inventory) if not each.direct)


def sole_protectors(inventory: Inventory) -> Iterator[Protection]:
    """Yield the children that exactly one tag points straight at, and another tag needs."""
    return (
        each
        for each in protections(inventory)
        if len(each.direct) == 1 and each.needed_by != each.direct
    )


def _in_repository(inventory: Inventory, repository: int) -> Iterator[Protection]:
    pointed_at: dict[int, list[str]] = {}
    for name, manifest in inventory.tags.pointing(repository):
        if manifest >= 0:
            pointed_at.setdefault(manifest, []).append(name)
    held = frozenset(linked(inventory, repository)[0].tolist())
    needed: dict[int, set[str]] = {}
    for manifest, tags in pointed_at.items():
        for child in _below(inventory, manifest).tolist():
            if child in held:
                needed.setdefault(child, set()).update(tags)
    for child, above in sorted(needed.items()):
        direct = tuple(sorted(pointed_at.get(child, ())))
        yield Protection(repository, child, tuple(sorted(above)), direct)


def _below(inventory: Inventory, manifest: int) -> Numbers:
    """Return all manifests below an index, however deep it is nested, without the index."""
    found = np.array([manifest], np.int32)
    frontier = found
    while len(frontier := inventory.graph.children(frontier)):
        frontier = np.setdiff1d(frontier, found)
        found = distinct(np.concatenate([found, frontier]))
    below: Numbers = found[found != manifest]
    return below
