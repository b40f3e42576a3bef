"""Are links that are held as bytes the same links?"""

from __future__ import annotations

import sys

from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor, Kind, Link, PackedLinks
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


def manifest(links: tuple[Link, ...]) -> Manifest:
    return Manifest(Digest.of(b"m"), OCI_MANIFEST, 1, links)


@given(_LINKS, _LINKS)
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
    assert made.inline_size == sum(len(each.target.data or b"") for each in links)


def test_an_ordinary_layer_takes_forty_bytes() -> None:
    def size(layers: int) -> int:
        targets = (Descriptor("layer", Digest.of(bytes([at])), 2**40) for at in range(layers))
        packed = PackedLinks.of([Link(Kind.LAYER, each) for each in targets])
        assert isinstance(packed, PackedLinks)
        return sys.getsizeof(packed.packed)

    assert size(100) - size(50) == 50 * 40
