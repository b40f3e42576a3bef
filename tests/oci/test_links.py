"""Are links that are held as bytes the same links?"""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor, Kind, Link, PackedLinks, forget_objects
from exporter.oci.manifest import Manifest
from exporter.oci.platform import Platform

_DIGESTS = st.builds(
    Digest.of, st.binary(max_size=3), st.sampled_from(["sha256", "sha256", "sha512"])
)
_PLATFORMS = st.none() | st.builds(Platform, st.just("linux"), st.sampled_from(["amd64", "arm64"]))
_TARGETS = st.builds(
    Descriptor,
    st.sampled_from(["layer", "config"]),
    _DIGESTS,
    st.none() | st.integers(0, 2**63 - 1),
    _PLATFORMS,
    st.none() | st.none() | st.binary(max_size=2),
    st.booleans(),
)
_LINKS = st.lists(st.builds(Link, st.sampled_from(Kind), _TARGETS), max_size=5).map(tuple)
_USUAL = st.builds(
    Descriptor,
    st.sampled_from(["layer", "config"]),
    st.integers(0, 5).map(lambda seed: Digest.of(bytes([seed]))),
    st.sampled_from([0, 1, 2**31, 2**32 - 1, 2**32, 2**63 - 1]) | st.integers(0, 2**63 - 1),
    _PLATFORMS,
    st.none(),
    st.booleans(),
)
_PACKED = st.lists(st.builds(Link, st.sampled_from(Kind), _USUAL), max_size=5).map(
    lambda links: PackedLinks.of(tuple(links))
)
"""Of contents that are few: manifests repeat theirs, and share them."""


def manifest(links: tuple[Link, ...]) -> Manifest:
    return Manifest(Digest.of(b"m"), OCI_MANIFEST, 1, links)


@given(_LINKS | _PACKED.map(tuple), _LINKS | _PACKED.map(tuple))
def test_a_manifest_holds_the_links_that_it_is_made_of(
    links: tuple[Link, ...], others: tuple[Link, ...]
) -> None:
    made = manifest(links)

    assert tuple(made.links) == links
    assert made.links == links
    assert len(made.links) == len(links)
    assert [made.links[at] for at in range(len(links))] == list(links)
    assert (made == manifest(others)) is (links == others)
    configs = (each.target for each in links if each.kind is Kind.CONFIG)
    assert made.config == next(configs, None)
    assert hash(made) == hash(manifest(tuple(links)))
    assert made.keys == [each.target.digest.packed for each in links]
    stated = [(each.target.digest.packed, each.target.size or 0) for each in links]
    assert [*made.stated_sizes()] == stated
    for kind in Kind:
        own = [each.target.digest.packed for each in links if each.kind is kind]
        assert made.keys_of(kind) == own
    assert made.inline_size == sum(len(each.target.data or b"") for each in links)


@given(_PACKED, _PACKED, st.sets(st.binary(min_size=32, max_size=32), max_size=3))
def test_links_that_name_digests_by_place_are_equal_in_every_way(
    own: PackedLinks, other: PackedLinks, rest: set[bytes]
) -> None:
    source = sorted({*own.keys, *other.keys, *rest})

    named, second = by_place(own, source), by_place(other, source)

    assert named == own
    assert own == named
    assert hash(named) == hash(own)
    assert (named == second) is (named == other) is (own == second) is (own == other)
    assert tuple(named) == tuple(own)
    assert (named.packed, named.keys, named.sizes) == (own.packed, own.keys, own.sizes)
    assert [named.keys_of(kind) for kind in Kind] == [own.keys_of(kind) for kind in Kind]
    assert [named.first(kind) for kind in Kind] == [own.first(kind) for kind in Kind]
    assert PackedLinks(named.shape, named.packed) == own
    assert (named.alone() == own, named.alone().source) == (True, None)
    assert by_place(named, source[::-1]) == own


def by_place(links: PackedLinks, source: list[bytes]) -> PackedLinks:
    starts = (32 * source.index(each) for each in links.keys)
    packed = b"".join(start.to_bytes(4, sys.byteorder) for start in starts)
    return links.among(b"".join(source), packed)


def test_forgotten_objects_of_links_keep_no_digests_of_a_repository() -> None:
    """Each audit has digests of its own: those of the audits before must go."""
    content = [Digest.of(bytes([at])) for at in range(3)]
    own = PackedLinks.of([Link(Kind.LAYER, Descriptor("layer", each, 1)) for each in content])
    assert isinstance(own, PackedLinks)
    named = by_place(own, [each.packed for each in content])
    kept = named.source
    alone = sys.getrefcount(kept)

    assert len([*named]) == len(content)
    forget_objects()

    del named
    assert sys.getrefcount(kept) == alone - 1


def test_an_ordinary_layer_takes_eight_bytes_besides_its_digest() -> None:
    def held(layers: int, size: int) -> tuple[int, int]:
        digests = [Digest.of(bytes([at])) for at in range(layers)]
        targets = (Descriptor("layer", each, size) for each in digests)
        packed = PackedLinks.of([Link(Kind.LAYER, each) for each in targets])
        assert isinstance(packed, PackedLinks)
        named = by_place(packed, [each.packed for each in digests])
        return takes(packed), takes(named)

    def grown(size: int) -> tuple[float, float]:
        few, many = held(50, size), held(100, size)
        return (many[0] - few[0]) / 50, (many[1] - few[1]) / 50

    assert grown(2**32 - 1) == (36, 8)
    assert grown(2**32) == (40, 12)


def takes(links: PackedLinks) -> int:
    return sys.getsizeof(links._own)  # noqa: SLF001 - what it takes is the claim
