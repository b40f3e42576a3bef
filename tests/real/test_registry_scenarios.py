"""What do audits report of what collectors and damage leave? Numbered as in our ground truth."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests import worlds
from tests.parts import tree
from tests.parts.product import Told, ask, check
from tests.parts.registry import Settings, registry
from tests.schema1 import schema1

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.registry import Registry

pytestmark = pytest.mark.real

APP, V1 = "team/app", "team/app:v1"
SWEEP = "--delete-untagged"
IMAGE = worlds.two_platforms("app")
FIRST, SECOND = IMAGE.children
OLD, NEW = worlds.image("old"), worlds.image("new")


@pytest.fixture(params=[2, 3])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def server(tmp_path: Path, version: int) -> Iterator[Registry]:
    """A registry without a cache: what it answers is what it has."""
    with registry(tmp_path, Settings(version=version, cache=False)) as running:
        yield running


only_2 = pytest.mark.parametrize("version", [2], indirect=True)


def states(told: Told) -> list[str]:
    return [child["state"] for child in told.said.tag(V1)["children"]]


def lacks(told: Told, name: str = V1) -> dict[str, str]:
    """What is absent below a tag, by digest, and how that showed."""
    children = told.said.tag(name)["children"]
    return {lack["digest"]: lack["detail"] for child in children for lack in child["lacks"]}


@only_2
def test_registry_01_a_store_that_its_collector_calls_clean_is_broken(server: Registry) -> None:
    server.push(APP, IMAGE, "v1")
    server.collect(SWEEP)

    again, told = server.collect(SWEEP), ask(server, V1)

    assert "0 blobs and 0 manifests eligible" in again
    assert (told.code, told.said.state(V1), states(told)) == (1, "broken", ["missing", "missing"])


def test_registry_02_a_plain_collection_takes_nothing(server: Registry) -> None:
    server.push(APP, IMAGE, "v1")
    server.collect()

    told = ask(server, V1)

    assert (told.code, states(told)) == (0, ["present", "present"])


def test_registry_03_a_deleted_child_comes_back_only_before_a_collection(server: Registry) -> None:
    server.push(APP, IMAGE, "v1")
    with server.client(APP) as client:
        client.delete(FIRST.digest)
        deleted = ask(server, V1)
        client.put(FIRST).raise_for_status()
        put_back = ask(server, V1)
        client.delete(FIRST.digest)
        server.collect()
        client.put(FIRST)
        collected = ask(server, V1)

    assert (deleted.code, states(deleted)) == (1, ["missing", "present"])
    assert (put_back.code, states(put_back)) == (0, ["present", "present"])
    assert (collected.code, states(collected)) == (1, ["missing", "present"])


@only_2
def test_registry_04_pushing_the_index_again_is_refused_and_repairs_nothing(
    server: Registry,
) -> None:
    server.push(APP, IMAGE, "v1")
    server.collect(SWEEP)
    with server.client(APP) as client:
        refused = client.put(IMAGE, "v1")

    told = ask(server, V1)

    assert refused.json()["errors"][0]["code"] == "MANIFEST_BLOB_UNKNOWN"
    assert (told.code, states(told)) == (1, ["missing", "missing"])


def test_registry_10_what_an_old_digest_still_has_depends_on_the_collector(
    server: Registry, version: int
) -> None:
    server.push("a", OLD, "old")
    server.push("a", NEW, "old")
    server.push("b", OLD, "t")
    server.collect(SWEEP)
    pinned = f"a@{OLD.digest}"

    told = check(*(f"{server.host}/{name}" for name in (pinned, "a:old", "b:t")), "--plain-http")

    # 2.x removes the revision, 3.x the links of its layers: the bytes are there for b.
    assert told.said.state(pinned) == {2: "missing", 3: "broken"}[version]
    assert (told.said.state("a:old"), told.said.state("b:t")) == ("present", "present")
    if version == 3:
        assert set(lacks(told, pinned)) == {blob.digest for blob in OLD.blobs}


def test_registry_11_a_tag_that_moved_holds_its_former_image_no_longer(server: Registry) -> None:
    server.push(APP, OLD, "v1")
    server.push(APP, NEW, "v1")
    pinned = f"{APP}@{OLD.digest}"
    server.collect()
    before = ask(server, pinned)
    server.collect(SWEEP)

    after, told = ask(server, pinned), ask(server, V1)

    assert (before.code, before.said.state(pinned)) == (0, "present")
    assert (after.code, after.said.state(pinned)) == (1, "missing")
    assert (told.code, told.said.state(V1)) == (0, "present")


@pytest.mark.parametrize("version", [2, 3])
def test_registry_13_a_push_that_a_collection_overtook_is_broken_though_it_succeeded(
    tmp_path: Path, version: int
) -> None:
    with registry(tmp_path, Settings(version=version)) as server:
        server.push(APP, NEW, "beside")  # an empty storage is none that a collector takes
        with server.client(APP) as client:
            for blob in OLD.blobs:
                client.push_blob(blob)
            server.collect()
            assert client.head("blobs", OLD.layers[0].digest).status_code == 200
            client.put(OLD, "v1").raise_for_status()

        told = ask(server, V1)

    assert (told.code, told.said.state(V1)) == (1, "broken")
    assert set(lacks(told)) == {blob.digest for blob in OLD.blobs}


def test_registry_16_a_tag_that_points_nowhere_is_missing_and_a_damaged_one_unknown(
    server: Registry,
) -> None:
    server.push(APP, OLD, "v1", "empty")
    (tree.tag(server.root, APP, "v1") / "current" / "link").unlink()
    (tree.tag(server.root, APP, "empty") / "current" / "link").write_bytes(b"")

    told = check(server.host, "--plain-http")

    assert told.code == 1
    assert (told.said.state(V1), told.said.tag(V1)["digest"]) == ("missing", None)
    (child,) = told.said.tag(f"{APP}:empty")["children"]
    assert (child["state"], child["reason"]) == ("unknown", "server-error")


@pytest.mark.parametrize("left", [0, 40])
def test_registry_17_a_manifest_cut_short_on_disk_is_broken(server: Registry, left: int) -> None:
    server.push(APP, IMAGE, "v1")
    tree.data(server.root, FIRST.digest).write_bytes(FIRST.body[:left])

    told = ask(server, V1)

    # It answers 500 and says that it cannot parse what it stores, twice: no pull gets it.
    assert (told.code, states(told)) == (1, ["broken", "present"])


def test_registry_18_a_tag_whose_manifest_lost_its_bytes_names_what_is_missing(
    server: Registry,
) -> None:
    server.push(APP, OLD, "v1")
    tree.data(server.root, OLD.digest).unlink()

    told = ask(server, V1)

    entry = told.said.tag(V1)
    assert (told.code, entry["state"], entry["digest"]) == (1, "missing", OLD.digest)
    assert [child["digest"] for child in entry["children"]] == [OLD.digest]


def test_registry_19_a_manifest_with_other_bytes_is_not_what_its_digest_names(
    server: Registry,
) -> None:
    server.push(APP, IMAGE, "v1")
    tree.data(server.root, FIRST.digest).write_bytes(FIRST.body + b" ")

    told = ask(server, V1)

    assert (told.code, states(told)) == (1, ["broken", "present"])
    assert lacks(told)[FIRST.digest].startswith("digest-mismatch: hashes to sha256:")


def test_registry_20_layers_that_are_gone_or_empty_break_their_platform(server: Registry) -> None:
    server.push(APP, IMAGE, "v1")
    tree.data(server.root, FIRST.layers[0].digest).unlink()
    tree.data(server.root, SECOND.layers[1].digest).write_bytes(b"")

    told = ask(server, V1)

    assert (told.code, states(told)) == (1, ["broken", "broken"])
    assert lacks(told) == {
        FIRST.layers[0].digest: "BLOB_UNKNOWN",
        SECOND.layers[1].digest: f"0 of {len(SECOND.layers[1].body)} bytes",
    }


def test_registry_20_a_configuration_that_is_gone_breaks_a_pull_as_a_layer_does(
    server: Registry,
) -> None:
    server.push(APP, OLD, "v1")
    tree.data(server.root, OLD.config.digest).unlink()

    told = ask(server, V1)

    assert (told.code, told.said.state(V1)) == (1, "broken")
    assert lacks(told) == {OLD.config.digest: "BLOB_UNKNOWN"}


def test_registry_21_a_schema_1_image_is_read_and_sound(tmp_path: Path) -> None:
    with registry(tmp_path, Settings(schema1=True)) as server:
        server.push(APP, schema1("old", APP, "v1"), "v1")

        told = ask(server, V1)

    assert (told.code, told.said.state(V1)) == (0, "present")


def test_registry_22_nested_indexes_are_unreachable_on_2_and_kept_on_3(
    server: Registry, version: int
) -> None:
    inner = worlds.index(FIRST)
    server.push(APP, worlds.index(inner), "v1")
    server.collect(SWEEP)

    told = ask(server, V1)

    assert told.code == {2: 1, 3: 0}[version]
    assert states(told) == {2: ["missing"], 3: ["present"]}[version]
    digest = {2: inner.digest, 3: FIRST.digest}[version]
    assert [child["digest"] for child in told.said.tag(V1)["children"]] == [digest]


@pytest.mark.parametrize("version", [2, 3])
def test_registry_25_a_push_that_a_cache_swallowed_is_missing(tmp_path: Path, version: int) -> None:
    with registry(tmp_path, Settings(version=version)) as server:
        server.push(APP, NEW, "beside")
        server.push(APP, OLD, "v1")
        with server.client(APP) as client:
            client.delete(OLD.digest)
            server.collect()
            client.push(OLD, "v1")
            assert client.head("blobs", OLD.layers[0].digest).status_code == 200
            assert "v1" in client.http.get("tags/list").json()["tags"]

        told = check(server.host, "--plain-http")

    assert told.code == 1
    assert (told.said.state(V1), told.said.state(f"{APP}:beside")) == ("missing", "present")
