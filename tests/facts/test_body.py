"""Are plain manifests read as distribution's collectors read them, and others refused?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import body
from exporter.facts.body import Body, Unreadable
from exporter.oci.links import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

_KNOWN = {"config", "layers", "digest", "name", "tag", "size", "urls", "data", "os"}
"""Keys of at most six letters that a manifest may have, in lower case."""


def _read(**fields: object) -> Body:
    return body.read(json.dumps({"schemaVersion": 2, **fields}).encode())


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, DOCKER_MANIFEST, None])
def test_an_image_refers_to_its_configuration_and_its_layers(media_type: str | None) -> None:
    fields = {"mediaType": media_type} if media_type else {}

    found = _read(**fields, config={"digest": "c"}, layers=[{"digest": "l"}, {"digest": "l"}])

    assert found == Body(("c", "l", "l"))


@pytest.mark.parametrize("media_type", [OCI_INDEX, DOCKER_LIST, None])
def test_an_index_refers_to_what_it_lists(media_type: str | None) -> None:
    fields = {"mediaType": media_type} if media_type else {}

    assert _read(**fields, manifests=[{"digest": "m"}]) == Body(("m",), is_index=True)


def test_a_missing_configuration_counts_as_the_empty_digest() -> None:
    assert _read(mediaType=OCI_MANIFEST) == Body(("",))


def test_a_subject_is_no_reference() -> None:
    assert _read(config={"digest": "c"}, subject={"digest": "s"}) == Body(("c",))


def test_manifests_that_are_null_leave_an_image() -> None:
    assert _read(manifests=None, config={"digest": "c"}) == Body(("c",))


def test_schema_1_is_read_by_distribution_2_only() -> None:
    found = body.read(b'{"schemaVersion":1,"name":"a","fsLayers":[{"blobSum":"l"}]}')

    assert found == Body(("l",), fault_3="unrecognized manifest schema version 1")


@pytest.mark.parametrize("content", [b"", b'{"schemaVersion":2,"lay', b'{"a":tru', b'{"a":"'])
def test_a_text_cut_off_is_an_unexpected_end(content: bytes) -> None:
    assert body.read(content).fault_2 == "unexpected end of JSON input"


def test_an_unknown_type_stops_both_collectors() -> None:
    found = _read(mediaType="weird/type")

    message = "errors verifying manifest: unrecognized manifest content type weird/type"
    assert (found.fault_2, found.fault_3) == (message, message)


@pytest.mark.parametrize(
    "fields",
    [
        {"manifests": 7},
        {"config": None},
        {"config": {"digest": None}},
        {"config": {"data": "%"}},
        {"config": {"size": 1 << 63}},
        {"layers": [{"platform": {"os": 7}}]},
        {"annotations": [7]},
        {"schemaVersion": 1, "history": 7},
        {"schemaVersion": 1, "fsLayers": [{"blobSum": 7}]},
    ],
    ids=str,
)
def test_a_value_of_a_wrong_type_is_unreadable(fields: dict[str, object]) -> None:
    with pytest.raises(Unreadable):
        _read(**fields)


@pytest.mark.parametrize("rotten", [b"\xff", b"\xc3(", b"\xed\xa0\x80"])
def test_a_rotten_byte_is_unreadable(rotten: bytes) -> None:
    with pytest.raises(Unreadable):
        body.read(b'{"schemaVersion":2,"config":{"digest":"c%s"}}' % rotten)


@pytest.mark.parametrize(
    "key", ["Config", "CONFIG", "layer\u017f", "Digest", "\\u0043onfig", "\\u0063onfig"]
)
def test_a_known_key_in_other_letters_is_unreadable(key: str) -> None:
    content = f'{{"schemaVersion":2,"config":{{"digest":"c"}},"{key}":{{}}}}'

    with pytest.raises(Unreadable, match="in another case"):
        body.read(content.encode())


@pytest.mark.parametrize("twice", ["config", "layers", "manifests"])
def test_a_key_that_go_would_merge_is_unreadable(twice: str) -> None:
    value = "{}" if twice == "config" else "[]"
    with pytest.raises(Unreadable, match="duplicate key"):
        body.read(f'{{"schemaVersion":2,"{twice}":{value},"{twice}" :{value}}}'.encode())


def test_a_schema_1_manifest_with_space_before_it_is_unreadable() -> None:
    content = b'{"schemaVersion":1,"fsLayers":[{"blobSum":"l"}]}'

    assert body.read(content + b"\r\n ").references == ("l",)
    with pytest.raises(Unreadable):
        body.read(b"\n" + content)


@pytest.mark.parametrize("size", [-(1 << 63), (1 << 63) - 1])
def test_a_number_that_just_fits_is_read(size: int) -> None:
    assert _read(config={"digest": "c", "size": size}) == Body(("c",))


@pytest.mark.parametrize("text", ['say "Config": no', '":"', ' {"config": 1, "config": 2}', "\\"])
def test_a_text_that_looks_like_a_key_is_none(text: str) -> None:
    assert _read(config={"digest": "c", "annotations": {"a": text}}) == Body(("c",))


_VALUES = st.none() | st.integers() | st.text(max_size=3) | st.just([])


@given(
    st.dictionaries(st.text(max_size=6).filter(lambda key: key.casefold() not in _KNOWN), _VALUES)
)
def test_keys_that_nobody_knows_change_nothing(more: dict[str, object]) -> None:
    assert _read(**{"config": {"digest": "c"}, **more}) == Body(("c",))


@given(st.binary(max_size=60))
def test_any_bytes_are_refused_or_stop_both_collectors(content: bytes) -> None:
    try:
        found = body.read(content)
    except Unreadable:
        return
    assert found.fault_2
    assert found.fault_3
