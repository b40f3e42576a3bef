"""Does an inventory say what was added, whenever it was numbered in between?"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from itertools import islice
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import inventory as module
from exporter.facts.body import Body
from exporter.facts.inventory import Driver, Folder, Inventory, Unlinked
from exporter.facts.inventory_builder import InventoryBuilder, LinkBuilder, Target

_SHA256 = [f"sha256:{hashlib.sha256(bytes([at])).hexdigest()}" for at in range(8)]
_SHA512 = [f"sha512:{at:0128x}" for at in range(4)]
_DIGEST = st.sampled_from([*_SHA256, *_SHA512])
_ODD = st.sampled_from(["", "not a digest", f"sha256:{'AB' * 32}"])
_BLOB = st.tuples(_DIGEST | st.just(f"sha256:{'AB' * 32}"), st.sampled_from([0, 1, 2**40]))
_LINK = st.tuples(_DIGEST, st.none() | _DIGEST | st.sampled_from(Unlinked))
"""The digest of its path, and of its file where that differs."""
_LINKS = st.lists(_LINK, max_size=5, unique_by=lambda link: link[0])
_TAG = st.tuples(_DIGEST | st.sampled_from(Unlinked), st.lists(_DIGEST, max_size=2))
_REPOSITORY = st.tuples(_LINKS, _LINKS, st.lists(_TAG, max_size=3))
_MANIFEST = st.tuples(_DIGEST, st.lists(_DIGEST | _ODD, max_size=4), st.booleans())
_STEP = (
    st.sampled_from(["number", "sizes"])
    | st.tuples(st.just("blobs"), st.lists(_BLOB, max_size=5))
    | st.tuples(st.just("repository"), _REPOSITORY)
    | st.tuples(st.just("manifest"), _MANIFEST)
)
_Links = Sequence[tuple[str, Target | None]]


def add_links(builder: LinkBuilder, links: _Links) -> None:
    for algorithm in ("sha256", "sha512"):
        own = [(path, to) for path, to in links if path.startswith(algorithm)]
        differing = {at: to for at, (_, to) in enumerate(own) if to is not None}
        builder.add(algorithm, [path.partition(":")[2] for path, _ in own], differing)


def in_order(links: _Links) -> list[tuple[str, Target]]:
    ordered = sorted(links, key=lambda link: link[0].partition(":")[0])
    return [(path, path if to is None else to) for path, to in ordered]


def told(inventory: Inventory, number: int) -> str | Unlinked:
    return Unlinked(number) if number < 0 else inventory.digests.text(number)


class Words:
    """The same in words."""

    def __init__(self) -> None:
        self.blobs: dict[str, int] = {}
        self.repositories: list[tuple[list[tuple[str, Target]], ...]] = []
        self.tags: list[tuple[Target, list[str]]] = []
        self.manifests: dict[str, tuple[tuple[str, ...], bool]] = {}

    @property
    def links(self) -> list[tuple[str, Target]]:
        return [link for pair in self.repositories for links in pair for link in links]

    @property
    def linked(self) -> set[str]:
        return {to for _, to in self.links if not isinstance(to, Unlinked)}

    @property
    def referenced(self) -> set[str]:
        return {each for references, _ in self.manifests.values() for each in references}

    @property
    def unlisted(self) -> set[str]:
        return (self.linked | self.referenced) - self.blobs.keys()

    @property
    def digests(self) -> set[str]:
        """All that is named anywhere."""
        current = {each for each, _ in self.tags if not isinstance(each, Unlinked)}
        history = {each for _, those in self.tags for each in those}
        paths = {path for path, _ in self.links}
        named = self.linked | self.referenced | paths | current | history
        return named | self.blobs.keys() | self.manifests.keys()


def take(step: Any, builder: InventoryBuilder, words: Words) -> None:
    match step:
        case "number":
            builder.settle()
        case "sizes":
            packed = b"".join(bytes.fromhex(each[7:]) for each in _SHA256)
            assert builder.sizes(packed) == [words.blobs.get(each, -1) for each in _SHA256]
        case "blobs", found:
            words.blobs |= dict(found)
            for algorithm in ("sha256", "sha512"):
                own = [(path[7:], size) for path, size in found if path.startswith(algorithm)]
                names, sizes = [path for path, _ in own], [size for _, size in own]
                builder.blobs(algorithm, names, sizes, [size + 1 for size in sizes])
        case "repository", (revisions, layers, tags):
            add_links(builder.revisions, revisions)
            add_links(builder.layers, layers)
            for at, (current, history) in enumerate(tags):
                builder.tags.add(f"v{at}", current, history)
            builder.close(f"r{len(words.repositories)}", Folder.LAYERS)
            words.repositories.append((in_order(revisions), in_order(layers)))
            words.tags += tags
        case "manifest", (digest, references, is_index) if digest not in words.manifests:
            words.manifests[digest] = tuple(references), is_index
            builder.manifests.add(digest, Body(tuple(references), is_index))


@given(st.lists(_STEP, max_size=14))
def test_an_inventory_says_what_was_added_whenever_it_was_numbered(steps: list[Any]) -> None:
    builder, words = InventoryBuilder(Driver.FILESYSTEM), Words()
    for step in steps:
        take(step, builder, words)

    found, blobs = builder.inventory(), words.blobs

    digests = [*map(found.digests.text, range(len(found.digests)))]
    assert digests == sorted(words.digests, key=lambda each: (each not in _SHA256, each))
    assert found.sizes.tolist() == [blobs.get(each, -1) for each in digests]
    assert found.modified.tolist() == [blobs.get(each, -1) + 1 for each in digests]
    for at, links in enumerate(words.repositories):
        for kind, own in zip((found.revisions, found.layers), links, strict=True):
            pairs = zip(kind.paths[kind.of(at)], kind.targets[kind.of(at)], strict=True)
            assert [(told(found, path), told(found, to)) for path, to in pairs] == own
    history = [each for _, those in words.tags for each in those]
    assert [told(found, each) for each in found.tags.current] == [each for each, _ in words.tags]
    assert [told(found, each) for each in found.tags.history] == history
    for number, digest in enumerate(digests):
        row, (references, is_index) = found.graph.rows[number], words.manifests.get(digest, ((), 0))
        assert (row >= 0) == (digest in words.manifests)
        here = found.graph.links(np.array([number], np.int32))
        assert [found.digests.text(each) for each in here] == [*references]
        assert row < 0 or found.graph.indexes[row] == is_index


@given(st.lists(_STEP, max_size=7), st.lists(_STEP, max_size=7))
def test_names_are_those_of_when_the_first_was_asked_for(
    steps: list[Any], meanwhile: list[Any]
) -> None:
    builder, words = InventoryBuilder(Driver.FILESYSTEM), Words()
    for step in steps:
        take(step, builder, words)
    wanted = sorted(words.linked), sorted(words.unlisted)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_ONCE", 1)
        named = builder.linked(), builder.unlisted()
        first = [[*islice(each, 1)] for each in named]
        for step in meanwhile:
            take(step, builder, words)
        builder.settle()
        linked, unlisted = ([*begun, *rest] for begun, rest in zip(first, named, strict=True))

    assert (linked, sorted(unlisted)) == wanted  # blobs are read in the order of the first


def test_a_builder_is_spent_by_its_inventory() -> None:
    builder = InventoryBuilder(Driver.FILESYSTEM)
    builder.inventory()

    with pytest.raises(AttributeError):
        builder.inventory()
