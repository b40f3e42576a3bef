"""Does the embedded registry answer as distribution 2.8 does what the exporter asks?"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

import pytest

from exporter.demo.content import chart, multi_platform
from exporter.demo.embedded_registry import EmbeddedRegistry, served
from exporter.demo.storage_tree import (
    BACKUP,
    CHART,
    CHECKOUT,
    FRONTEND,
    PAYMENTS,
    SEARCH,
    TOOLBOX,
    StorageTree,
    stock,
    suffer,
)
from exporter.oci.digest import Digest
from exporter.oci.links import ACCEPT
from exporter.oci.reference import Repository, Tag
from tests.parts.registry import Settings, registry

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

pytestmark = pytest.mark.real

GONE: Final = Digest.of(b"never pushed")
COMPARED: Final = (
    "accept-ranges",
    "content-length",
    "content-range",
    "content-type",
    "docker-content-digest",
    "docker-distribution-api-version",
    "etag",
    "link",
    "location",
)


@dataclass(frozen=True)
class Asked:
    path: str
    method: str = "GET"
    header: tuple[str, str] | None = None


@dataclass(frozen=True)
class Answer:
    status: int
    headers: dict[str, str]
    body: bytes
    """What came until the connection closed, be it less than was announced."""


async def ask(address: str, asked: Asked) -> Answer:
    """Ask on a connection of its own, with nothing between that tidies up the answer."""
    host, _, port = address.partition(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    lines = [f"{asked.method} {asked.path} HTTP/1.1", f"Host: {address}", "Connection: close"]
    lines.append(f"Accept: {', '.join(ACCEPT)}")
    lines += [": ".join(asked.header)] if asked.header else []
    writer.write("\r\n".join((*lines, "", "")).encode())
    answer = await reader.read()
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    status, *told = head.decode().split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in told)}
    return Answer(int(status.split()[1]), headers, body)


def comparable(answer: Answer) -> object:
    """Leave out what depends on the version of Go, and what a person reads of an internal error."""
    headers = {name: answer.headers[name] for name in COMPARED if name in answer.headers}
    if answer.status == 500:
        code = json.loads(answer.body)["errors"][0]["code"] if answer.body else None
        return answer.status, headers["content-type"], code
    return answer.status, headers, answer.body


async def assert_alike(real: str, embedded: str, questions: Iterable[Asked]) -> int:
    count = 0
    for count, asked in enumerate(questions, 1):  # noqa: B007 - returned
        expected, seen = await ask(real, asked), await ask(embedded, asked)
        assert comparable(seen) == comparable(expected), asked
    return count


def both(paths: Iterable[str], header: tuple[str, str] | None = None) -> Iterator[Asked]:
    for path in paths:
        yield Asked(path, "GET", header)
        yield Asked(path, "HEAD", header)


def of_lists() -> Iterator[str]:
    yield from ("/v2/", "/v2/_catalog", "/v2/no/such/tags/list")
    yield from (f"/v2/{repository}/tags/list" for repository in (FRONTEND, CHECKOUT, CHART))


def of_manifests(root: Path) -> Iterator[str]:
    frontend = multi_platform(FRONTEND, "1.9.0")
    names: list[str] = ["latest", "1.8.3", "2.4.1", "3.0.7", "2026.10", "0.9", "1.4.0", "17"]
    names += [frontend.digest, GONE, *(child.digest for child in frontend.children)]
    names += [each.digest for each in multi_platform(CHECKOUT, "2.4.1").manifests()]
    for repository in (FRONTEND, CHECKOUT, PAYMENTS, TOOLBOX, BACKUP, CHART, "no/such"):
        yield from (f"/v2/{repository}/manifests/{name}" for name in names)
    assert root.exists()


def of_blobs() -> Iterator[str]:
    names = [GONE]
    for pushed in (
        multi_platform(FRONTEND, "1.9.0"),
        multi_platform(CHECKOUT, "2.4.1"),
        multi_platform(PAYMENTS, "3.0.7"),
        chart("shop", "1.4.0"),
    ):
        for manifest in pushed.manifests():
            names += [manifest.digest, *(blob.digest for blob in manifest.blobs)]
    for repository in (FRONTEND, CHECKOUT, PAYMENTS, SEARCH, CHART, "no/such"):
        yield from (f"/v2/{repository}/blobs/{name}" for name in names)


def of_parts() -> Iterator[Asked]:
    lost = multi_platform(PAYMENTS, "3.0.7").on("amd64").blobs[-1]
    kept = multi_platform(PAYMENTS, "3.0.7").on("arm64").blobs[-1]
    size = len(kept.body)
    for part in ("0-0", "5-", "-1", "0-999999", f"{size - 1}-{size - 1}"):
        paths = (f"/v2/{PAYMENTS}/blobs/{each.digest}" for each in (kept, lost))
        yield from both(paths, ("Range", f"bytes={part}"))


@pytest.mark.parametrize("cache", [False, True])
async def test_every_answer_is_the_real_ones(tmp_path: Path, *, cache: bool) -> None:
    """With a cache: one that knew every blob before the collection."""
    tree = stock(tmp_path / "storage")
    with registry(tmp_path, Settings(cache=cache)) as real:
        embedded = EmbeddedRegistry.of(real.root, lying_cache=cache)
        for path in of_blobs() if cache else ():
            await ask(real.host, Asked(path, "HEAD"))
        suffer(tree)
        async with served(embedded) as address:
            questions = (
                *map(Asked, of_lists()),
                *both(of_manifests(real.root)),
                *both(of_blobs()),
                *of_parts(),
            )
            assert await assert_alike(real.host, address, questions) > 400


async def test_damage_is_answered_alike(tmp_path: Path) -> None:
    """Scenarios 15 to 20 of what collections, crashes and disks leave behind."""
    tree, name = StorageTree(tmp_path / "storage"), Repository("team/app")
    made = multi_platform("team/app", "1")
    amd64, arm64 = made.on("amd64"), made.on("arm64")
    tree.push(name, made, *"abcdefgh")
    tree.current(name, Tag("a")).write_bytes(b"")
    tree.current(name, Tag("b")).unlink()
    tree.current(name, Tag("c")).write_bytes(b"sha256:short")
    tree.point(name, GONE, "d")
    tree.point(name, amd64.digest, "e")
    tree.data(amd64.digest).write_bytes(b"")
    tree.point(name, arm64.digest, "f")
    tree.revision(name, arm64.digest).write_bytes(b"")
    tree.data(arm64.blobs[1].digest).write_bytes(arm64.blobs[1].body[:100])
    tree.data(arm64.blobs[2].digest).write_bytes(b"")
    tree.layer(name, amd64.blobs[0].digest).write_bytes(b"not a digest")
    tree.layer(name, amd64.blobs[1].digest).unlink()
    tree.layer(name, Digest.of(b"")).parent.mkdir()
    tree.layer(name, Digest.of(b"")).write_bytes(Digest.of(b"").encode())
    tree.data(Digest.of(b"")).parent.mkdir(parents=True)
    tree.data(Digest.of(b"")).write_bytes(b"")
    names = ["a", "b", "c", "d", "e", "f", "g", amd64.digest, arm64.digest]
    blobs = [each.digest for child in (amd64, arm64) for each in child.blobs]
    with registry(tmp_path, Settings(cache=False)) as real:
        async with served(EmbeddedRegistry.of(real.root)) as address:
            paths = [f"/v2/{name}/manifests/{each}" for each in names]
            paths += [f"/v2/{name}/blobs/{each}" for each in (*blobs, Digest.of(b""))]
            await assert_alike(real.host, address, both(paths))
            await assert_alike(real.host, address, [Asked(f"/v2/{name}/tags/list")])
            cut = [f"/v2/{name}/blobs/{arm64.blobs[1].digest}"]
            for part in ("bytes=0-0", "bytes=99-99"):
                await assert_alike(real.host, address, both(cut, ("Range", part)))


async def test_every_kind_of_manifest_keeps_its_type(tmp_path: Path) -> None:
    name, tree = Repository("team/app"), StorageTree(tmp_path / "storage")
    documents = {
        "oci-index": b'{"schemaVersion":2,"manifests":[]}',
        "unknown-type": b'{"schemaVersion":2,"mediaType":"application/vnd.example+json"}',
        "unknown-version": b'{"schemaVersion":3}',
        "no-object": b"[]",
    }
    tree.push(name, multi_platform("team/app", "1"), "1")
    for tag, body in documents.items():
        digest = Digest.of(body)
        for path, content in (
            (tree.data(digest), body),
            (tree.revision(name, digest), digest.encode()),
        ):
            path.parent.mkdir(parents=True)
            path.write_bytes(content)
        tree.point(name, digest, tag)
    with registry(tmp_path) as real:
        async with served(EmbeddedRegistry.of(real.root)) as address:
            paths = [f"/v2/{name}/manifests/{tag}" for tag in documents]
            await assert_alike(real.host, address, both(paths))


async def test_an_empty_registry_and_an_emptied_repository_are_alike(tmp_path: Path) -> None:
    tree = StorageTree(tmp_path / "storage")
    with registry(tmp_path) as real:
        async with served(EmbeddedRegistry.of(real.root)) as address:
            await assert_alike(real.host, address, [Asked("/v2/_catalog"), Asked("/v2/")])
            (tree.repositories / "a" / "_layers").mkdir(parents=True)
            (tree.repositories / "b" / "_layers").mkdir(parents=True)
            tree.tags(Repository("b")).mkdir(parents=True)
            paths = ("/v2/_catalog", "/v2/a/tags/list", "/v2/b/tags/list")
            await assert_alike(real.host, address, map(Asked, paths))
