"""A child is proven, gone, hollow or unknown; and the verdict says what that rests on."""

from __future__ import annotations

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import (
    ELSEWHERE,
    HASHED,
    HEADER,
    INLINED,
    Proof,
    Sighting,
    State,
    gone,
    unknown,
)
from exporter.judge.tag_verdict import ChildKind
from tests import worlds
from tests.judge.scene import BLIND, LOST, SHORT, scene

IMAGE = worlds.image("app")
INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
MISSING, BROKEN, UNKNOWN, PRESENT = State.MISSING, State.BROKEN, State.UNKNOWN, State.PRESENT


def test_a_child_of_which_everything_was_seen_is_present() -> None:
    child = scene(INDEX).child(AMD64.digest)

    assert (child.state, child.proof, child.reason) == (PRESENT, Proof.LAST_BYTE, None)
    assert (child.required, child.expected, child.lacks) == (True, True, ())
    assert (child.kind, str(child.platform)) == (ChildKind.IMAGE, "linux/amd64")


def test_a_child_whose_manifest_is_gone_is_missing_and_lacks_itself_only() -> None:
    child = scene(INDEX).lose(AMD64.digest, *(blob.digest for blob in AMD64.blobs)).child(
        AMD64.digest
    )  # fmt: skip

    assert (child.state, child.proof, child.reason) == (MISSING, Proof.CONFIRMED, None)
    assert [(lack.digest, lack.kind, lack.state) for lack in child.lacks] == [
        (AMD64.digest, "manifest", MISSING)
    ]


@pytest.mark.parametrize("lost", [LOST, SHORT])
@pytest.mark.parametrize("blob", [0, 1, 2])
def test_a_child_that_stands_over_lost_content_is_broken(lost: Sighting, blob: int) -> None:
    target = AMD64.blobs[blob]

    child = scene(INDEX).turn(lost, target.digest).child(AMD64.digest)

    assert (child.state, child.proof) == (BROKEN, Proof.CONFIRMED)
    (lack,) = child.lacks
    assert (lack.digest, lack.size, lack.state) == (target.digest, len(target.body), lost.state)
    assert (lack.kind, lack.detail) == ("layer" if blob else "config", lost.detail)


def test_a_manifest_whose_own_bytes_are_wrong_is_broken() -> None:
    child = scene(INDEX).turn(SHORT, AMD64.digest).child(AMD64.digest)

    assert child.state is BROKEN
    assert [(lack.digest, lack.kind) for lack in child.lacks] == [(AMD64.digest, "manifest")]


@pytest.mark.parametrize("reason", Reason)
def test_what_could_not_be_seen_is_unknown_with_its_reason(reason: Reason) -> None:
    hidden = unknown(reason, "why")
    for digest in (AMD64.digest, AMD64.config.digest, AMD64.layers[1].digest):
        child = scene(INDEX).turn(hidden, digest).child(AMD64.digest)

        assert (child.state, child.reason, child.proof) == (UNKNOWN, reason, Proof.NOTHING)
        assert [lack.digest for lack in child.lacks] == [digest]


def test_a_loss_outweighs_a_doubt() -> None:
    seen = scene(INDEX).turn(BLIND, AMD64.layers[0].digest).lose(AMD64.layers[1].digest)

    child = seen.child(AMD64.digest)

    assert (child.state, child.reason) == (BROKEN, None)
    assert len(child.lacks) == 2


def test_the_first_doubt_gives_the_reason() -> None:
    seen = scene(IMAGE).turn(BLIND, IMAGE.layers[0].digest)
    seen.turn(unknown(Reason.DENIED), IMAGE.layers[1].digest)

    assert seen.child().reason is Reason.TIMEOUT


def test_a_manifest_that_cannot_be_seen_lacks_what_was_lost_below_it_before() -> None:
    layers = AMD64.layers
    seen = scene(INDEX).turn(BLIND, AMD64.digest, layers[0].digest).lose(layers[1].digest)

    child = seen.child(AMD64.digest)

    assert child.state is BROKEN
    assert [lack.digest for lack in child.lacks] == [AMD64.digest, layers[1].digest]


