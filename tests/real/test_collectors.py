"""What do the real registries and their garbage collectors do? The facts that the product leans on.

Nothing here asks the product: where one of these falls, the world has changed, not the code.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.parts import tree
from tests.parts.ports import held
from tests.parts.registry import Settings, registry
from tests.worlds import image, index, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import httpx

    from tests.parts.client import Client
    from tests.parts.registry import Registry
    from tests.worlds import Made

pytestmark = pytest.mark.real

VERSIONS = pytest.mark.parametrize("version", [2, 3])
SWEEP = "--delete-untagged"


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["errors"][0]["code"]


def warm(client: Client, made: Made) -> None:
    """Pull it whole, so that the registry's cache knows every descriptor."""
    for manifest in made.walk():
        client.get("manifests", manifest.digest).raise_for_status()
        for blob in manifest.blobs:
            assert client.bytes_of(blob) == (200, len(blob.body))


@pytest.fixture
def lying(tmp_path: Path) -> Iterator[tuple[Registry, Client, Made]]:
    """The incident: a pulled two-platform image, after a collection under the running server."""
    app = two_platforms("app")
    with registry(tmp_path) as server, server.client("team/app") as client:
        client.push(app, "v1")
        warm(client, app)
        server.collect(SWEEP)
        yield server, client, app


def test_2x_takes_the_children_of_a_tag_that_stays(lying: tuple[Registry, Client, Made]) -> None:
    server, client, app = lying

    assert client.get("manifests", "v1").content == app.body
    for child in app.children:
        assert code(client.get("manifests", child.digest)) == (404, "MANIFEST_UNKNOWN")
        assert tree.data(server.root, child.digest).exists()
        assert not tree.data(server.root, child.config.digest).exists()


def test_2x_with_a_cache_answers_for_blobs_that_are_gone(
    lying: tuple[Registry, Client, Made],
) -> None:
    _, client, app = lying

    for blob in (blob for child in app.children for blob in child.blobs):
        head = client.head("blobs", blob.digest)
        assert (head.status_code, int(head.headers["Content-Length"])) == (200, len(blob.body))
        assert client.bytes_of(blob) == (200, 0)
        assert client.bytes_of(blob, last_only=True) == (206, 0)


def test_2x_with_a_cache_takes_a_push_whose_blobs_are_gone(
    lying: tuple[Registry, Client, Made],
) -> None:
    server, client, app = lying

    client.push(app, "v2")

    assert client.get("manifests", "v2").is_success
    assert client.bytes_of(app.children[0].layers[0]) == (200, 0)
    assert not tree.data(server.root, app.children[0].layers[0].digest).exists()


def test_a_restart_ends_the_lie(tmp_path: Path) -> None:
    app = two_platforms("app")
    with held() as address:
        settings = Settings(address=address)
        with registry(tmp_path, settings) as server, server.client("team/app") as client:
            client.push(app, "v1")
            server.collect(SWEEP)

        with registry(tmp_path, settings) as server, server.client("team/app") as client:
            assert server.host == address
            layer = app.children[0].layers[0]
            assert client.bytes_of(layer, last_only=True)[0] == 404


def test_2x_without_a_cache_says_the_truth(tmp_path: Path) -> None:
    app = two_platforms("app")
    with registry(tmp_path, Settings(cache=False)) as server, server.client("team/app") as client:
        client.push(app, "v1")
        warm(client, app)
        server.collect(SWEEP)

        layer = app.children[0].layers[0]
        assert client.head("blobs", layer.digest).status_code == 404
        assert code(client.get("blobs", layer.digest)) == (404, "BLOB_UNKNOWN")


def test_3x_spares_the_children_of_a_tagged_index(tmp_path: Path) -> None:
    app = index(two_platforms("app"), image("extra", "linux/arm/v7"))
    with registry(tmp_path, Settings(version=3)) as server, server.client("team/app") as client:
        client.push(app, "v1")
        server.collect(SWEEP)

        warm(client, app)


@VERSIONS
def test_a_collection_without_sweeping_untagged_spares_everything(
    tmp_path: Path, version: int
) -> None:
    app = two_platforms("app")
    with (
        registry(tmp_path, Settings(version=version)) as server,
        server.client("team/app") as client,
    ):
        client.push(app, "v1")
        server.collect()

        warm(client, app)


@VERSIONS
def test_a_child_deleted_by_digest_loses_its_layers_to_any_collection(
    tmp_path: Path, version: int
) -> None:
    app = two_platforms("app")
    gone, kept = app.children
    with (
        registry(tmp_path, Settings(version=version, cache=False)) as server,
        server.client("team/app") as client,
    ):
        client.push(app, "v1")
        client.delete(gone.digest)
        server.collect()

        assert code(client.get("manifests", gone.digest)) == (404, "MANIFEST_UNKNOWN")
        assert client.bytes_of(gone.layers[0])[0] == 404
        assert client.get("manifests", "v1").is_success
        warm(client, kept)


@VERSIONS
def test_a_direct_tag_protects_a_child(tmp_path: Path, version: int) -> None:
    app = two_platforms("app")
    with (
        registry(tmp_path, Settings(version=version)) as server,
        server.client("team/app") as client,
    ):
        client.push(app, "v1")
        for child in app.children:
            client.put(child, f"keep-{child.digest.encoded[:12]}").raise_for_status()
        server.collect(SWEEP)

        warm(client, app)


@VERSIONS
def test_a_tag_whose_manifest_lost_its_bytes_is_answered_with_an_error_body(
    tmp_path: Path, version: int
) -> None:
    app = image("app")
    with (
        registry(tmp_path, Settings(version=version)) as server,
        server.client("team/app") as client,
    ):
        client.push(app, "v1")
        tree.data(server.root, app.digest).unlink()

        assert code(client.get("manifests", "v1")) == (404, "MANIFEST_UNKNOWN")
        lies = {"If-None-Match": f'"{app.digest}"'}
        assert client.http.head("manifests/v1", headers=lies).status_code == 304


def test_2x_serves_a_changed_manifest_under_the_digest_that_was_asked_for(tmp_path: Path) -> None:
    app = image("app")
    with registry(tmp_path) as server, server.client("team/app") as client:
        client.push(app, "v1")
        tree.data(server.root, app.digest).write_bytes(app.body.replace(b"amd64", b"arm64") + b" ")

        answer = client.get("manifests", app.digest)

        assert answer.headers["Docker-Content-Digest"] == app.digest
        assert answer.content != app.body
