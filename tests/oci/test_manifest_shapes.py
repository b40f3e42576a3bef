"""What has an unknown or a doubtful shape is refused: it never means "points to nothing"."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    MANIFESTS,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
)
from exporter.oci.manifest import Manifest, parse, schema1_payload
from tests import worlds
from tests.worlds import Json, encoded

ONES = f"sha256:{'1' * 64}"
ENTRY: Json = {"mediaType": OCI_MANIFEST, "digest": ONES, "size": 9}
LAYER: Json = {"mediaType": worlds.OCI_LAYER, "digest": ONES, "size": 9}
CONFIG: Json = {"mediaType": worlds.OCI_CONFIG, "digest": ONES, "size": 9}
IMAGE: Json = {"schemaVersion": 2, "config": CONFIG, "layers": [LAYER]}
INDEX: Json = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ENTRY]}


def read(document: object) -> Manifest:
    return read_bytes(encoded(document))


def read_bytes(body: bytes) -> Manifest:
    return parse(body, Digest.of(body))


def entry(**fields: Any) -> Json:
    return INDEX | {"manifests": [ENTRY | fields]}


@pytest.mark.parametrize("stated", [{}, {"mediaType": None}, {"mediaType": ""}])
def test_without_a_type_the_fields_decide(stated: Json) -> None:
    assert read(IMAGE | stated).media_type == OCI_MANIFEST
    assert read({"schemaVersion": 2, "manifests": []} | stated).media_type == OCI_INDEX


def test_sizes_are_counted_in_64_bits() -> None:
    assert read(entry(size=2**63 - 1)).children[0].size == 2**63 - 1
    assert read(entry(size=0)).children[0].size == 0


FIELDS = [*IMAGE, *INDEX, *ENTRY, "subject", "artifactType", "fsLayers", "blobSum", "protected"]


@pytest.mark.parametrize("name", FIELDS)
def test_no_field_that_matters_may_stand_in_other_letters(name: str) -> None:
    with pytest.raises(Malformed, match="in another case"):
        read(IMAGE | {name.swapcase(): None})


def test_lists_that_are_null_or_empty_hold_nothing() -> None:
    assert not read(INDEX | {"manifests": None}).links
    assert not read(INDEX | {"manifests": []}).links
    assert len(read(IMAGE | {"layers": None}).links) == 1
    assert len(read({"schemaVersion": 2, "config": CONFIG}).links) == 1


def test_fields_that_may_be_null_may_be_null() -> None:
    nothing = dict.fromkeys(("platform", "annotations", "urls", "data", "artifactType"))

    assert read(entry(**nothing)).children[0].platform is None
    assert len(read(INDEX | {"subject": None, "annotations": None}).links) == 1
    platform = {"os": "linux", "architecture": "amd64", "variant": None}
    assert str(read(entry(platform=platform)).children[0].platform) == "linux/amd64"


@pytest.mark.parametrize("platform", [{}, {"os": "", "architecture": ""}, {"os": None}])
def test_a_blank_platform_says_nothing(platform: Json) -> None:
    assert read(entry(platform=platform)).children[0].platform is None


BAD = {
    "no object": [1],
    "no schema version": {"config": CONFIG, "layers": []},
    "schema version 3": IMAGE | {"schemaVersion": 3},
    "schema version 2.0": IMAGE | {"schemaVersion": 2.0},
    "schema version true": {"schemaVersion": True, "fsLayers": []},
    "schema version text": IMAGE | {"schemaVersion": "2"},
    "schema version nested": IMAGE | {"schemaVersion": [[2]]},
    "unknown type": IMAGE | {"mediaType": "application/vnd.example.v9+json"},
    "type with parameters": IMAGE | {"mediaType": f"{OCI_MANIFEST}; charset=utf-8"},
    "type false": IMAGE | {"mediaType": False},
    "type zero": IMAGE | {"mediaType": 0},
    "type list": IMAGE | {"mediaType": []},
    "type of schema 1 in version 2": {"schemaVersion": 2, "mediaType": SCHEMA1, "fsLayers": []},
    "type of an image in version 1": {
        "schemaVersion": 1,
        "mediaType": OCI_MANIFEST,
        "fsLayers": [],
    },
    "index without manifests": {"schemaVersion": 2, "mediaType": OCI_INDEX},
    "index with an object for manifests": INDEX | {"manifests": ENTRY},
    "index with text for manifests": INDEX | {"manifests": ONES},
    "index with layers": INDEX | {"layers": []},
    "index with a configuration": INDEX | {"mediaType": DOCKER_LIST, "config": None},
    "image with manifests": IMAGE | {"mediaType": OCI_MANIFEST, "manifests": []},
    "image with null for manifests": IMAGE | {"manifests": None},
    "image with layers of schema 1": IMAGE | {"mediaType": DOCKER_MANIFEST, "fsLayers": []},
    "image without configuration": {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "layers": []},
    "image with null for configuration": IMAGE | {"config": None},
    "image with text for configuration": IMAGE | {"config": ONES},
    "image with an object for layers": IMAGE | {"layers": {}},
    "image with zero for layers": IMAGE | {"layers": 0},
    "image with text among layers": IMAGE | {"layers": [ONES]},
    "image with null among layers": IMAGE | {"layers": [None]},
    "subject false": IMAGE | {"subject": False},
    "schema 1 without layers": {"schemaVersion": 1, "signatures": []},
    "schema 1 without a sum": {"schemaVersion": 1, "fsLayers": [{"blob": ONES}]},
    "size missing": entry(size=None),
    "size real": entry(size=9.0),
    "size true": entry(size=True),
    "size text": entry(size="9"),
    "size negative": entry(size=-1),
    "size past 64 bits": entry(size=2**63),
    "digest missing": entry(digest=None),
    "digest of another kind": entry(digest=f"md5:{'1' * 32}"),
    "digest in capitals": entry(digest=f"sha256:{'A' * 64}"),
    "digest in a list": entry(digest=[ONES]),
    "type of an entry missing": entry(mediaType=None),
    "type of an entry in a list": entry(mediaType=[OCI_MANIFEST]),
    "type of an entry with a surrogate": entry(mediaType="a/\ud800"),
    "type of an entry too long": entry(mediaType="a" * 256),
    "platform text": entry(platform="linux/amd64"),
    "platform of numbers": entry(platform={"os": 1, "architecture": "amd64"}),
    "platform with variant zero": entry(platform={"os": "l", "architecture": "a", "variant": 0}),
    "platform without os": entry(platform={"architecture": "amd64"}),
    "platform without architecture": entry(platform={"os": "linux", "architecture": ""}),
    "platform with a slash": entry(platform={"os": "linux/amd64", "architecture": "v1"}),
    "platform with a line end": entry(platform={"os": "linux\n", "architecture": "amd64"}),
    "data no text": entry(data=7),
    "data no base64": entry(data="!!"),
    "layers in other letters": IMAGE | {"Layers": []},
    "manifests in other letters": IMAGE | {"MANIFESTS": [ENTRY]},
    "manifests with a long s": IMAGE | {"manifest\u017f": [ENTRY]},
    "digest in other letters": entry(Digest=ONES),
    "platform in other letters": entry(platform={"OS": "linux", "os": "l", "architecture": "a"}),
}


@pytest.mark.parametrize("document", BAD.values(), ids=BAD)
def test_another_shape_is_refused(document: object) -> None:
    with pytest.raises(Malformed):
        read(document)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"null",
        b"<html></html>",
        b"\xef\xbb\xbf" + encoded(IMAGE),
        encoded(IMAGE).decode().encode("utf-16"),
        encoded(IMAGE) + b"x",
        encoded(IMAGE).replace(b'"layers"', b'"layers":[],"layers"'),
        encoded(IMAGE).replace(b'"size":9', b'"size":1,"size":9'),
        encoded(IMAGE).replace(b'"size":9', b'"size":NaN'),
        encoded(IMAGE).replace(b'"size":9', b'"size":1e1'),
        encoded(IMAGE).replace(b'"size":9', b'"size":' + b"9" * 5000),
        encoded(IMAGE | {"annotations": {"x": 0}}).replace(b":0}", b":Infinity}"),
    ],
)
def test_json_that_is_none_or_says_two_things_is_refused(body: bytes) -> None:
    with pytest.raises(Malformed):
        read_bytes(body)


@pytest.mark.parametrize("depth", [50, 400, 900, 980, 2_000, 200_000])
@pytest.mark.parametrize("field", ["schemaVersion", "mediaType", "config", "x"])
def test_deep_json_is_refused_or_passed_over(depth: int, field: str) -> None:
    deep = b"[" * depth + b"]" * depth
    body = encoded(IMAGE | {field: 0}).replace(f'"{field}":0'.encode(), b'"%s":%s' % (
        field.encode(), deep
    ))  # fmt: skip
    try:
        assert read_bytes(body).links
    except Malformed:
        assert field != "x" or depth > 300


def test_bytes_that_are_no_text_inside_a_remark_do_no_harm() -> None:
    body = encoded(IMAGE | {"annotations": {"by": "?"}}).replace(b"?", b"caf\xe9")

    assert len(read_bytes(body).links) == 2


def refusal(body: bytes) -> str:
    """Why either reading refuses these bytes; anything but `Malformed` is a fault of ours."""
    said = []
    for read_it in (read_bytes, schema1_payload):
        try:
            read_it(body)
        except Malformed as error:
            said.append(str(error))
    return " ".join(said)


WORDS = st.sampled_from([*IMAGE, *ENTRY, "manifests", "fsLayers", "platform", "os", "data", "Size"])
KNOWN = st.sampled_from([ONES, *sorted(MANIFESTS), 1, 2, CONFIG, LAYER, ENTRY])
PLAIN = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | WORDS
VALUES = st.recursive(
    PLAIN | KNOWN,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(WORDS, inner, max_size=5),
    max_leaves=12,
)
NEARLY = st.fixed_dictionaries(
    {"schemaVersion": st.sampled_from([1, 2])},
    optional={
        "mediaType": st.sampled_from(sorted(MANIFESTS)),
        "config": VALUES,
        "subject": VALUES,
        **{name: st.lists(VALUES, max_size=3) for name in ("layers", "manifests", "fsLayers")},
    },
)


@given(VALUES | NEARLY)
def test_any_json_is_a_manifest_or_malformed(document: object) -> None:
    assert refusal(json.dumps(document).encode()).isprintable()


@given(st.binary(max_size=200) | st.text(max_size=99).map(str.encode))
def test_any_bytes_are_a_manifest_or_malformed(body: bytes) -> None:
    assert refusal(body).isprintable()
