"""Counts by arrays are what one content after the other adds up to."""

from __future__ import annotations

from collections import Counter
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.proof import LAST_BYTE, Proof, Sighting, State
from exporter.facts.snapshot import Snapshot
from exporter.judge.judgement import judge
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository
from tests.judge.test_unchanged import APP, MANIFESTS, OTHER, SNAPSHOTS
from tests.worlds import OCI_LAYER

LONG = Digest.of(b"long", "sha512")
NAMES_LONG = Manifest(
    Digest.of(b"names it"), OCI_MANIFEST, 50, (Link(Kind.LAYER, Descriptor(OCI_LAYER, LONG, 11)),)
)
KNOWN = {**MANIFESTS, NAMES_LONG.digest: NAMES_LONG}


def counts(seen: Sighting) -> bool:
    return seen.state is State.PRESENT and seen.proof is not Proof.EXTERNAL


def stated(snapshot: Snapshot, at: Repository) -> dict[Digest, int]:
    here = [digest for digest in sorted(KNOWN) if (at, digest) in snapshot.sightings]
    read = [snapshot.manifests[digest] for digest in here if digest in snapshot.manifests]
    sizes = {each.digest: each.size for each in read}
    for each in read:
        for link in each.links:
            sizes.setdefault(link.target.digest, link.target.size or 0)
    return sizes


@given(facts=SNAPSHOTS, long=st.booleans())
@settings(max_examples=60)
def test_they_are_those_of_its_sightings(*, facts: dict[str, object], long: bool) -> None:
    snapshot = Snapshot(**facts)  # type: ignore[arg-type] # as listed
    if long:
        places = [(at, each) for at in (APP, OTHER) for each in (LONG, NAMES_LONG.digest)]
        looks = dict.fromkeys(places, LAST_BYTE)
        manifests = {**snapshot.manifests, NAMES_LONG.digest: NAMES_LONG}
        seen = snapshot.sightings.amended(looks)
        snapshot = replace(snapshot, manifests=manifests, sightings=seen)
    report = judge(snapshot, {})
    read, roots = snapshot.manifests, snapshot.roots
    states, proofs = Counter[State](), Counter[Proof]()
    once: dict[Digest, int] = {}
    weights = Counter[Repository]()
    for at in (APP, OTHER):
        indexes = [read[d] for d in read if (at, d) in snapshot.sightings and read[d].is_index]
        listed = {
            each.target.digest for one in indexes for each in one.links if each.kind is Kind.CHILD
        }
        named = {root.digest for root in roots if root.repository == at} | listed
        sizes = stated(snapshot, at)
        for digest, seen in snapshot.sightings.of(at).items():
            if counts(seen):
                weights[at] += sizes.get(digest, 0)
                once[digest] = sizes.get(digest, 0)
            if digest not in read and digest not in named:
                states[seen.state] += seen.proof is not Proof.EXTERNAL
                proofs[seen.proof] += seen.state is State.PRESENT
    assert +Counter(report.counts.blobs) == +states
    assert +Counter(report.counts.proofs) == +proofs
    assert report.counts.referenced_bytes == sum(once.values())
    for at, each in report.counts.repositories.items():
        assert each.logical_bytes == weights[at]
