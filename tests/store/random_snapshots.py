"""Random snapshots: every field varies, and every name in them is one."""

from __future__ import annotations

from hypothesis import strategies as st

from exporter.facts.attached import Attachment, Attachments
from exporter.facts.diff_ids import DiffIdMismatch
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.registry_kind import ChildRemoval, Collector, RegistryKind
from exporter.facts.snapshot import (
    Admission,
    Disagreement,
    RegistryPart,
    Role,
    Root,
    Sealed,
    Snapshot,
)
from exporter.facts.use import Holder, ReferenceClass, Use, Workload
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor, Kind, Link
from exporter.oci.manifest import Manifest
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference, Repository, Tag

words = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.sampled_from([Repository(name) for name in ("app", "team/app", "a/b/c")])
labels = st.sampled_from([Tag(name) for name in ("latest", "v1", "V_2.0-rc")])
digests = st.builds(
    Digest.of, st.binary(max_size=1), st.sampled_from(["sha256", "sha256", "sha512"])
)
platforms = st.sampled_from(
    [Platform.parse(each) for each in ("linux/amd64", "linux/arm/v7", "windows/amd64")]
)
registries = st.text(st.characters(codec="utf-8", categories=["L", "N", "P", "S"]), min_size=1)
times = st.floats(0, 2e9)
sizes = st.integers(0, 2**62)
classes = st.sampled_from(ReferenceClass)
sightings = st.builds(
    Sighting,
    st.sampled_from(State),
    st.sampled_from(Proof),
    st.none() | st.sampled_from(Reason),
    words,
    st.none() | times,
)
descriptors = st.builds(
    Descriptor,
    words,
    digests,
    st.none() | sizes,
    st.none() | platforms,
    st.none() | st.binary(max_size=4),
    st.booleans(),
)
links = st.builds(Link, st.sampled_from(Kind), descriptors)
manifests = st.builds(
    Manifest, digests, words, sizes, st.lists(links, max_size=3).map(tuple), st.booleans()
)
roots = st.builds(
    Root,
    names,
    st.none() | labels,
    st.none() | digests,
    sightings,
    classes,
    st.frozensets(platforms, max_size=2),
    st.frozensets(platforms, max_size=2),
)
references = st.builds(
    Reference,
    st.sampled_from(["docker.io", "[::1]:5000", "registry.example:443"]),
    names,
    st.none() | labels,
    st.none() | digests,
)
uses = st.builds(
    Use,
    owner=words,
    reference=references,
    reference_class=classes,
    platforms=st.frozensets(platforms, max_size=2),
    admitted=st.frozensets(platforms, max_size=2),
    barred=st.frozensets(platforms, max_size=2),
    workload=st.none() | st.builds(Workload, words, words, words, words),
    running=st.frozensets(digests, max_size=2),
    alive=st.integers(0, 2**31),
    failing_pulls=st.integers(0, 2**31),
    pull_error=st.text(max_size=8),
    next_run=st.none() | times,
    login=words,
    holders=st.lists(st.builds(Holder, words, platforms), max_size=2).map(tuple),
)
admissions = st.builds(
    Admission,
    words,
    names,
    st.none() | st.booleans(),
    st.none() | st.sampled_from(Reason),
    words,
)
gaps = st.builds(Gap, st.sampled_from(Scope), words, st.sampled_from(Reason), words)
seals = st.builds(Sealed, st.dictionaries(digests, st.lists(labels, max_size=2).map(tuple)))
diff_id_mismatches = st.lists(
    st.builds(DiffIdMismatch, digests, words), min_size=1, max_size=2
).map(tuple)
kinds = st.builds(
    RegistryKind,
    words,
    words,
    st.sampled_from(Collector),
    st.frozensets(st.sampled_from(ChildRemoval)),
)
attachments = st.builds(
    Attachments,
    st.lists(
        st.builds(Attachment, digests, words, st.none() | st.just(Tag("sha256-0.sig")), sightings),
        max_size=2,
    ).map(tuple),
    st.none() | sightings,
)
snapshots = st.builds(
    Snapshot,
    registry=registries,
    address=st.sampled_from(("", "https://registry.example", "http://[::1]:5000")),
    taken_at=times,
    role=st.sampled_from(Role),
    platforms=st.frozensets(platforms, max_size=2),
    collector=st.sampled_from(Collector),
    kind=kinds,
    roots=st.lists(roots, max_size=3).map(tuple),
    manifests=st.lists(manifests, max_size=3).map(
        lambda all_: {each.digest: each for each in all_}
    ),
    sightings=st.dictionaries(st.tuples(names, digests), sightings, max_size=5),
    config_platforms=st.dictionaries(digests, platforms, max_size=3),
    listed=st.dictionaries(names, st.integers(0, 10_000)),
    sealed=st.dictionaries(names, seals, max_size=2),
    uses=st.lists(uses, max_size=2).map(tuple),
    admissions=st.lists(admissions, max_size=2).map(tuple),
    gone=st.booleans(),
    gaps=st.lists(gaps, max_size=2).map(tuple),
    recovered=st.dictionaries(st.tuples(names, digests), words, max_size=2),
    attached=st.dictionaries(st.tuples(names, digests), attachments, max_size=2),
    require_attached=st.lists(words, max_size=2).map(tuple),
    read_in_full=st.none() | st.integers(0, 10_000),
    diff_id_mismatches=st.dictionaries(digests, diff_id_mismatches, max_size=2),
    parts=st.lists(
        st.builds(
            RegistryPart,
            st.lists(words, max_size=2).map(tuple),
            st.sampled_from(Role),
            st.frozensets(platforms, max_size=2),
        ),
        max_size=2,
    ).map(tuple),
    unasked=st.lists(names, max_size=2).map(tuple),
    delisted=st.lists(st.tuples(names, labels), max_size=2).map(tuple),
    disagreements=st.lists(
        st.builds(Disagreement, names, st.none() | labels, digests, words, words, st.booleans()),
        max_size=2,
    ).map(tuple),
    sampled_at=st.none() | times,
    refreshed_at=st.none() | times,
    proven_at=st.dictionaries(st.tuples(names, digests), times, max_size=3),
)
