"""A snapshot comes back as it went, and nothing else is taken for one."""

from __future__ import annotations

import base64
import gc
import gzip
from dataclasses import fields
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.admission import Admission
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.misfit import Misfit
from exporter.facts.proof import Proof, Sighting, State
from exporter.facts.snapshot import Collector, Role, Root, Sealed, Snapshot
from exporter.facts.use import Holder, ReferenceClass, Use, Workload
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import Descriptor, Kind, Link, Manifest, parse
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference, Repository, Tag
from exporter.publish.archive.pack import pack
from exporter.publish.archive.unpack import unpack
from exporter.publish.archive.wire import VERSION, Wire
from tests import worlds
from tests.fakes import use
from tests.judge.scene import scene
from tests.publish.reports import incident

VERSION_1 = """
H4sIAAAAAAAEA5u8qaA0J6egKD8/TaE4L7GgOCO/hPEOg/CGotT0zOKSokq91IrE3IKc1NOOt6rUORgYGJbm
l+elpiwvzcvOA7IOHWlQn3p081PZhc8i7twxKEr2SZzDcb1jwdXFadf03U7PWnth+67S2pYjSYudNTwilMQi
f0gfFUpPWsTmHcnz/9s1i4DrAXprcuQWr3+eod6w4sPCc2c3brJ4/TrQ5dley8vHJ5f9N0tn4RO4qb5VfKee
Wt+eCbME78R2MZxOm/pEZ8kUo98afGLcDRMnL83JzCutWJqYm2JmsmDy1OUFRanFqXklSzJSE1MOLDiAJJBY
nIEssDInsbhEN6myJBUoOmHitMWJBQWLygwZGJbkZJalTmSYOJWB4SyT9uTpy5Lz89Iy0xkZz7w/cODQ9KU5
iZWpRUxMZ5kikbjMZ5migNxDEyeDzJnCwMjEPIWRiYmpkZEB6EiQGNDEiUDzJ05fVZSaVqxXmZtjZYgR1FBH
HIC6YcLkm1pArTmZyYklmfl5+mV5KXr5yZl6mbmJ6al6uYl5mWmpxSV6ZYbaWcX5eTc1cKuF+AGuUhu3SrD3
gAr1ShKLtNOrMgsAabmkmigCAAA=
"""
"""As it was written before a use could say what a cluster knows."""
VERSION_2 = """
H4sIAAAAAAAEA5u8qaA0J6egKD8/TaE4L7GgOCO/hOkOg8iGotT0zOKSokq91IrE3IKc1NOOt6rU
ORgYGJbml+elpiwvzcvOA7IOHWlQn3p081PZhc8i7twxKEr2SZzDcb1jwdXFadf03U7PWnth+67S
2pYjSYudNTwilMQif0gfFUpPWsTmHcnz/9s1i4DrAXprcuQWr3+eod6w4sPCc2c3brJ4/TrQ5dle
y8vHJ5f9N0tn4RO4qb5VfKeeWt+eCbME78R2MZxOm/pEZ8kUo98afGLcDRMnL83JzCutWJqYm2Jm
smDy1OUFRanFqXklSzJSE1MOLDiAJJBYnIEssDInsbhEN6myJBUoOmHi9MWJBQWLygwZGJbkZJal
TmSYMHEqA8NZJu3J05cl5+elZaYzMp55f+DAoelLcxIrU4uYmM4yRSJxmc8yRQG5hyZOBhk0hYGR
iXkKIxMTUyMjA9CVILGJDBMnAi2YOG9VUWpasV5lbo6VIUZYQ11xAOaIAxMYDiyYMGHyTS2gCTmZ
yYklmfl5+mV5KXr5yZl6mbmJ6al6uYl5mWmpxSV6ZYbaWcX5eTc1cKuFeAWuUhu3SrAvgQr1ShKL
tNOrMgsmAABt+NtuMQIAAA==
"""
"""As it was written before it was asked to what layers unpack."""

words = st.text(st.characters(codec="utf-8"), max_size=8)
names = st.sampled_from([Repository(name) for name in ("app", "team/app", "a/b/c")])
labels = st.sampled_from([Tag(name) for name in ("latest", "v1", "V_2.0-rc")])
digests = st.builds(
    Digest.of, st.binary(max_size=1), st.sampled_from(["sha256", "sha256", "sha512"])
)
platforms = st.builds(Platform, words, words, words)
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
    workload=st.none() | st.builds(Workload, words, words, words, words),
    running=st.frozensets(digests, max_size=2),
    alive=st.integers(0, 2**31),
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
misfits = st.lists(st.builds(Misfit, digests, words), min_size=1, max_size=2).map(tuple)
snapshots = st.builds(
    Snapshot,
    registry=words,
    taken_at=times,
    role=st.sampled_from(Role),
    platforms=st.frozensets(platforms, max_size=2),
    collector=st.sampled_from(Collector),
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
    misfits=st.dictionaries(digests, misfits, max_size=2),
)


