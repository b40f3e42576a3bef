"""Which rows does a storage make? As whole columns: twenty million blobs are no loop."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import ABSENT, Numbers
from exporter.facts.inventory import Inventory
from exporter.facts.key import Halves, keys

Columns = tuple[Any, ...]
"""One value for each column of a table: an array, or a list, all of the same length."""

_STRIDE: Final = 1 << 20
"""Rows that are made at a time: bounds the memory that an export takes."""
_HEX: Final = np.frombuffer(b"0123456789abcdef", np.uint8)


def columns(inventory: Inventory) -> Mapping[str, Iterator[Columns]]:
    """Return the columns of every table, some rows at a time."""
    high, low = keys(inventory.digests)
    return {
        "stored_tags": _tags(inventory, high, low),
        "stored_revisions": _revisions(inventory, high, low),
        "stored_blobs": _blobs(inventory, high, low),
        "stored_edges": _edges(inventory, high, low),
        "stored_uploads": _uploads(inventory),
    }


def _tags(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    names, both = _repeated(inventory, inventory.tags.starts), (high, low)
    for at in _strides(len(inventory.tags.names)):
        current = inventory.tags.current[at].tolist()
        halves = ([int(half[each]) if each > ABSENT else None for each in current] for half in both)
        yield (names[at], inventory.tags.names[at], *halves)


def _revisions(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    targets = inventory.revisions.targets
    names = _repeated(inventory, inventory.revisions.starts)
    for at in _strides(len(targets)):
        there = targets[at] > ABSENT
        found = targets[at][there]
        yield names[at][there], high[found], low[found]


def _repeated(inventory: Inventory, starts: NDArray[np.int64]) -> NDArray[np.object_]:
    """Name the repository of each entry."""
    return np.repeat(np.array(inventory.repositories, object), np.diff(starts))


def _blobs(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    stored = np.flatnonzero(inventory.stored).astype(np.int32)
    for at in _strides(len(stored)):
        some = stored[at]
        sizes, times = inventory.sizes[some], inventory.modified[some]
        yield _texts(inventory, some), high[some], low[some], sizes, times


def _texts(inventory: Inventory, numbers: Numbers) -> Sequence[str]:
    """Write digests out; ascending numbers have the sha256 ones first."""
    digests = inventory.digests
    packed = digests.packed[numbers[numbers < len(digests.packed)]]
    text = np.empty((len(packed), 71), np.uint8)
    text[:, :7] = np.frombuffer(b"sha256:", np.uint8)
    text[:, 7::2] = _HEX[packed >> 4]
    text[:, 8::2] = _HEX[packed & 15]
    short = text.tobytes().decode()
    hashed = [short[start : start + 71] for start in range(0, len(short), 71)]
    return hashed + [digests.text(int(each)) for each in numbers[len(packed) :]]


def _edges(inventory: Inventory, high: Halves, low: Halves) -> Iterator[Columns]:
    graph = inventory.graph
    manifests = np.flatnonzero(graph.rows > ABSENT)
    ordered = manifests[np.argsort(graph.rows[manifests])]
    parents = np.repeat(ordered, np.diff(graph.starts)).astype(np.int32)
    for at in _strides(len(parents)):
        parent, child = parents[at], graph.targets[at]
        yield high[parent], low[parent], high[child], low[child]


def _uploads(inventory: Inventory) -> Iterator[Columns]:
    some = inventory.uploads
    yield (
        [each.repository for each in some],
        [each.identifier for each in some],
        [each.size for each in some],
        [each.modified for each in some],
    )


def _strides(rows: int) -> Iterator[slice]:
    return (slice(start, start + _STRIDE) for start in range(0, rows, _STRIDE))
