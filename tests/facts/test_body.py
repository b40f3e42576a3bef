"""Are manifests read as distribution's collectors read them, mistakes and all?"""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import body
from exporter.facts.body import Body
from exporter.oci.manifest import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

_TYPES = (OCI_INDEX, DOCKER_LIST, OCI_MANIFEST, DOCKER_MANIFEST)


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


@pytest.mark.parametrize("rotten", [b"\xff", b"\xc3(", b"\xed\xa0\x80"])
def test_a_rotten_byte_is_read_over_as_go_does(rotten: bytes) -> None:
    content = b'{"schemaVersion":2,"config":{"digest":"c"},"layers":[{"digest":"l%s"}]}' % rotten

    first, second = body.read(content).references
    assert first == "c"
    assert second.startswith("l\ufffd")


def test_a_subject_is_no_reference() -> None:
    assert _read(config={"digest": "c"}, subject={"digest": "s"}) == Body(("c",))


def test_manifests_that_are_null_leave_an_image() -> None:
    assert _read(manifests=None, config={"digest": "c"}) == Body(("c",))


def test_go_reads_keys_in_any_case() -> None:
    content = b'{"SchemaVersion":2,"Config":{"DIGEST":"c"},"layer\\u017f":[{"digest":"l"}]}'

    assert body.read(content) == Body(("c", "l"))


def test_go_merges_what_is_there_twice() -> None:
    content = b'{"schemaVersion":2,"config":{"digest":"c"},"config":{"size":1}}'

    assert body.read(content) == Body(("c",))


def test_schema_1_is_read_by_distribution_2_only() -> None:
    found = body.read(b'{"schemaVersion":1,"name":"a","fsLayers":[{"blobSum":"l"}]}')

    assert found == Body(("l",), fault_3="unrecognized manifest schema version 1")


@pytest.mark.parametrize("content", [b"", b'{"schemaVersion":2,"lay', b"tru", b'{"a":"'])
def test_a_text_cut_off_is_an_unexpected_end(content: bytes) -> None:
    assert body.read(content).fault_2 == "unexpected end of JSON input"


def test_an_unknown_type_stops_both_collectors() -> None:
    found = _read(mediaType="weird/type")

    message = "errors verifying manifest: unrecognized manifest content type weird/type"
    assert (found.fault_2, found.fault_3) == (message, message)


def test_a_wrong_type_without_a_media_type_is_a_crash() -> None:
    found = _read(manifests=7)

    assert found.fault_2.startswith("panic:")
    assert found.fault_3.startswith("panic:")


def test_embedded_data_that_is_no_base64_stops_distribution_3_only() -> None:
    found = _read(mediaType=OCI_MANIFEST, config={"digest": "c", "data": "%"})

    assert (found.references, found.fault_2) == (("c",), "")
    assert found.fault_3


@pytest.mark.parametrize("media_type", [DOCKER_MANIFEST, DOCKER_LIST])
def test_dockers_types_have_no_annotations_whose_type_could_be_wrong(media_type: str) -> None:
    found = _read(mediaType=media_type, config={"digest": "c"}, annotations=[7])

    assert (found.fault_2, found.fault_3) == ("", "")


@pytest.mark.parametrize("media_type", [OCI_MANIFEST, None])
def test_annotations_of_a_wrong_type_stop_both_collectors(media_type: str | None) -> None:
    fields = {"mediaType": media_type} if media_type else {}

    found = _read(**fields, config={"digest": "c"}, annotations=[7])

    assert found.fault_2
    assert found.fault_3


@pytest.mark.parametrize("field", ["name", "tag", "architecture", "history"])
def test_a_schema_1_manifest_with_a_field_of_a_wrong_type_stops_distribution_2(field: str) -> None:
    layers = [{"blobSum": "l"}]

    assert _read(schemaVersion=1, fsLayers=layers, **{field: None}).fault_2 == ""
    assert _read(schemaVersion=1, fsLayers=layers, **{field: 7}).fault_2


@pytest.mark.parametrize("more", [b"}", b',"unknown to all":0}'])
def test_a_schema_1_manifest_with_space_before_it_stops_distribution_2(more: bytes) -> None:
    content = b'{"schemaVersion":1,"fsLayers":[{"blobSum":"l"}]' + more

    assert body.read(content + b"\r\n ").fault_2 == ""
    assert body.read(b"\n" + content).fault_2


@pytest.mark.parametrize("size", [-(1 << 63), (1 << 63) - 1])
def test_a_number_that_just_fits_stops_nobody(size: int) -> None:
    content = f'{{"schemaVersion":2,"config":{{"digest":"c","size":{size}}},"unknown to all":0}}'

    assert body.read(content.encode()) == Body(("c",))


_DESCRIPTORS = st.fixed_dictionaries(
    {},
    optional={
        "digest": st.text(max_size=3),
        "size": st.integers(-(1 << 70), 1 << 70) | st.none() | st.floats(0, 9),
        "mediaType": st.text(max_size=3) | st.none(),
        "annotations": st.dictionaries(st.text(max_size=2), st.text(max_size=2), max_size=1),
        "data": st.sampled_from(["", "e30=", "%", 7]),
        "more": st.none(),
    },
)
_DOCUMENTS = st.fixed_dictionaries(
    {"schemaVersion": st.sampled_from([2, 2, 2, 1, 3, "2", None])},
    optional={
        "mediaType": st.sampled_from([*_TYPES, "", "weird/type", None]),
        "config": _DESCRIPTORS | st.none() | st.integers(),
        "layers": st.lists(_DESCRIPTORS, max_size=2) | st.none(),
        "manifests": st.lists(_DESCRIPTORS, max_size=2) | st.none(),
    },
)


@given(_DOCUMENTS)
def test_the_quick_way_and_the_slow_way_agree(document: dict[str, object]) -> None:
    content = json.dumps(document).encode()

    quick = body.read(content)

    slow = body.read(content[:-1] + b', "unknown to all": 0}')
    assert quick == slow


@given(st.binary(max_size=60))
def test_any_bytes_are_read_or_refused(content: bytes) -> None:
    found = body.read(content)

    assert found.fault_2
    assert found.fault_3
