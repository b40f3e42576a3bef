"""Schema 1, which registries still hold: its digest leaves its own signature out."""

from __future__ import annotations

import base64

import pytest

from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import SCHEMA1, SCHEMA1_SIGNED, Kind
from exporter.oci.manifest import parse, schema1_payload
from tests.schema1 import schema1
from tests.worlds import encoded

MADE = schema1("old", "library/old", "v1")


def test_the_digest_covers_the_body_without_its_signature() -> None:
    payload = schema1_payload(MADE.body)

    assert payload == MADE.payload
    assert MADE.digest.names(payload)
    assert not MADE.digest.names(MADE.body)


def test_it_points_to_its_layers_whose_sizes_nobody_knows() -> None:
    manifest = parse(MADE.body, MADE.digest)

    (link,) = manifest.links
    assert manifest.media_type == SCHEMA1_SIGNED
    assert (link.kind, link.target.digest, link.target.size) == (
        Kind.LAYER,
        MADE.blobs[0].digest,
        None,
    )
    assert manifest.config is None
    assert not manifest.artifact


def test_one_without_a_signature_is_a_manifest_too() -> None:
    assert MADE.payload is not None

    assert parse(MADE.payload, Digest.of(MADE.payload)).media_type == SCHEMA1


def signed(protected: object) -> bytes:
    text = base64.urlsafe_b64encode(encoded(protected)).decode()
    return encoded({"schemaVersion": 1, "fsLayers": [], "signatures": [{"protected": text}]})


@pytest.mark.parametrize(
    "body",
    [
        MADE.payload,
        encoded({"signatures": []}),
        encoded({"signatures": [{}]}),
        encoded({"signatures": ["x"]}),
        encoded({"signatures": [{"protected": "e30"}]}),
        signed({"formatLength": 10**9, "formatTail": "Cn0"}),
        signed({"formatLength": -1, "formatTail": "Cn0"}),
        signed({"formatLength": "3", "formatTail": "Cn0"}),
        signed({"formatLength": 3}),
        signed([]),
    ],
)
def test_where_no_signature_says_how_there_is_no_payload(body: bytes) -> None:
    with pytest.raises(Malformed):
        schema1_payload(body)
