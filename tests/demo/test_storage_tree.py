"""Is the demonstration's storage what pushes and a real collection leave behind?"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from exporter.demo.content import chart, multi_platform
from exporter.demo.storage_tree import CHECKOUT, SEARCH, StorageTree, mirror, stock, suffer
from exporter.oci.manifest import parse
from tests.parts.registry import registry

if TYPE_CHECKING:
    from pathlib import Path


def files(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_the_same_tree_is_made_on_every_machine(tmp_path: Path) -> None:
    for name in ("first", "second"):
        stock(tmp_path / name)
        mirror(tmp_path / name)

    assert files(tmp_path / "first") == files(tmp_path / "second")
    made = multi_platform("team/app", "1").digest
    assert made == "sha256:da1156855270a1124b69599f539ae9b545cc1916875d26d59d13c48a4ce658a9"


def test_every_blob_is_where_its_digest_says(tmp_path: Path) -> None:
    tree = stock(tmp_path)
    suffer(tree)

    for data in tmp_path.rglob("data"):
        assert hashlib.sha256(data.read_bytes()).hexdigest() == data.parent.name


def test_every_manifest_can_be_read_and_an_image_says_which_layers_it_has() -> None:
    whole = multi_platform("team/app", "1")
    read = [parse(each.body, each.digest) for each in (*whole.manifests(), chart("x", "1"))]

    assert [manifest.is_index for manifest in read] == [False, False, False, False, True, False]
    assert [manifest.artifact for manifest in read] == [False] * 5 + [True]
    assert [entry.attestation for entry in read[4].children] == [False, False, True, True]
    assert all(
        f"{layer.digest}".encode() in child.blobs[0].body
        for child in whole.children[:2]
        for layer in child.blobs[1:]
    )


def test_a_cleanup_takes_one_platform_and_a_disk_one_layer(tmp_path: Path) -> None:
    tree = stock(tmp_path)
    before = files(tmp_path)

    suffer(tree)

    lost = before - files(tmp_path)
    assert len([path for path in lost if "shop/checkout/_manifests/revisions" in path]) == 3
    assert len([path for path in lost if path.endswith("data")]) == 5
    assert len(lost) == 8


def test_the_mirror_has_the_index_and_one_platform(tmp_path: Path) -> None:
    tree, postgres = mirror(tmp_path), multi_platform("library/postgres", "17")
    there = [tree.data(each.digest).exists() for each in postgres.manifests()]

    assert there == [True, False, False, False, True]


@pytest.mark.real
def test_a_real_collection_leaves_the_same_repository_behind(tmp_path: Path) -> None:
    suffer(stock(tmp_path / "ours"))
    checkout = f"docker/registry/v2/repositories/{CHECKOUT}"
    arm64 = multi_platform(CHECKOUT, "2.4.1").on("arm64")
    with registry(tmp_path / "real") as real:
        stock(real.root)
        told = real.collect("--delete-untagged")

        assert files(real.root / checkout) == files(tmp_path / "ours" / checkout)
        for root in (real.root, tmp_path / "ours"):
            there = [StorageTree(root).data(each.digest).exists() for each in (arm64, *arm64.blobs)]
            assert there == [True, False, True, False]
        for child in multi_platform(SEARCH, "5.2.0").children:
            assert f"manifest eligible for deletion: {child.digest}" in told
