"""What a configuration says of its layers, read as nodes read it, or not at all."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.digest import Digest
from exporter.oci.layers import SILENT, Rootfs, rootfs

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")


def config(**fields: object) -> bytes:
    return json.dumps(
        {"os": "linux", "rootfs": {"type": "layers", "diff_ids": [], **fields}}
    ).encode()


@pytest.mark.parametrize("kind", [{}, {"type": ""}, {"type": None}])
def test_diff_ids_are_read_in_their_order(kind: dict[str, object]) -> None:
    assert rootfs(config(diff_ids=[ONE, TWO, ONE], **kind)) == Rootfs((ONE, TWO, ONE))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{}",
        b"[]",
        b"not JSON",
        b'{"rootfs": null}',
        b'{"rootfs": []}',
        b'{"rootfs": {"type": "layers"}}',
        b'{"rootfs": {"diff_ids": []}, "rootfs": {"diff_ids": []}}',
        b'{"rootfs": {"diff_ids": []}, "RootFS": {"diff_ids": []}}',
        config(diff_ids=None),
        config(diff_ids=[]),
        config(DIFF_IDS=[ONE]),
        config(diff_ids=[ONE, 1]),
        config(diff_ids=["sha256:abc"]),
        config(diff_ids=[Digest.of(b"one", "sha512")]),
        config(type="erofs"),
    ],
)
def test_what_is_not_plain_says_nothing(body: bytes) -> None:
    assert rootfs(body) == SILENT


@given(st.binary(max_size=200))
def test_no_bytes_at_all_raise(body: bytes) -> None:
    rootfs(body)


def test_a_configuration_of_too_many_values_says_nothing() -> None:
    assert rootfs(config(diff_ids=[ONE], x=[[]] * 99_000)) == Rootfs((ONE,))
    assert rootfs(config(diff_ids=[ONE], x=[[]] * 101_000)) == SILENT
