"""Where does one repository's hole in an index cost another repository the child?

A collector that descends does so once for each digest. Where the first repository with an index
lacks a child, that child is marked and nothing below it; when it is the turn of a repository that
has the child, nothing is looked at again (distribution 3, `markManifestReferences`).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from exporter.facts.graph import distinct
from exporter.judge.gc.found import linked
from exporter.judge.gc.order import visited

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.facts.digests import Marks, Numbers
    from exporter.facts.inventory import Inventory
    from exporter.judge.gc.dialect import Dialect


@dataclass(frozen=True, slots=True)
class Hole:
    """A child that loses its content although its repository lacks nothing."""

    repository: int
    child: int
    before: int
    """The repository that is visited earlier, and has the index but not the child."""


def sparse(inventory: Inventory, dialect: Dialect) -> Iterator[Hole]:
    """Yield every untagged child of an index that an earlier repository holds without it."""
    if not dialect.descends:
        return
    order = visited(inventory, dialect)
    shared = _shared(inventory, order)
    absent_in: dict[int, int] = {}
    for repository in order if shared.any() else ():
        held = linked(inventory, repository)[0]
        children = distinct(inventory.graph.links(held[shared[held]]))
        there = np.isin(children, held)
        tagged = inventory.tags.current[inventory.tags.of(repository)]
        for child in np.setdiff1d(children[there], tagged).tolist() if absent_in else ():
            if child in absent_in:
                yield Hole(repository, child, absent_in[child])
        for child in children[~there].tolist():
            absent_in.setdefault(child, repository)


def _shared(inventory: Inventory, repositories: list[int]) -> Marks:
    """Mark the indexes that more than one repository has."""
    counts = np.zeros(len(inventory.digests), np.int32)
    for repository in repositories:
        held: Numbers = distinct(linked(inventory, repository)[0])
        counts[held] += 1
    rows = inventory.graph.rows
    indexes = rows >= 0
    indexes[indexes] = inventory.graph.indexes[rows[indexes]]
    shared: Marks = indexes & (counts > 1)
    return shared
