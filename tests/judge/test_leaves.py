"""A tag leads through its indexes to their ends, each once and in order."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.judge.leaves import View, grow
from exporter.judge.tag_verdict import ChildKind
from exporter.judge.verdict import verdicts
from exporter.oci.links import OCI_INDEX
from exporter.oci.platform import Platform
from tests import worlds
from tests.judge.scene import APP, BLIND, Scene, scene
from tests.worlds import Made, encoded

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
IMAGE, KIND = worlds.image("app", "linux/s390x"), ChildKind.IMAGE


def leaves(seen: Scene, made: Made) -> list[tuple[str, str | None, ChildKind]]:
    tree = grow(View(seen.snapshot(), APP), made.digest)
    return [
        (each.digest, None if each.platform is None else str(each.platform), each.kind)
        for each in tree.leaves
    ]


def listing(*entries: dict[str, Any]) -> Made:
    """An index with these very entries."""
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    return Made(OCI_INDEX, encoded(document))


def test_an_index_within_an_index_is_walked_through() -> None:
    top = worlds.index(IMAGE, worlds.index(INDEX))
    seen = scene(top)

    assert [each[0] for each in leaves(seen, top)] == [IMAGE.digest, AMD64.digest, ARM64.digest]
    tree = grow(View(seen.snapshot(), APP), top.digest)
    assert tree.nested == (top.children[1].digest, INDEX.digest)
    assert seen.verdict().indexes == tree.nested


def test_a_nested_index_that_is_gone_counts_once() -> None:
    top = worlds.index(IMAGE, INDEX)
    seen = scene(top).lose(INDEX.digest)

    assert leaves(seen, top) == [
        (IMAGE.digest, "linux/s390x", KIND),
        (INDEX.digest, None, ChildKind.INDEX),
    ]
    verdict = seen.verdict()
    assert verdict.state is State.BROKEN
    assert verdict.indexes == ()
    assert [child.required for child in verdict.children] == [True, True]


def test_no_platform_is_said_to_lack_where_a_gone_index_may_have_offered_it() -> None:
    top = worlds.index(IMAGE, INDEX)
    seen = scene(top, "v1", "linux/s390x", "linux/amd64").lose(INDEX.digest)

    verdict = seen.verdict()
    assert verdict.lacking_platforms == ()
    assert verdict.state is State.BROKEN
    assert [child.required for child in verdict.children] == [True, True]


def test_a_gone_index_is_not_needed_where_every_platform_finds_its_image() -> None:
    seen = scene(worlds.index(IMAGE, INDEX), "v1", "linux/s390x").lose(INDEX.digest)

    assert seen.verdict().state is State.PRESENT


def test_a_gone_index_of_one_platform_stands_for_that_platform_only() -> None:
    entry = {**INDEX.descriptor, "platform": {"os": "linux", "architecture": "amd64"}}
    top = listing(entry, worlds.image("old", "linux/386").descriptor)
    seen = scene(INDEX, "other").tag(top).tag(worlds.image("old", "linux/386"), "386")

    seen.lose(INDEX.digest).roots[:] = [replace(seen.roots[1], platforms=_platforms("amd64"))]
    assert seen.verdict().state is State.BROKEN
    seen.roots[:] = [replace(seen.roots[0], platforms=_platforms("s390x"))]
    assert [str(each) for each in seen.verdict().lacking_platforms] == ["linux/s390x"]


def _platforms(architecture: str) -> frozenset[Platform]:
    return frozenset({Platform("linux", architecture)})


def test_an_index_that_cannot_be_seen_now_is_told_beside_what_it_lists() -> None:
    seen = scene(INDEX).turn(BLIND, INDEX.digest)

    assert [each[0] for each in leaves(seen, INDEX)] == [
        INDEX.digest,
        AMD64.digest,
        ARM64.digest,
    ]
    assert seen.verdict().state is State.UNKNOWN
    assert seen.lose(ARM64.digest).verdict().state is State.BROKEN


def test_a_nested_index_that_cannot_be_seen_is_a_doubt_wherever_it_stands() -> None:
    seen = scene(worlds.index(IMAGE, INDEX), "v1", "linux/s390x").turn(BLIND, INDEX.digest)

    verdict = seen.verdict()
    assert verdict.state is State.UNKNOWN
    assert verdict.indexes == ()
    assert [child.required for child in verdict.children] == [True, True, False, False]


def test_an_index_of_which_nothing_is_known_is_one_child() -> None:
    seen = scene(INDEX).turn(BLIND, INDEX.digest)
    del seen.manifests[INDEX.digest]

    (child,) = seen.verdict().children
    assert (child.digest, child.kind, child.required) == (INDEX.digest, KIND, True)


def test_what_two_indexes_share_counts_once() -> None:
    top = worlds.index(worlds.index(AMD64, IMAGE), worlds.index(AMD64, ARM64))

    assert [each[0] for each in leaves(scene(top), top)] == [
        AMD64.digest,
        IMAGE.digest,
        ARM64.digest,
    ]


def test_one_manifest_for_two_platforms_is_two_children() -> None:
    other = {**AMD64.descriptor, "platform": {"os": "linux", "architecture": "arm64"}}
    top = listing(AMD64.descriptor, AMD64.descriptor, other)
    seen = scene(top).tag(AMD64, "direct")

    assert [each[1] for each in leaves(seen, top)] == ["linux/amd64", "linux/arm64"]
    keys = [each.key for each in seen.lose(AMD64.digest).seal().findings()]
    assert len(keys) == len(set(keys))


def test_one_manifest_listed_as_two_things_is_the_image() -> None:
    blob = {**AMD64.descriptor, "mediaType": worlds.OCI_LAYER}
    for entries in ((AMD64.descriptor, blob), (blob, AMD64.descriptor)):
        top = listing(*entries)
        seen = scene(top).tag(AMD64, "direct")

        assert leaves(seen, top) == [(AMD64.digest, "linux/amd64", KIND)]


def test_a_node_goes_by_the_platform_of_an_entry_and_not_by_its_mark() -> None:
    marks = {"annotations": {"vnd.docker.reference.type": "attestation-manifest"}}
    bare = {name: AMD64.descriptor[name] for name in ("mediaType", "digest", "size")}
    marked, unmarked = listing({**AMD64.descriptor, **marks}), listing({**bare, **marks})
    seen = scene(AMD64, "direct").tag(marked, "a").tag(unmarked, "b")

    assert leaves(seen, marked)[0][2] is KIND
    assert leaves(seen, unmarked)[0][2] is ChildKind.ATTESTATION


def test_an_entry_without_a_platform_runs_where_its_configuration_says() -> None:
    bare = {name: ARM64.descriptor[name] for name in ("mediaType", "digest", "size")}
    top = listing(bare)
    seen = scene(top, "v1", "linux/amd64").tag(ARM64, "direct")

    assert leaves(seen, top) == [(ARM64.digest, "linux/arm64", KIND)]
    assert seen.verdict().state is State.BROKEN


def test_an_artifact_is_needed_where_its_entry_states_a_platform() -> None:
    chart = worlds.chart("c")
    stated = {**chart.descriptor, "platform": {"os": "linux", "architecture": "amd64"}}
    seen = scene(chart, "direct")
    top = listing(stated, {**AMD64.descriptor, "digest": str(worlds.Digest.of(b"other"))})
    seen.tag(top, "v1", "linux/amd64").roots.reverse()

    assert leaves(seen, top)[0][2] is ChildKind.ARTIFACT
    assert [child.required for child in seen.verdict().children] == [True, False]
    assert seen.verdict().lacking_platforms == ()


def test_an_artifact_in_an_index_is_not_needed_without_one() -> None:
    top = worlds.index(AMD64, worlds.chart("c"))

    assert [child.required for child in scene(top).verdict().children] == [True, False]


def test_an_entry_that_says_index_and_is_an_image_is_an_image() -> None:
    lying = {**AMD64.descriptor, "mediaType": OCI_INDEX}
    top = listing(lying)

    assert leaves(scene(top).tag(AMD64, "direct"), top) == [(AMD64.digest, "linux/amd64", KIND)]
    gone = {**lying, "digest": str(worlds.Digest.of(b"other"))}
    assert leaves(scene(listing(gone)), listing(gone))[0][2] is ChildKind.INDEX


def test_a_thousand_indexes_within_each_other_are_walked_through() -> None:
    seen, top = Scene(), AMD64
    for level in range(1500):
        bare = {name: top.descriptor[name] for name in ("mediaType", "digest", "size")}
        top = listing(bare)
        seen.tag(top, f"level{level}")
    seen.tag(AMD64, "image")

    assert [each[0] for each in leaves(seen, top)] == [AMD64.digest]


def test_indexes_that_list_the_next_one_twice_are_walked_through_once() -> None:
    seen, top = Scene(), INDEX
    for level in range(60):
        bare = {name: top.descriptor[name] for name in ("mediaType", "digest", "size")}
        top = listing(bare, {**bare, "annotations": {"again": "yes"}})
        seen.tag(top, f"level{level}")
    seen.tag(INDEX, "image")

    assert [each[0] for each in leaves(seen, top)] == [AMD64.digest, ARM64.digest]


def test_a_cached_blob_is_never_chosen_whatever_its_entry_says() -> None:
    blob = {**AMD64.descriptor, "mediaType": worlds.OCI_LAYER}
    top = listing(blob, INDEX.descriptor)
    seen = scene(INDEX, "direct").tag(top, "v1", "linux/amd64").lose(INDEX.digest)
    seen.roots.reverse()

    assert [child.required for child in seen.verdict().children] == [False, True]
    alone = scene(AMD64, "direct").tag(listing(blob), "v1", "linux/arm64")
    alone.roots.reverse()
    assert alone.verdict().lacking_platforms == ()


def test_artifacts_with_platforms_are_chosen_by_them() -> None:
    chart = worlds.chart("c")
    stated = {**chart.descriptor, "platform": {"os": "linux", "architecture": "amd64"}}
    seen = scene(chart, "direct").tag(listing(stated), "v1", "linux/s390x")
    seen.roots.reverse()

    assert [str(each) for each in seen.verdict().lacking_platforms] == ["linux/s390x"]


def test_a_subject_leads_nowhere() -> None:
    top = worlds.index(AMD64, subject=IMAGE)

    assert [each[0] for each in leaves(scene(top), top)] == [AMD64.digest]


def test_a_length_that_an_index_misstates_leaves_open_whether_it_can_be_pulled_through_it() -> None:
    top = listing({**AMD64.descriptor, "size": AMD64.descriptor["size"] + 1}, ARM64.descriptor)
    misstated = replace(top, children=(AMD64, ARM64))
    seen = scene(misstated).tag(AMD64, "direct")

    there, other = seen.verdict().children
    assert (there.state, there.reason) == (State.UNKNOWN, Reason.MALFORMED)
    assert "bytes, it has" in there.lacks[0].detail
    assert other.state is State.PRESENT
    assert seen.verdict().state is State.UNKNOWN
    (direct,) = (each for each in verdicts(seen.snapshot()) if each.root.name == "direct")
    assert direct.state is State.PRESENT

    assert seen.lose(AMD64.digest).verdict().children[0].state is State.MISSING


def test_a_nested_index_whose_length_is_misstated_is_in_doubt() -> None:
    top = listing({**INDEX.descriptor, "size": 1})

    assert scene(replace(top, children=(INDEX,))).verdict().state is State.UNKNOWN
