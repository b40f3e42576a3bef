"""What does an audit cost the registry? Counted by a front that stands before it."""

from __future__ import annotations

from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import pytest

from tests.parts.front import front
from tests.parts.product import Exporter, check, exporter
from tests.parts.registry import Registry, Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.worlds import attestation, image, index, layer, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.front import Front
    from tests.parts.http import Asked
    from tests.parts.tokens import Tokens
    from tests.worlds import Made

pytestmark = pytest.mark.real

BASE: Final = layer("base image of them all")
FIRST, SECOND = (image(seed, layers=(BASE, layer(seed))) for seed in ("first", "second"))
HOLDINGS: Final[dict[str, dict[str, Made]]] = {
    "team/app": {
        "v1": index(FIRST, image("first", "linux/arm64"), attestation(FIRST)),
        "v2": index(FIRST, SECOND),
        "latest": index(FIRST, SECOND),
        "amd64": FIRST,
    },
    "team/web": {"v1": two_platforms("web"), "v2": FIRST},
}
"""Tags that share manifests, and manifests that share layers, also across repositories."""


@dataclass(frozen=True, slots=True)
class Held:
    """What there is to look at, each as often as an audit may ask for it."""

    tags: int
    manifests: int
    """By digest: read once, wherever they are."""
    places: int
    """By repository and digest."""
    blobs: int
    """By repository and digest."""


def held() -> Held:
    every = [
        (repository, made)
        for repository, tags in HOLDINGS.items()
        for root in tags.values()
        for made in root.walk()
    ]
    blobs = {(repository, blob.digest) for repository, made in every for blob in made.blobs}
    places = {(repository, made.digest) for repository, made in every}
    tags = sum(map(len, HOLDINGS.values()))
    return Held(tags, len({digest for _, digest in places}), len(places), len(blobs))


def push(server: Registry) -> None:
    for repository, tags in HOLDINGS.items():
        with server.client(repository) as client:
            for tag, made in tags.items():
                client.push(made, tag)


def kind(asked: Asked) -> str:
    """Name a request by its method and by what it asks for."""
    path = asked.target.partition("?")[0]
    part = next((p for p in ("_catalog", "tags/list", "blobs", "manifests") if p in path), "base")
    if part == "manifests":
        part = "manifest" if "sha256:" in path else "tag"
    ranged = " last byte" if asked.headers.get("Range") else ""
    return f"{asked.method} {part}{ranged}"


def counted(before: Front) -> Counter[str]:
    """Count what was asked since the last time."""
    found = Counter(map(kind, before.asked))
    before.asked.clear()
    return found


@contextmanager
def watched(server: Registry, folder: Path, **more: Any) -> Iterator[tuple[Front, Exporter]]:
    """An exporter that audits once, and then when it is told to load its configuration again."""
    with front(server) as before:
        entry = {"url": before.url, "plain_http": True, "tags": {"select": ["*"]}, **more}
        settings = {"interval": "1h", "ledger": str(folder / "ledger.db"), "registries": [entry]}
        with exporter(folder / "exporter", settings) as running:
            running.ready()
            yield before, running


@pytest.mark.parametrize("version", [2, 3])
def test_an_audit_asks_once_for_each_thing_and_the_next_reads_no_manifest(
    tmp_path: Path, version: int
) -> None:
    there = held()
    with registry(tmp_path / "registry", Settings(version=version)) as server:
        push(server)
        with watched(server, tmp_path) as (before, running):
            first = counted(before)
            said = running.audit()
            second = counted(before)

    assert {tag["state"] for tag in said.document["tags"]} == {"present"}
    lists = {"GET base": 1, "GET _catalog": 1, "GET tags/list": len(HOLDINGS)}
    for asked in (first, second):
        whole, last = asked.pop("GET blobs", 0), asked.pop("GET blobs last byte")
        assert whole + last == there.blobs
        # Whose collector it is one denial tells: once for each configuration.
        assert asked.pop("GET tag") == 1
    # A manifest in a second repository is read there too, once that is known to leave no trace.
    assert there.manifests <= first["GET manifest"] <= there.places
    assert first.pop("GET manifest") + first.pop("HEAD manifest", 0) == there.places
    assert first == lists | {"HEAD tag": there.tags}
    assert second == lists | {"HEAD tag": there.tags, "HEAD manifest": there.places}


def test_a_loss_costs_a_second_look_and_one_at_its_neighbour(tmp_path: Path) -> None:
    there = held()
    with registry(tmp_path / "registry") as server:
        push(server)
        with server.client("team/web") as client:
            client.delete(HOLDINGS["team/web"]["v1"].children[0].digest)
        with front(server) as before:
            told = check(before.host, "--plain-http")

    assert told.code == 1
    assert there.manifests + 2 <= counted(before)["GET manifest"] <= there.places + 2


def test_one_token_opens_a_repository_and_another_the_catalogue(
    tmp_path: Path, tokens: Tokens
) -> None:
    there = held()
    (tmp_path / "password").write_text(PASSWORD)
    login = {"username": USER, "password_file": str(tmp_path / "password")}
    with registry(tmp_path / "registry", Settings(tokens=tokens)) as server:
        push(server)
        tokens.asked.clear()
        with watched(server, tmp_path, **login) as (before, running):
            asked = counted(before)
            said = running.report()

    assert {tag["state"] for tag in said.document["tags"]} == {"present"}
    assert len(tokens.asked) == len(HOLDINGS) + 1
    assert asked["HEAD tag"] == there.tags
    assert there.manifests <= asked["GET manifest"] <= there.places
