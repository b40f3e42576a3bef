"""What does content refer to, what can be reached from it, and what is reached from one side only?

Edges are arrays of numbers: a million manifests over twenty million blobs fit into a gigabyte.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import Marks, Numbers


@dataclass(frozen=True, slots=True)
class Graph:
    """Manifests and their references, by number."""

    rows: Numbers
    """Of each digest: its row among the manifests, or below zero for anything else."""
    starts: NDArray[np.int64]
    """Where each row's references begin; one more entry marks the end of the last."""
    targets: Numbers
    """All references, in the order written, repeats and all."""
    indexes: Marks
    """Of each row: does it list manifests rather than layers?"""

    def links(self, manifests: Numbers) -> Numbers:
        """Return what some manifests refer to, one after the other, in order."""
        rows = self.rows[manifests]
        rows = rows[rows >= 0]
        first = self.starts[rows]
        counts = self.starts[rows + 1] - first
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        found: Numbers = self.targets[np.arange(total) + np.repeat(first - (ends - counts), counts)]
        return found

    def children(self, manifests: Numbers) -> Numbers:
        """Return what the indexes among some manifests list."""
        rows = self.rows[manifests]
        listed = manifests[rows >= 0][self.indexes[rows[rows >= 0]]]
        return self.links(listed)

    def reach(self, roots: Numbers) -> Marks:
        """Mark everything that roots lead to, themselves included, however deep."""
        marked = np.zeros(len(self.rows), bool)
        frontier = roots[roots >= 0]
        while len(frontier):
            marked[frontier] = True
            found = self.links(frontier)
            frontier = distinct(found[~marked[found]])
        return marked


def distinct(numbers: Numbers) -> Numbers:
    """Sort numbers and drop repeats; much quicker than `np.unique` on many."""
    ordered = np.sort(numbers)
    fresh = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return ordered[fresh]
