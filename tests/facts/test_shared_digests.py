"""Are digests kept once, and manifests equal to what they were?"""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import shared_digests as module
from exporter.facts.proof import HEADER
from exporter.facts.shared_digests import share_digests
from exporter.facts.sightings import Sightings
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor, Kind, Link, PackedLinks
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository

_CONTENT = st.integers(0, 5).map(lambda seed: Digest.of(bytes([seed])))
_NAMES = st.sampled_from(["a", "b", "c"]).map(Repository)


def manifest(seed: int, content: Iterable[Digest], algorithm: str = "sha256") -> Manifest:
    links = tuple(Link(Kind.LAYER, Descriptor("layer", each, 7)) for each in content)
    return Manifest(Digest.of(b"m%d" % seed, algorithm), OCI_MANIFEST, 1, links)


_MANIFESTS = st.lists(
    st.tuples(st.lists(_CONTENT, max_size=4), st.sampled_from(["sha256"] * 3 + ["sha512"])),
    max_size=8,
).map(lambda made: [manifest(at, *each) for at, each in enumerate(made)])
_AUDITS = st.lists(
    st.lists(
        st.tuples(_NAMES, st.integers(0, 7), st.booleans(), st.lists(_CONTENT, max_size=2)),
        max_size=12,
    ),
    max_size=4,
)
"""Of each audit: repositories, with a manifest in it, whether all its content is, and more."""


@given(_MANIFESTS, _AUDITS)
def test_manifests_stay_equal_and_name_only_digests_that_are_still_kept(
    made: list[Manifest], audits: list[list[tuple[Repository, int, bool, list[Digest]]]]
) -> None:
    manifests = {each.digest: each for each in made}
    for audit in audits:
        sightings = Sightings()
        for repository, number, whole, more in audit:
            for each in made[number : number + 1]:
                content = [link.target.digest for link in each.links if whole]
                seen = (each.digest, *content, *more)
                sightings.update(((repository, digest), HEADER) for digest in seen)
        before = {digest: tuple(each.links) for digest, each in manifests.items()}

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(module, "_FEW", 3)
            patch.setattr(module, "_AT_ONCE", 2)
            share_digests(manifests, sightings)

        kept = {id(sightings.digests(at)): at for at in sightings.repositories}
        for digest, each in manifests.items():
            assert tuple(each.links) == before[digest]
            links = each.links
            assert isinstance(links, PackedLinks)
            whole = digest.algorithm == "sha256" and any(
                (at, digest) in sightings
                and all((at, link.target.digest) in sightings for link in before[digest])
                for at in sightings.repositories
            )
            assert (id(links.source) in kept) is whole
            assert whole or links.source is None


def test_what_an_audit_reads_again_unchanged_is_not_held_anew() -> None:
    content = [Digest.of(b"1"), Digest.of(b"2")]
    read = {each.digest: each for each in [manifest(1, content)]}
    places = [(Repository("a"), each) for each in (*read, *content)]
    first = Sightings(dict.fromkeys(places, HEADER))
    first.settle()
    share_digests(read, first)
    (links,) = (each.links for each in read.values())

    again = Sightings(before=first)
    again.update(dict.fromkeys(places, HEADER))
    share_digests(read, again)

    assert [each.links for each in read.values()] == [links]
    assert all(each.links is links for each in read.values())


def test_half_a_digest_names_no_manifest() -> None:
    long = manifest(0, [], "sha512")
    half = Digest.of_packed(long.digest.packed[:32])

    share_digests({long.digest: long}, Sightings({(Repository("a"), half): HEADER}))

    assert isinstance(long.links, PackedLinks)
    assert long.links.source is None