def test_what_was_never_looked_at_is_unknown() -> None:
    seen = scene(INDEX)
    del seen.sightings["app", AMD64.layers[0].digest]

    child = seen.child(AMD64.digest)

    assert (child.state, child.reason) == (UNKNOWN, Reason.BY_DESIGN)


def test_content_in_another_repository_proves_nothing_here() -> None:
    seen = scene(INDEX)
    seen.sightings["other", AMD64.digest] = seen.sightings.pop(("app", AMD64.digest))

    assert seen.child(AMD64.digest).state is UNKNOWN


def test_present_rests_on_the_weakest_proof_of_a_blob() -> None:
    seen = scene(IMAGE).turn(HASHED, IMAGE.config.digest)

    assert seen.child().proof is Proof.LAST_BYTE
    assert seen.turn(HEADER, IMAGE.layers[1].digest).child().proof is Proof.HEAD


def test_without_blobs_present_rests_on_the_manifest() -> None:
    empty = worlds.index()

    assert not scene(empty).verdict().children
    artifact = worlds.image("bare", layers=())
    assert scene(artifact).turn(HEADER, artifact.config.digest).child().proof is Proof.HEAD


def test_a_foreign_layer_is_not_expected_here() -> None:
    image = worlds.windows("app")
    base = image.layers[0].digest

    seen = scene(image).turn(ELSEWHERE, base, image.layers[1].digest, image.config.digest)

    assert (seen.child().state, seen.child().proof) == (PRESENT, Proof.EXTERNAL)


def test_a_foreign_layer_that_another_image_misses_breaks_that_one_only() -> None:
    foreign = worlds.windows("app")
    base = foreign.layers[0]
    plain = worlds.image("plain", layers=(worlds.Blob(worlds.DOCKER_LAYER, base.body),))

    seen = scene(foreign).tag(plain, "v2").lose(base.digest)

    assert seen.child().state is PRESENT
    assert scene(foreign).turn(HEADER, base.digest).child().proof is Proof.LAST_BYTE
    assert [str(each.rule.code) for each in seen.findings()] == ["broken-child"]


def test_inline_content_is_carried_and_another_manifest_may_still_miss_it() -> None:
    inline = worlds.inline("note")
    plain = worlds.Made(
        inline.media_type,
        worlds.encoded(
            {
                "schemaVersion": 2,
                "config": {**inline.config.descriptor, "data": None},
                "layers": [inline.layers[0].descriptor],
            }
        ),
        inline.blobs,
    )
    seen = scene(inline).tag(plain, "v2").lose(inline.config.digest)

    assert seen.child().state is PRESENT
    assert [each.root.tag for each in seen.findings()] == ["v2"]
    assert seen.turn(INLINED, *(blob.digest for blob in inline.blobs)).child().proof is Proof.INLINE


def test_a_subject_is_never_needed() -> None:
    referrer = worlds.referrer(IMAGE)

    assert scene(referrer).lose(IMAGE.digest).child().state is PRESENT


def test_a_blob_that_an_index_lists_is_a_child_of_its_own() -> None:
    cache = worlds.build_cache("app")
    seen = scene(cache).lose(cache.blobs[1].digest)

    child = seen.child(cache.blobs[1].digest)

    assert (child.kind, child.state, child.required) == (ChildKind.CACHE, MISSING, False)
    assert [lack.kind for lack in child.lacks] == ["blob"]
    assert seen.verdict().state is PRESENT


def test_a_detail_is_told_on() -> None:
    seen = scene(IMAGE).turn(gone(MISSING, "404 MANIFEST_UNKNOWN"), IMAGE.digest)

    assert seen.child().lacks[0].detail == "404 MANIFEST_UNKNOWN"
