"""Rows of the export: of an audit's snapshot one by one, of a storage as whole columns."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import ABSENT, Halves, Numbers, join_key, join_keys, unpacked
from exporter.facts.gap import Reason
from exporter.facts.inventory import Inventory
from exporter.facts.snapshot import Root, Snapshot, stated_sizes, unread_manifests
from exporter.judge.protection import Protection
from exporter.judge.reachability import resolved_tags
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository

Row = tuple[object, ...]
Columns = tuple[Any, ...]
"""One value for each column of a table: an array, or a list, all of the same length."""

_NO_KEY: Final = (None, None)
_STRIDE: Final = 1 << 20
"""Rows of a storage that are made at a time: bounds the memory that an export takes."""


def of_snapshot(snapshot: Snapshot) -> Mapping[str, Iterator[Row]]:
    """Return the rows of every table, in the order of its columns."""
    return {
        "repositories": _repositories(snapshot),
        "tags": _tags(snapshot),
        "manifests": _manifests(snapshot),
        "blobs": _blobs(snapshot),
        "edges": _edges(snapshot),
        "uses": _uses(snapshot),
        "gaps": ((gap.scope, gap.subject, gap.reason, gap.detail) for gap in snapshot.gaps),
    }


def of_storage(inventory: Inventory) -> Mapping[str, Iterator[Columns]]:
    """Return the columns of every table, some rows at a time: 20 million blobs are no loop."""
    high, low = join_keys(inventory.digests)
    return {
        "stored_tags": _stored_tags(inventory, high, low),
        "stored_revisions": _stored_revisions(inventory, high, low),
        "stored_blobs": _stored_blobs(inventory, high, low),
        "stored_edges": _stored_edges(inventory, high, low),
        "stored_uploads": _stored_uploads(inventory),
    }


def _repositories(snapshot: Snapshot) -> Iterator[Row]:
    looked_at = {*snapshot.listed, *(root.repository for root in _asked(snapshot))}
    for repository in sorted(looked_at):
        yield repository, snapshot.listed.get(repository), repository in snapshot.sealed


def _asked(snapshot: Snapshot) -> Iterator[Root]:
    """Yield the roots that were requested: none in a pull-through cache."""
    return (root for root in snapshot.roots if not snapshot.is_proxied(root.repository))


def _tags(snapshot: Snapshot) -> Iterator[Row]:
    for root in _asked(snapshot):
        halves = join_key(root.digest) if root.digest else _NO_KEY
        state = root.sighting.state
        yield root.repository, root.tag, root.digest, *halves, root.reference_class, state


def _manifests(snapshot: Snapshot) -> Iterator[Row]:
    sizes, known = stated_sizes(snapshot), _known(snapshot)
    tags, protections = resolved_tags(snapshot.roots), dict[Repository, Protection]()
    for (repository, digest), seen in snapshot.sightings.items():
        if digest in known:
            if repository not in protections:
                own = tags.get(repository, {})
                protections[repository] = Protection.of(snapshot, repository, own)
            read = snapshot.manifests.get(digest)
            yield (
                *(repository, digest, *join_key(digest), read.media_type if read else None),
                *(sizes.get(digest, 0), seen.state, seen.proof),
                *(protections[repository].keeps(digest), seen.reason is not Reason.BY_DESIGN),
            )


def _known(snapshot: Snapshot) -> set[Digest]:
    return unread_manifests(snapshot) | snapshot.manifests.keys()


def _blobs(snapshot: Snapshot) -> Iterator[Row]:
    sizes, known = stated_sizes(snapshot), _known(snapshot)
    for (repository, digest), seen in snapshot.sightings.items():
        if digest not in known:
            size = sizes.get(digest, 0)
            yield repository, digest, *join_key(digest), size, seen.state, seen.proof


def _edges(snapshot: Snapshot) -> Iterator[Row]:
    for manifest in snapshot.manifests.values():
        parent = join_key(manifest.digest)
        for link in manifest.links:
            target = link.target
            platform = str(target.platform) if target.platform else None
            yield *parent, *join_key(target.digest), link.kind, target.size, platform


def _uses(snapshot: Snapshot) -> Iterator[Row]:
    for use in snapshot.uses:
        named = use.reference
        yield use.owner, named.repository, named.tag, named.digest, use.reference_class


def _stored_tags(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    names, both = _repeated(inventory, inventory.tags.starts), (high, low)
    for at in _strides(len(inventory.tags.names)):
        current = inventory.tags.current[at].tolist()
        halves = ([int(half[each]) if each > ABSENT else None for each in current] for half in both)
        yield (names[at], inventory.tags.names[at], *halves)


def _stored_revisions(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    targets = inventory.revisions.targets
    names = _repeated(inventory, inventory.revisions.starts)
    for at in _strides(len(targets)):
        there = targets[at] > ABSENT
        found = targets[at][there]
        yield names[at][there], high[found], low[found]


def _repeated(inventory: Inventory, starts: NDArray[np.int64]) -> NDArray[np.object_]:
    """Name the repository of each entry."""
    return np.repeat(np.array(inventory.repositories, object), np.diff(starts))


def _stored_blobs(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    stored = np.flatnonzero(inventory.stored).astype(np.int32)
    for at in _strides(len(stored)):
        some = stored[at]
        sizes, times = inventory.sizes[some], inventory.modified[some]
        yield _texts(inventory, some), high[some], low[some], sizes, times


def _texts(inventory: Inventory, numbers: Numbers) -> Sequence[str]:
    """Write digests out; ascending numbers have the sha256 ones first."""
    digests = inventory.digests
    packed = digests.packed[numbers[numbers < len(digests.packed)]]
    hashed = unpacked(packed.tobytes())
    return [*hashed, *(digests.text(int(each)) for each in numbers[len(packed) :])]


def _stored_edges(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    graph = inventory.graph
    manifests = np.flatnonzero(graph.rows > ABSENT)
    ordered = manifests[np.argsort(graph.rows[manifests])]
    parents = np.repeat(ordered, np.diff(graph.starts)).astype(np.int32)
    for at in _strides(len(parents)):
        parent, child = parents[at], graph.targets[at]
        yield high[parent], low[parent], high[child], low[child]


def _stored_uploads(inventory: Inventory) -> Iterator[Columns]:
    some = inventory.uploads
    yield (
        [each.repository for each in some],
        [each.identifier for each in some],
        [each.size for each in some],
        [each.modified for each in some],
    )


def _strides(rows: int) -> Iterator[slice]:
    return (slice(start, start + _STRIDE) for start in range(0, rows, _STRIDE))
