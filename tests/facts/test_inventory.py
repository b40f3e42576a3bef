"""Does the graph of numbers say what a graph of words says?"""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import inventory as module
from exporter.facts.body import Body
from exporter.facts.digests import distinct
from exporter.facts.inventory import Driver
from exporter.facts.inventory_builder import InventoryBuilder

_WORDS = [f"sha256:{at:064x}" for at in range(12)]
_EDGES = st.dictionaries(st.sampled_from(_WORDS), st.lists(st.sampled_from(_WORDS), max_size=4))


def _numbered(edges: dict[str, list[str]], indexes: frozenset[str] = frozenset()):  # noqa: ANN202
    builder = InventoryBuilder(Driver.FILESYSTEM)
    builder.blobs("sha256", [word[7:] for word in _WORDS], range(12), range(12))
    for word, targets in edges.items():
        builder.manifests.add(word, Body(tuple(targets), word in indexes))
    return builder.inventory().graph  # _WORDS are sorted, so a word's number is its place


@given(_EDGES, st.lists(st.integers(0, 11)))
def test_links_come_in_order_with_repeats(edges: dict[str, list[str]], asked: list[int]) -> None:
    graph = _numbered(edges)

    found = graph.links(np.array(asked, np.int32)).tolist()

    words = [_WORDS[at] for at in asked]
    assert found == [_WORDS.index(to) for word in words for to in edges.get(word, ())]


@given(_EDGES, st.lists(st.integers(-2, 11)))
def test_everything_below_the_roots_is_reached_and_nothing_else(
    edges: dict[str, list[str]], roots: list[int]
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_ONCE", 2)
        reached = _numbered(edges).reach(np.array(roots, np.int32))

    expected = {_WORDS[at] for at in roots if at >= 0}
    while more := {to for word in expected for to in edges.get(word, ())} - expected:
        expected |= more
    assert {_WORDS[at] for at in np.flatnonzero(reached)} == expected


def test_only_indexes_have_children() -> None:
    edges = {_WORDS[0]: [_WORDS[1]], _WORDS[1]: [_WORDS[2]]}
    graph = _numbered(edges, indexes=frozenset({_WORDS[0]}))

    at, children = graph.listed(np.array([5, 1, 0], np.int32))

    assert (at.tolist(), children.tolist()) == ([2], [1])


@given(st.lists(st.integers(0, 9)))
def test_distinct_numbers_are_sorted_and_come_once(numbers: list[int]) -> None:
    assert distinct(np.array(numbers, np.int32)).tolist() == sorted(set(numbers))