@given(snapshots)
def test_every_snapshot_comes_back_as_it_went(snapshot: Snapshot) -> None:
    assert unpack(pack(snapshot)) == snapshot


@pytest.mark.parametrize(("strategy", "kind"), [(snapshots, Snapshot), (uses, Use)])
def test_the_property_varies_every_field(strategy: Any, kind: type) -> None:
    varied = strategy.wrapped_strategy.kwargs

    assert set(varied) == {field.name for field in fields(kind)}


@pytest.mark.parametrize("kept", [VERSION_1, VERSION_2])
def test_what_the_releases_before_kept_is_still_read(kept: str) -> None:
    made = worlds.image("kept")
    seen = scene(made, "v1", "linux/amd64").seal().snapshot(uses=(use("app:v1", "linux/amd64"),))

    assert unpack(base64.b64decode(kept)) == seen


def test_what_comes_back_are_digests_and_not_mere_text() -> None:
    snapshot = unpack(pack(incident().snapshot))

    assert all(isinstance(digest, Digest) for digest in snapshot.manifests)
    assert all(isinstance(digest, Digest) for _, digest in snapshot.sightings)


def test_a_layer_that_manifests_share_comes_back_once() -> None:
    images = [worlds.image(name, layers=(worlds.layer("base"),)) for name in ("one", "two")]
    read = {each.digest: parse(each.body, each.digest) for each in images}

    one, two = unpack(pack(Snapshot("r", 1.0, manifests=read))).manifests.values()

    assert one.links[1] is two.links[1]


def test_the_same_snapshot_gives_the_same_bytes() -> None:
    assert pack(incident().snapshot) == pack(incident().snapshot)


def unpacked() -> list[Any]:
    return msgspec.msgpack.decode(gzip.decompress(pack(incident().snapshot)), type=list)


def repacked(document: object) -> bytes:
    return gzip.compress(msgspec.msgpack.encode(document))


def test_another_version_is_refused_by_its_number_and_with_the_way_out() -> None:
    document = [*unpacked()[:1], VERSION + 1, {"a": "layout of tomorrow"}]

    with pytest.raises(Malformed, match=rf"version {VERSION + 1}.*reads {VERSION}.*new one"):
        unpack(repacked(document))


@pytest.mark.parametrize(
    ("packed", "message"),
    [
        (b"", "cut off"),
        (b"not gzip at all", "incorrect header"),
        (gzip.compress(b"[1, 2]"), "Expected `array`"),
        (repacked(["a cookbook", 1, None]), "calls itself 'a cookbook'"),
        (repacked(unpacked())[:-20], "cut off"),
    ],
)
def test_what_is_no_snapshot_is_refused_with_what_is_wrong(packed: bytes, message: str) -> None:
    with pytest.raises(Malformed, match=message):
        unpack(packed)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("sha256", b"\x00" * 33, "wrong length"),
        ("sha512", {0: b"\x00" * 63}, "wrong length"),
        ("sha512", {10_000: b"\x00" * 64}, "out of place"),
        ("roots", [["Not A Repository", None, None, 0, "live", []]], "not a repository name"),
        ("roots", [["app", "-", None, 0, "live", []]], "not a tag"),
        ("roots", [["app", None, 10_000, 0, "live", []]], "out of range"),
        ("roots", [["app", None, -1, 0, "live", []]], "Expected `int` >= 0"),
        ("manifests", [[0]], "Expected `array` of at least length 5"),
        ("manifests", [[0, 0, 1, [["layer", 0, 10_000, 1, None, None, False]], False]], "out of"),
        ("manifests", [[0, 10_000, 1, [], False]], "out of range"),
        ("seen", [["app", [0, 1], [0]]], "sightings without digests"),
        ("sealed", [["app", [0], []]], "tags without digests"),
        ("collector", "distribution-4", "Invalid enum value"),
    ],
)
def test_a_damaged_snapshot_is_refused_with_what_is_wrong(
    field: str, value: object, message: str
) -> None:
    name, version, body = unpacked()
    body[Wire.__struct_fields__.index(field)] = value

    with pytest.raises(Malformed, match=message):
        unpack(repacked([name, version, body]))


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise_anything_but_malformed(body: bytes) -> None:
    with pytest.raises(Malformed):
        unpack(gzip.compress(body))


def test_the_search_for_cycles_goes_on_afterwards() -> None:
    unpack(pack(incident().snapshot))
    assert gc.isenabled()

    with pytest.raises(Malformed):
        unpack(repacked([*unpacked()[:2], []]))
    assert gc.isenabled()
