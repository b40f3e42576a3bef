"""Content as arrays is the content that manifests state, link by link."""

from __future__ import annotations

from collections import defaultdict
from itertools import cycle

from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.digests import split
from exporter.facts.proof import HEADER
from exporter.facts.shared_digests import share_digests
from exporter.facts.sightings import Sightings
from exporter.facts.stated import StatedContent
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_INDEX, OCI_MANIFEST, Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository
from tests.worlds import FOREIGN_LAYER, OCI_LAYER

_BODIES = [number.to_bytes(2) for number in range(5)]
_TARGETS = st.builds(
    lambda body, algorithm, media_type, size, inline: Descriptor(
        media_type, Digest.of(body, algorithm), size, data=body if inline else None
    ),
    st.sampled_from(_BODIES),
    st.sampled_from(["sha256"] * 8 + ["sha512"]),
    st.sampled_from([OCI_LAYER] * 8 + [FOREIGN_LAYER]),
    st.sampled_from([2] * 8 + [3, 2**32, None]),
    st.sampled_from([False] * 8 + [True]),
)
_USUAL = st.sampled_from([Kind.CONFIG, Kind.LAYER])
_LINKS = st.lists(st.builds(Link, _USUAL | st.sampled_from(list(Kind)), _TARGETS), max_size=4)
_MANIFESTS = st.lists(
    st.builds(
        lambda links, number: Manifest(
            Digest.of(f"manifest {number}".encode()),
            OCI_INDEX if links and links[0].kind is Kind.CHILD else OCI_MANIFEST,
            100,
            tuple(links),
        ),
        _LINKS,
        st.integers(0, 1000),
    ),
    max_size=6,
)


@given(_MANIFESTS, st.integers(0, 31), st.sampled_from(["", "a", "a", "ab"]))
def test_it_is_what_the_links_say(manifests: list[Manifest], chosen: int, homes: str) -> None:
    """In whichever repositories they were seen."""
    sightings = Sightings()
    for home, manifest in zip(cycle(homes), manifests, strict=False):
        seen = (manifest.digest, *(link.target.digest for link in manifest.links))
        sightings.update(((Repository(home), each), HEADER) for each in seen)
    share_digests({each.digest: each for each in manifests}, sightings)
    sizes, owners = defaultdict[bytes, set[int]](set), defaultdict[bytes, set[int]](set)
    further = set()
    for at, manifest in enumerate(manifests):
        for link in manifest.links:
            target = link.target
            expected = target.distributable and not target.inline and target.size is not None
            usual = link.kind in (Kind.CONFIG, Kind.LAYER) and target.digest.startswith("sha256")
            if usual and expected:
                sizes[target.digest.packed].add(target.size or 0)
                owners[target.digest.packed].add(at)
            elif link.kind not in (Kind.CHILD, Kind.SUBJECT):
                further.add(at)

    stated = StatedContent.of(manifests)

    keys = split(stated.digests)
    assert keys == sorted(sizes)
    assert all(size in sizes[key] for key, size in zip(keys, stated.sizes.tolist(), strict=True))
    assert stated.agreed.tolist() == [len(sizes[key]) == 1 for key in keys]
    assert stated.unusual >= further
    marks = stated.sizes < 0
    marks[[at for at in range(len(keys)) if chosen >> at & 1]] = True
    wanted = {at for key, mark in zip(keys, marks, strict=True) if mark for at in owners[key]}
    assert stated.stating(marks) == sorted(wanted)
