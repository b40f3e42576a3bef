"""Where does one repository's hole in an index cost another repository the child?

A collector that descends does so once for each digest. Where the first repository to reach a child
lacks it, the child is marked and nothing below it; when it is the turn of a repository that has the
child, nothing is looked at again (distribution 3, `markManifestReferences`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.facts.digests import Numbers
from exporter.facts.inventory import Inventory, distinct
from exporter.judge.gc.dialect import Dialect
from exporter.judge.gc.found import linked
from exporter.judge.gc.order import visited

_UNREACHED: Final = -1
_FOLLOWED: Final = -2


@dataclass(frozen=True, slots=True)
class Hole:
    """A child that loses its content although its repository lacks nothing."""

    repository: int
    child: int
    before: int
    """The repository that is visited earlier, and has an index of the child but not the child."""


def sparse(inventory: Inventory, dialect: Dialect) -> Iterator[Hole]:
    """Yield every untagged child that an earlier repository reached without having it."""
    if not dialect.descends:
        return
    first = np.full(len(inventory.digests), _UNREACHED, np.int32)
    for repository in visited(inventory, dialect):
        held = linked(inventory, repository)[0]
        tagged = inventory.tags.current[inventory.tags.of(repository)]
        tagged = tagged[np.isin(tagged, held)]
        first[tagged] = _FOLLOWED  # by itself, whoever reached it before
        children = _below(inventory, tagged, held)
        there = np.isin(children, held)
        for child in children[there & (first[children] >= 0)].tolist():
            yield Hole(repository, child, int(first[child]))
        fresh = first[children] == _UNREACHED
        first[children[fresh & there]] = _FOLLOWED
        first[children[fresh & ~there]] = repository


def _below(inventory: Inventory, tagged: Numbers, held: Numbers) -> Numbers:
    """Return what tags lead to through indexes that the repository has."""
    found = tagged[:0]
    children = distinct(inventory.graph.children(tagged))
    while len(frontier := np.setdiff1d(children, found)):
        found = np.union1d(found, frontier).astype(np.int32)
        children = distinct(inventory.graph.children(frontier[np.isin(frontier, held)]))
    return found
