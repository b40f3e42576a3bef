"""The manifests and layer links that a collector finds in one repository, and its end.

A link file's content counts, not its path; nearly always they agree, and then arrays suffice.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from exporter.facts.digests import ABSENT, Numbers
from exporter.facts.inventory import Inventory, Links, Unlinked
from exporter.judge.gc.dialect import Dialect


@dataclass(frozen=True, slots=True)
class LinkWalk:
    """The result of one walk over link files, in its order."""

    digests: Numbers
    """The digest that each link names."""
    bodies: Numbers
    """The digest whose blob is read for it: the target of the link at the named digest's path."""
    stop: Unlinked | None = None
    """The link that ends the walk, after all of the above."""


def manifests(inventory: Inventory, repository: int, dialect: Dialect) -> LinkWalk:
    """Find the manifests of a repository, as its collector enumerates them."""
    also = inventory.layers if dialect.finds_links_among_layers else None
    return _walk(inventory, inventory.revisions, repository, also)


def layers(inventory: Inventory, repository: int) -> LinkWalk:
    """Find the layer links of a repository whose blobs are present."""
    return _walk(inventory, inventory.layers, repository, None)


def linked(inventory: Inventory, repository: int) -> tuple[Numbers, Numbers]:
    """Return the digests that a repository has as manifests, and the bodies that are read."""
    at = inventory.revisions.of(repository)
    paths, targets = inventory.revisions.paths[at], inventory.revisions.targets[at]
    there = (targets >= 0) & (inventory.sizes[targets] >= 0)
    return paths[there], targets[there]


def descend(inventory: Inventory, roots: Numbers, held: Numbers) -> tuple[Numbers, Numbers]:
    """Follow the indexes of a repository from each root down, at any depth.

    Return pairs, each once: the position of a root, and what it is or lists, held or not.
    """
    pairs = np.zeros(0, np.int64)
    owners, reached = np.arange(len(roots)), roots
    while len(fresh := np.setdiff1d((owners << 32) | reached, pairs)):
        pairs = np.union1d(pairs, fresh)
        owners, reached = fresh >> 32, fresh.astype(np.int32)  # keeps the lower half
        here = np.isin(reached, held)
        at, reached = inventory.graph.listed(reached[here])
        owners = owners[here][at]
    return (pairs >> 32).astype(np.int32), pairs.astype(np.int32)


def _walk(inventory: Inventory, links: Links, repository: int, also: Links | None) -> LinkWalk:
    at = links.of(repository)
    paths, targets = links.paths[at], links.targets[at]
    if ((paths == targets) | (targets == ABSENT)).all():
        there = targets[(targets >= 0) & (inventory.sizes[targets] >= 0)]
        return LinkWalk(there, there)
    resolve = _targets(also, repository) if also else {}
    return _follow(inventory, targets, resolve | _targets(links, repository))


def _targets(links: Links, repository: int) -> dict[int, int]:
    """Map the digests of paths to those in their files, if there is a file."""
    at = links.of(repository)
    pairs = zip(links.paths[at].tolist(), links.targets[at].tolist(), strict=True)
    return {path: target for path, target in pairs if target != ABSENT}


def _follow(inventory: Inventory, targets: Numbers, resolve: Mapping[int, int]) -> LinkWalk:
    """Follow links one by one, as `linkedBlobStore.Enumerate` and `Stat` do."""
    digests: list[int] = []
    bodies: list[int] = []
    stop = None
    for digest in targets[targets != ABSENT].tolist():
        body = resolve.get(digest, ABSENT) if digest >= 0 else digest
        if body < ABSENT:
            stop = Unlinked(body)
            break
        if body != ABSENT and inventory.sizes[body] >= 0:
            digests.append(digest)
            bodies.append(body)
    return LinkWalk(np.array(digests, np.int32), np.array(bodies, np.int32), stop)
