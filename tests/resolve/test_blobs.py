"""The bytes of each blob are proven once a repository, however many manifests share it."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import ELSEWHERE, HASHED, HEADER, INLINED, LAST_BYTE, Proof, State
from exporter.oci.links import OCI_INDEX
from exporter.oci.reference import Repository
from exporter.ports import Wrong
from exporter.resolve.blobs import BlobCheck
from exporter.resolve.target import AuditLimits
from exporter.resolve.walk import Walk
from tests import worlds
from tests.fakes import APP, NO_BLOB, NO_MANIFEST, TRUTH, Notes
from tests.resolve.steps import proven, pushed
from tests.schema1 import schema1
from tests.worlds import Blob, Made, encoded

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
IMAGE = worlds.image("app")
LAYER = IMAGE.layers[0].digest


async def test_the_last_byte_of_every_blob_is_read_once() -> None:
    registry = pushed(INDEX)

    walk, _ = await proven(registry, INDEX)

    blobs = [blob.digest for each in INDEX.children for blob in each.blobs]
    assert [walk.sightings[APP, each] for each in blobs] == [LAST_BYTE] * 6
    assert registry.counted() == {("GET", "blob"): 6}


async def test_a_blob_that_images_share_is_read_once_a_repository() -> None:
    base = worlds.layer("base")
    images = [worlds.image(name, layers=(base,)) for name in "abc"]
    registry = pushed(*images)
    registry.push(images[0], repository=Repository("other"))
    how = AuditLimits(confirm_after=0.0)
    walk = Walk(registry, Notes(), how)
    await walk.run(
        [*((APP, each.digest) for each in images), (Repository("other"), images[0].digest)]
    )

    await BlobCheck(walk).prove()

    assert registry.asked_about(base.digest) == 2


async def test_a_blob_that_is_denied_twice_is_missing() -> None:
    registry = pushed(IMAGE)
    registry.sweep(LAYER)

    walk, _ = await proven(registry, IMAGE)

    seen = walk.sightings[APP, LAYER]
    assert (seen.state, seen.proof, seen.detail) == (
        State.MISSING,
        Proof.CONFIRMED,
        "BLOB_UNKNOWN",
    )
    assert registry.asked_about(LAYER) == 2
    assert registry.asked_about(IMAGE.digest, "GET") == 1


async def test_a_blob_that_is_short_twice_is_broken() -> None:
    registry = pushed(IMAGE)
    registry.blobs[APP, LAYER] = b""

    walk, _ = await proven(registry, IMAGE)

    seen = walk.sightings[APP, LAYER]
    assert (seen.state, seen.detail) == (State.BROKEN, "0 of 601 bytes")


@pytest.mark.parametrize("once", [NO_BLOB, Wrong("0 of 9 bytes")])
async def test_a_blob_that_fails_once_is_present(once: Any) -> None:
    registry = pushed(IMAGE)
    registry.spoil(LAYER, once, TRUTH)

    walk, _ = await proven(registry, IMAGE)

    assert walk.sightings[APP, LAYER] == LAST_BYTE


async def test_a_blob_below_a_manifest_that_went_is_unconfirmed() -> None:
    registry = pushed(IMAGE)
    registry.sweep(LAYER)
    registry.spoil(IMAGE.digest, TRUTH, NO_MANIFEST)

    walk, _ = await proven(registry, IMAGE)

    assert walk.sightings[APP, LAYER].reason is Reason.UNCONFIRMED


@pytest.mark.parametrize("reason", Reason)
async def test_a_blob_that_cannot_be_seen_is_unknown_for_that_reason(reason: Reason) -> None:
    registry = pushed(IMAGE)
    registry.spoil(LAYER, reason)

    walk, _ = await proven(registry, IMAGE)

    seen = walk.sightings[APP, LAYER]
    assert (seen.state, seen.reason) == (State.UNKNOWN, reason)
    assert registry.asked_about(LAYER) == 1


async def test_nothing_is_read_below_what_is_not_there() -> None:
    registry = pushed(INDEX)
    registry.sweep(ARM64.digest)
    registry.spoil(AMD64.digest, Reason.TIMEOUT)

    notes = Notes({each.digest: each.body for each in INDEX.walk()})
    for kept in (None, notes):
        walk, _ = await proven(registry, INDEX, notes=kept)

        assert not registry.asked
        assert {digest for _, digest in walk.sightings} == {each.digest for each in INDEX.walk()}


async def test_what_was_seen_as_a_manifest_is_not_asked_for_as_a_blob() -> None:
    manifest = Blob(worlds.OCI_LAYER, AMD64.body)
    odd = worlds.image("odd", layers=(manifest,))
    registry = pushed(odd, AMD64)

    walk, _ = await proven(registry, odd, AMD64)

    assert walk.sightings[APP, AMD64.digest] == HASHED
    assert registry.asked_about(AMD64.digest) == 0


async def test_foreign_and_inline_content_is_not_asked_for() -> None:
    windows, inline = worlds.windows("app"), worlds.inline("note")
    registry = pushed(windows, inline)

    walk, _ = await proven(registry, windows, inline)

    assert walk.sightings[APP, windows.layers[0].digest] == ELSEWHERE
    assert walk.sightings[APP, inline.config.digest] == INLINED
    assert registry.asked_about(windows.layers[0].digest) == 0
    assert registry.asked_about(inline.config.digest) == 0


@pytest.mark.parametrize("first", [0, 1])
async def test_content_that_another_manifest_expects_here_is_asked_for(first: int) -> None:
    windows = worlds.windows("app")
    base = windows.layers[0]
    plain = worlds.image("plain", layers=(Blob(worlds.DOCKER_LAYER, base.body),))
    both = [windows, plain]
    registry = pushed(*both)
    registry.sweep(base.digest)

    walk, _ = await proven(registry, both[first], both[1 - first])

    assert walk.sightings[APP, base.digest].state is State.MISSING


async def test_two_manifests_that_dispute_a_size_make_it_unknown() -> None:
    size = {"size": 7}
    layer = Blob(worlds.OCI_LAYER, IMAGE.layers[0].body, extra=size)
    other = worlds.image("other", layers=(layer,))

    walk, _ = await proven(pushed(IMAGE, other), IMAGE, other)

    seen = walk.sightings[APP, LAYER]
    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.MALFORMED)


@pytest.mark.parametrize("first", [0, 1])
async def test_schema_1_which_states_no_size_disputes_none(first: int) -> None:
    old = schema1("old", "app", "v1")
    new = worlds.image("new", layers=(Blob(worlds.DOCKER_LAYER, old.blobs[0].body),))
    both = [old, new]
    registry = pushed(*both)
    registry.blobs[APP, old.blobs[0].digest] = b"short"

    walk, _ = await proven(registry, both[first], both[1 - first])

    assert walk.sightings[APP, old.blobs[0].digest].detail == "5 of 700 bytes"
    alone, _ = await proven(registry, old)
    assert alone.sightings[APP, old.blobs[0].digest] == LAST_BYTE


async def test_an_entry_of_a_type_that_nobody_knows_is_tried_as_both() -> None:
    strange = {**IMAGE.descriptor, "mediaType": "application/vnd.example.v9+json"}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [strange]}
    top = Made(OCI_INDEX, encoded(document), children=(IMAGE,))
    registry = pushed(top)

    walk, _ = await proven(registry, top)
    assert walk.sightings[APP, IMAGE.digest] == HEADER

    registry.sweep(IMAGE.digest)
    walk, _ = await proven(registry, top)
    assert walk.sightings[APP, IMAGE.digest].state is State.MISSING


async def test_heads_alone_are_believed_only_where_asked_for() -> None:
    registry = pushed(IMAGE)
    registry.spoil(IMAGE.config.digest, Reason.DENIED)
    registry.blobs[APP, LAYER] = b"short"

    walk, _ = await proven(registry, IMAGE, proof=Proof.HEAD)

    assert walk.sightings[APP, IMAGE.layers[1].digest] == HEADER
    assert walk.sightings[APP, IMAGE.config.digest].reason is Reason.DENIED
    seen = walk.sightings[APP, LAYER]
    assert (seen.state, seen.detail) == (State.BROKEN, "5 of 601 bytes")
    assert registry.counted()["GET", "blob"] == 2
    registry.sweep(LAYER)
    walk, _ = await proven(registry, IMAGE, proof=Proof.HEAD)
    assert walk.sightings[APP, LAYER].state is State.MISSING
    assert not registry.counted()["GET", "blob"]


async def test_a_head_that_states_a_wrong_length_breaks_nothing() -> None:
    registry = pushed(IMAGE)
    registry.spoil(LAYER, 0, TRUTH)

    walk, _ = await proven(registry, IMAGE, proof=Proof.HEAD)

    assert walk.sightings[APP, LAYER] == LAST_BYTE


async def test_a_head_that_tells_no_length_or_of_which_none_is_known_is_a_head() -> None:
    old = schema1("old", "app", "v1")
    registry = pushed(IMAGE, old)
    walk, _ = await proven(registry, old, proof=Proof.HEAD)
    assert walk.sightings[APP, old.blobs[0].digest] == HEADER

    registry.tells_lengths = False
    walk, _ = await proven(registry, IMAGE, proof=Proof.HEAD)
    assert walk.sightings[APP, LAYER] == HEADER
