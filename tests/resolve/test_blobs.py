"""The bytes of each blob are proven once a repository, however many manifests share it."""

from __future__ import annotations

from typing import Any

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import ELSEWHERE, HASHED, HEADER, INLINED, LAST_BYTE, Proof, State
from exporter.oci.digest import Malformed
from exporter.oci.manifest import OCI_INDEX
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from exporter.resolve.blobs import Blobs, stated_platform
from exporter.resolve.method import Method
from exporter.resolve.walk import Walk
from exporter.sources import Wrong
from tests import worlds
from tests.fakes import APP, NO_BLOB, NO_MANIFEST, TRUTH, Fake, Notes
from tests.schema1 import schema1
from tests.worlds import Blob, Made, encoded

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
IMAGE = worlds.image("app")
LAYER = IMAGE.layers[0].digest


def pushed(*made: Made) -> Fake:
    registry = Fake()
    for each in made:
        registry.push(each)
    return registry


async def proven(
    registry: Fake, *starts: Made, notes: Notes | None = None, **method: Any
) -> tuple[Walk, Blobs]:
    how = Method(width=4, confirm_after=0.0, **method)
    notes = notes or Notes()
    walk, blobs = Walk(registry, notes, how), Blobs(registry, notes, how)
    await walk.run((APP, each.digest) for each in starts)
    registry.asked.clear()
    await blobs.prove(walk)
    return walk, blobs


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
    how = Method(confirm_after=0.0)
    walk = Walk(registry, Notes(), how)
    await walk.run(
        [*((APP, each.digest) for each in images), (Repository("other"), images[0].digest)]
    )

    await Blobs(registry, Notes(), how).prove(walk)

    assert registry.asked_about(base.digest) == 2


async def test_the_configuration_of_what_no_index_places_is_read_whole_and_kept() -> None:
    registry, notes = pushed(IMAGE), Notes()

    walk, blobs = await proven(registry, IMAGE, notes=notes)

    assert blobs.platforms == {IMAGE.config.digest: Platform("linux", "amd64")}
    assert walk.sightings[APP, IMAGE.config.digest] == HASHED
    assert registry.counted() == {("GET", "whole"): 1, ("GET", "blob"): 2}
    walk, blobs = await proven(registry, IMAGE, notes=notes)
    assert blobs.platforms == {IMAGE.config.digest: Platform("linux", "amd64")}
    assert walk.sightings[APP, IMAGE.config.digest] == LAST_BYTE
    assert registry.counted() == {("GET", "blob"): 3}


async def test_an_entry_without_a_platform_has_its_configuration_read_too() -> None:
    bare = {name: ARM64.descriptor[name] for name in ("mediaType", "digest", "size")}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [bare]}
    top = Made(OCI_INDEX, encoded(document), children=(ARM64,))

    _, blobs = await proven(pushed(top), top)

    assert blobs.platforms == {ARM64.config.digest: Platform("linux", "arm64")}


@pytest.mark.parametrize("body", [b"[]", b"{", b'{"os": "linux"}', b'{"os": 1}'])
async def test_an_odd_configuration_states_nothing_and_does_no_harm(body: bytes) -> None:
    odd = Made(
        IMAGE.media_type,
        encoded(
            {"schemaVersion": 2, "config": Blob(worlds.OCI_CONFIG, body).descriptor, "layers": []}
        ),
        (Blob(worlds.OCI_CONFIG, body),),
    )

    walk, blobs = await proven(pushed(odd), odd)

    assert blobs.platforms == {}
    assert walk.sightings[APP, odd.config.digest] == HASHED


async def test_a_huge_configuration_and_one_of_an_artifact_are_not_read_whole() -> None:
    chart = worlds.chart("c")
    size = 4 * 2**20 + 1
    config = Blob(worlds.OCI_CONFIG, b" " * size)
    document = {"schemaVersion": 2, "config": config.descriptor, "layers": []}
    huge = Made(IMAGE.media_type, encoded(document), (config,))
    registry = pushed(chart, huge)

    await proven(registry, chart, huge)

    assert registry.counted() == {("GET", "blob"): 3}


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

    walk, _ = await proven(registry, INDEX)

    assert not registry.asked
    assert {digest for _, digest in walk.sightings} == {each.digest for each in INDEX.walk()}


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
    assert (seen.state, seen.detail) == (State.BROKEN, "HEAD says 5 bytes, the manifest 601")
    registry.sweep(LAYER)
    walk, _ = await proven(registry, IMAGE, proof=Proof.HEAD)
    assert walk.sightings[APP, LAYER].state is State.MISSING
    assert not registry.counted()["GET", "blob"]


async def test_an_inline_configuration_says_where_its_image_runs() -> None:
    body = IMAGE.config.body
    data = {"data": worlds.base64.b64encode(body).decode()}
    config = Blob(worlds.OCI_CONFIG, body, stored=False, extra=data)
    document = {"schemaVersion": 2, "config": config.descriptor, "layers": []}
    inline = Made(IMAGE.media_type, encoded(document), (config,))

    _, blobs = await proven(pushed(inline), inline)

    assert blobs.platforms == {config.digest: Platform("linux", "amd64")}


def test_a_configuration_states_its_platform_in_the_normal_form() -> None:
    stated = {"os": "Linux", "architecture": "aarch64", "variant": "v8", "config": {}}

    assert stated_platform(encoded(stated)) == Platform("linux", "arm64")
    for body in (b"\xff", b"[" * 100_000, b"7", encoded({"os": "a/b", "architecture": "c"})):
        with pytest.raises(Malformed):
            stated_platform(body)
