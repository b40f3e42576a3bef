"""A manifest of every kind points to what it points to, and each pointer knows what it is."""

from __future__ import annotations

import base64
from typing import Any

import pytest

from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import (
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_ARTIFACT,
    OCI_INDEX,
    OCI_MANIFEST,
    SCHEMA1,
    SCHEMA1_SIGNED,
    Descriptor,
    Kind,
)
from exporter.oci.manifest import Manifest, parse, schema1_payload
from exporter.oci.platform import Platform
from tests import worlds
from tests.worlds import Json, Made, encoded

D = str(Digest.of(b"something"))
ENTRY: Json = {"mediaType": OCI_MANIFEST, "digest": D, "size": 9}
CONFIG: Json = {"mediaType": worlds.OCI_CONFIG, "digest": D, "size": 9}


def read(document: object) -> Manifest:
    body = encoded(document)
    return parse(body, Digest.of(body))


def parsed(made: Made) -> Manifest:
    return parse(made.body, made.digest)


def index_of(**fields: Any) -> Manifest:
    return read({"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [ENTRY | fields]})


@pytest.mark.parametrize("docker", [False, True])
def test_an_image_points_to_its_configuration_and_layers_in_order(*, docker: bool) -> None:
    made = worlds.image("app", docker=docker)
    manifest = parsed(made)

    assert [link.kind for link in manifest.links] == [Kind.CONFIG, Kind.LAYER, Kind.LAYER]
    assert [each.digest for each in manifest.content] == [blob.digest for blob in made.blobs]
    assert [each.size for each in manifest.content] == [len(blob.body) for blob in made.blobs]
    assert manifest.config == manifest.links[0].target
    assert manifest.media_type == (DOCKER_MANIFEST if docker else OCI_MANIFEST)
    assert (manifest.size, manifest.digest) == (len(made.body), made.digest)
    assert not manifest.is_index
    assert not manifest.artifact
    assert not manifest.children


@pytest.mark.parametrize("docker", [False, True])
def test_an_index_points_to_its_children_with_their_platforms(*, docker: bool) -> None:
    made = worlds.two_platforms("app", docker=docker)
    manifest = parsed(made)

    assert manifest.is_index
    assert manifest.media_type == (DOCKER_LIST if docker else OCI_INDEX)
    assert [each.digest for each in manifest.children] == [each.digest for each in made.children]
    assert [str(each.platform) for each in manifest.children] == ["linux/amd64", "linux/arm64"]
    assert not manifest.content
    assert manifest.config is None


def test_an_index_within_an_index_is_a_child_that_is_an_index() -> None:
    (child,) = parsed(worlds.index(worlds.two_platforms("app"))).children

    assert child.is_index
    assert child.is_manifest


def test_buildkits_cache_lists_blobs_and_no_children() -> None:
    manifest = parsed(worlds.build_cache("app"))

    assert not manifest.children
    assert {link.kind for link in manifest.links} == {Kind.BLOB}
    assert len(manifest.content) == 3


def test_an_entry_of_an_unknown_type_is_a_blob_and_no_error() -> None:
    (link,) = index_of(mediaType="application/vnd.example.new+json").links

    assert link.kind is Kind.BLOB
    assert not link.target.is_manifest


@pytest.mark.parametrize("media_type", [OCI_ARTIFACT, SCHEMA1, SCHEMA1_SIGNED, DOCKER_LIST])
def test_older_kinds_of_manifest_are_children_too(media_type: str) -> None:
    assert len(index_of(mediaType=media_type).children) == 1


def test_an_attestation_is_marked() -> None:
    image = worlds.image("app")
    children = parsed(worlds.index(image, worlds.attestation(image))).children

    assert [each.attestation for each in children] == [False, True]
    assert children[1].platform == Platform("unknown", "unknown")


@pytest.mark.parametrize("mark", ["no-attestation", "attestation", ["attestation-manifest"], 1])
def test_another_mark_is_no_attestation(mark: object) -> None:
    (child,) = index_of(annotations={"vnd.docker.reference.type": mark}).children

    assert not child.attestation


def test_a_subject_is_a_weak_link_and_no_content() -> None:
    image = worlds.image("app")
    manifest = parsed(worlds.referrer(image))

    assert [link.target.digest for link in manifest.links if link.kind is Kind.SUBJECT] == [
        image.digest
    ]
    assert image.digest not in {each.digest for each in manifest.content}
    assert manifest.artifact


def test_an_index_may_have_a_subject() -> None:
    image = worlds.image("app")
    manifest = parsed(worlds.index(image, subject=worlds.image("other")))

    assert [each.digest for each in manifest.children] == [image.digest]


@pytest.mark.parametrize("made", [worlds.chart("c"), worlds.inline("i")])
def test_what_has_no_images_configuration_is_an_artifact(made: Made) -> None:
    assert parsed(made).artifact


@pytest.mark.parametrize(
    ("kind", "artifact"), [("application/x", True), ("", False), (None, False)]
)
def test_an_artifact_type_makes_an_artifact(kind: str | None, *, artifact: bool) -> None:
    document = {"schemaVersion": 2, "artifactType": kind, "config": CONFIG, "layers": []}

    assert read(document).artifact is artifact


def test_the_withdrawn_artifact_manifest_lists_blobs() -> None:
    manifest = read({"mediaType": OCI_ARTIFACT, "blobs": [CONFIG], "subject": ENTRY})

    assert [link.kind for link in manifest.links] == [Kind.BLOB, Kind.SUBJECT]
    assert manifest.artifact
    assert not read({"mediaType": OCI_ARTIFACT}).links


def test_foreign_layers_are_told_by_their_type_and_not_by_their_addresses() -> None:
    base, own = parsed(worlds.windows("app")).content[1:]

    assert not base.distributable
    assert own.distributable
    assert Descriptor(worlds.OCI_LAYER, own.digest, 1).distributable
    nondistributable = "application/vnd.oci.image.layer.nondistributable.v1.tar+zstd"
    assert not Descriptor(nondistributable, own.digest, 1).distributable


def test_content_is_inline_only_where_it_is_the_very_content() -> None:
    body = b'{"a": 1}'
    data = base64.b64encode(body).decode()
    fields = {"digest": str(Digest.of(body)), "size": len(body), "data": data}
    other = base64.b64encode(b'{"a": 2}').decode()

    assert index_of(**fields).children[0].inline
    assert not index_of(**fields | {"data": other}).children[0].inline
    assert not index_of(**fields | {"size": 3}).children[0].inline
    assert not index_of(**fields | {"data": None}).children[0].inline


def test_inline_content_may_be_unpadded_and_of_either_alphabet() -> None:
    body = bytes(range(248, 256))
    for text in (base64.b64encode(body), base64.urlsafe_b64encode(body).rstrip(b"=")):
        assert index_of(data=text.decode()).children[0].data == body


@pytest.mark.parametrize("value", ["{}", "[]", "0", '{"a":[]}', '""'])
def test_a_body_of_too_many_values_is_refused_before_it_is_parsed(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = f"[{','.join([value] * 100_001)}]".encode()
    monkeypatch.setattr("json.loads", None)

    for reader in (lambda: parse(body, Digest.of(body)), lambda: schema1_payload(body)):
        with pytest.raises(Malformed, match="more than 100,000 JSON values"):
            reader()


def test_a_body_of_as_many_values_as_may_be_is_read() -> None:
    document = {"schemaVersion": 2, "config": CONFIG, "layers": [], "x": [[]] * 49_990}

    assert read(document).config is not None


def test_only_types_that_others_use_too_are_interned() -> None:
    short, long = "application/x.of.this.test", "application/" + "x" * 60
    first, second, alone, other = (
        read({"schemaVersion": 2, "config": {**CONFIG, "mediaType": kind}, "layers": []}).links
        for kind in (short, short, long, long)
    )

    assert first.shape is second.shape
    assert alone.shape is not other.shape
    assert alone[0].target.media_type == long
