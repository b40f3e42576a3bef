"""A configuration is read whole where only it says on what its image runs."""

from __future__ import annotations

import pytest

from exporter.facts.proof import HASHED, LAST_BYTE
from exporter.oci.digest import Malformed
from exporter.oci.links import OCI_INDEX
from exporter.oci.platform import Platform
from exporter.resolve.blobs import stated_platform
from tests import worlds
from tests.fakes import APP, Notes
from tests.resolve.steps import proven, pushed
from tests.worlds import Blob, Made, encoded

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
IMAGE = worlds.image("app")


async def test_the_configuration_of_what_no_index_places_is_read_whole_and_kept() -> None:
    registry, notes = pushed(IMAGE), Notes()

    walk, blobs = await proven(registry, IMAGE, notes=notes)

    assert notes.bodies.keys() == {IMAGE.digest, IMAGE.config.digest}

    assert blobs.platforms == {IMAGE.config.digest: Platform("linux", "amd64")}
    assert walk.sightings[APP, IMAGE.config.digest] == HASHED
    assert registry.counted() == {("GET", "whole"): 1, ("GET", "blob"): 2}
    walk, blobs = await proven(registry, IMAGE, notes=notes)
    assert notes.handed == [1, 1]
    assert blobs.platforms == {IMAGE.config.digest: Platform("linux", "amd64")}
    assert walk.sightings[APP, IMAGE.config.digest] == LAST_BYTE
    assert registry.counted() == {("GET", "blob"): 3}


async def test_an_entry_without_a_platform_has_its_configuration_read_too() -> None:
    bare = {name: ARM64.descriptor[name] for name in ("mediaType", "digest", "size")}
    document = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [bare]}
    top = Made(OCI_INDEX, encoded(document), children=(ARM64,))

    _, blobs = await proven(pushed(top), top)

    assert blobs.platforms == {ARM64.config.digest: Platform("linux", "arm64")}


@pytest.mark.parametrize(
    "body",
    [
        b"[]",
        b"{",
        b'{"os": "linux"}',
        b'{"architecture": "arm", "variant": "v7"}',
        b'{"os": "linux", "variant": "v7"}',
        b'{"os": 1, "architecture": "amd64"}',
        b'{"os": "linux", "architecture": ["amd64"]}',
        b'{"os": "linux", "architecture": "amd64", "x": [' + b"[]," * 100_000 + b"[]]}",
    ],
)
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
