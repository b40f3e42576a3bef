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

_HALVES = st.integers(0, 5).map(lambda seed: Digest.of(b"m%d" % seed, "sha512").packed[:32])
"""Half a digest of a manifest: whoever wants to can name that."""
_CONTENT = st.integers(0, 5).map(lambda seed: Digest.of(bytes([seed])))
_CONTENT |= _HALVES.map(Digest.of_packed)
_NAMES = st.sampled_from(["a", "b", "c"]).map(Repository)


def manifest(seed: int, content: Iterable[Digest], algorithm: str = "sha256") -> Manifest:
    links = tuple(Link(Kind.LAYER, Descriptor("layer", each, 7)) for each in content)
    return Manifest(Digest.of(b"m%d" % seed, algorithm), OCI_MANIFEST, 1, links)


_WORLDS = st.lists(
    st.tuples(_NAMES, st.lists(_CONTENT, max_size=4), st.lists(_CONTENT, max_size=4)), max_size=70
)
"""Of each manifest: its repository, its content, and what of it was seen in the repository."""
_ALGORITHMS = st.sampled_from(["sha256", "sha256", "sha256", "sha512"])


@given(_WORLDS, _WORLDS, st.lists(_ALGORITHMS, min_size=140, max_size=140))
def test_manifests_stay_equal_and_name_only_digests_that_are_still_kept(
    first: list[tuple[Repository, list[Digest], list[Digest]]],
    second: list[tuple[Repository, list[Digest], list[Digest]]],
    algorithms: list[str],
) -> None:
    manifests: dict[Digest, Manifest] = {}
    for world in (first, second):
        sightings = Sightings()
        for repository, content, seen in world:
            new = manifest(len(manifests), content, algorithms[len(manifests)])
            manifests[new.digest] = new
            sightings.update(((repository, each), HEADER) for each in (new.digest, *seen))
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
