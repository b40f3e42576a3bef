"""A collector's walk: the repositories it visits, and the manifests and links it finds in each.

A link file's content counts, not its path; nearly always they agree, and then arrays suffice.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from exporter.facts.digests import ABSENT, Numbers
from exporter.facts.inventory import Folder, Inventory, Links, Unlinked
from exporter.judge.gc.dialect import Dialect

_PART: Final = r"[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*"
_HOST: Final = r"(?:[a-zA-Z0-9]|[a-zA-Z0-9][a-zA-Z0-9-]*[a-zA-Z0-9])"
_DOMAIN: Final = rf"(?:{_HOST}(?:\.{_HOST})*|\[[a-fA-F0-9:]+\])(?::[0-9]+)?"
_NAME: Final = re.compile(rf"(?:(?P<domain>{_DOMAIN})/)?(?P<path>{_PART}(?:/{_PART})*)")
_PATH: Final = re.compile(r"[A-Za-z0-9._/-]+")
_LONGEST: Final = 255
_FOLDER_NAMES: Final = {Folder.LAYERS: "_layers", Folder.MANIFESTS: "_manifests"}


def visited(inventory: Inventory, dialect: Dialect) -> list[int]:
    """Return the repositories that a collector visits, by number, in its order.

    A walk goes folder by folder, so `foo/1bar` comes before `foo` (its marker begins with `_`) and
    `foo/bar` after it; a flat listing of keys puts `foo-bar` before `foo`.
    """
    marker = _FOLDER_NAMES[dialect.marker]
    flat = dialect.flat(inventory)

    def place(repository: int) -> tuple[bytes, ...]:
        path = f"{inventory.repositories[repository]}/{marker}".encode("utf-8", "surrogateescape")
        return (path + b"/",) if flat else tuple(path.split(b"/"))

    marked = inventory.folders & dialect.marker
    return sorted((int(each) for each in marked.nonzero()[0]), key=place)


def refusal(name: str, dialect: Dialect) -> str:
    """Return the error with which a collector refuses a repository's name; empty if it does not.

    Source: distribution/reference, `WithName`; and the storage drivers' `PathRegexp`, which knows
    no colon although a name may begin with `host:port`.
    """
    match = _NAME.fullmatch(name)
    whole = dialect.counts_whole_name
    if len(name if whole else match["path"] if match else "") > _LONGEST:
        too_long = f"repository name must not be more than {_LONGEST} characters"
        return f"failed to parse repo name {name}: {too_long}"
    if not match:
        return f"failed to parse repo name {name}: invalid reference format"
    if not _PATH.fullmatch(name):
        path = f"/docker/registry/v2/repositories/{name}/_manifests/revisions"
        return f"invalid path: {path}"
    return ""


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
