"""Is the embedded registry a fair fake: safe, and lying only where a real one would?"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from urllib.parse import quote

import httpx
import pytest

from exporter.demo.content import multi_platform
from exporter.demo.embedded_registry import EmbeddedRegistry, served
from exporter.demo.storage_tree import CHECKOUT, FRONTEND, PAYMENTS, POSTGRES, mirror, stock, suffer
from exporter.oci.links import OCI_INDEX
from tests.parts.needs import program
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from pathlib import Path


async def test_nothing_can_be_written(tmp_path: Path) -> None:
    stock(tmp_path)
    digest = multi_platform(FRONTEND, "1.9.0").digest
    async with (
        served(EmbeddedRegistry.of(tmp_path)) as address,
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        for path in (f"manifests/{digest}", "manifests/latest", f"blobs/{digest}", "tags/list"):
            for method in ("PUT", "POST", "PATCH", "DELETE"):
                answer = await http.request(method, f"http://{address}/v2/{FRONTEND}/{path}")
                assert answer.status_code == 405


async def test_a_lost_layer_is_announced_and_not_sent(tmp_path: Path) -> None:
    tree = stock(tmp_path)
    registry = EmbeddedRegistry.of(tmp_path, lying_cache=True)
    suffer(tree)
    lost = multi_platform(PAYMENTS, "3.0.7").on("amd64").blobs[-1]
    size = len(lost.body)
    async with served(registry) as address, httpx.AsyncClient(timeout=PATIENCE) as http:
        url = f"http://{address}/v2/{PAYMENTS}/blobs/{lost.digest}"
        claimed = await http.head(url)

        assert (claimed.status_code, claimed.headers["Content-Length"]) == (200, str(size))
        for part, status, length in (("", 200, size), (f"bytes={size - 1}-", 206, 1)):
            async with http.stream("GET", url, headers={"Range": part}) as answer:
                assert answer.status_code == status
                assert answer.headers["Content-Length"] == str(length)
                with pytest.raises(httpx.RemoteProtocolError, match="received 0 bytes"):
                    await answer.aread()


async def test_a_range_past_the_end_is_refused(tmp_path: Path) -> None:
    stock(tmp_path)
    blob = multi_platform(PAYMENTS, "3.0.7").on("arm64").blobs[-1]
    async with (
        served(EmbeddedRegistry.of(tmp_path)) as address,
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        url = f"http://{address}/v2/{PAYMENTS}/blobs/{blob.digest}"
        answer = await http.get(url, headers={"Range": f"bytes={len(blob.body)}-"})

    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == f"bytes */{len(blob.body)}"


async def test_a_damaged_tree_is_served_all_the_same(tmp_path: Path) -> None:
    tree, frontend = stock(tmp_path), multi_platform(FRONTEND, "1.9.0")
    tree.revision(FRONTEND, frontend.on("arm64").digest).write_bytes(b"")
    tree.data(frontend.on("amd64").digest).write_bytes(b"{")
    registry = EmbeddedRegistry.of(tmp_path, lying_cache=True)
    async with served(registry) as address, httpx.AsyncClient(timeout=PATIENCE) as http:
        answer = await http.get(f"http://{address}/v2/{FRONTEND}/manifests/latest")

    assert answer.content == frontend.body


async def test_without_a_cache_a_lost_layer_is_unknown(tmp_path: Path) -> None:
    suffer(stock(tmp_path))
    lost = multi_platform(PAYMENTS, "3.0.7").on("amd64").blobs[-1]
    async with (
        served(EmbeddedRegistry.of(tmp_path)) as address,
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        answer = await http.get(f"http://{address}/v2/{PAYMENTS}/blobs/{lost.digest}")

    assert answer.status_code == 404
    assert answer.json()["errors"][0]["code"] == "BLOB_UNKNOWN"


async def test_a_cache_does_not_lie_about_blobs_that_the_repository_never_had(
    tmp_path: Path,
) -> None:
    stock(tmp_path)
    layer = multi_platform(PAYMENTS, "3.0.7").on("amd64").blobs[-1]
    registry = EmbeddedRegistry.of(tmp_path, lying_cache=True)
    async with served(registry) as address, httpx.AsyncClient(timeout=PATIENCE) as http:
        answer = await http.head(f"http://{address}/v2/{CHECKOUT}/blobs/{layer.digest}")

    assert answer.status_code == 404


async def test_two_registries_run_beside_each_other(tmp_path: Path) -> None:
    stock(tmp_path / "owned")
    mirror(tmp_path / "mirror")
    owned, cache = EmbeddedRegistry.of(tmp_path / "owned"), EmbeddedRegistry.of(tmp_path / "mirror")
    async with (
        served(owned) as first,
        served(cache) as second,
        httpx.AsyncClient(timeout=PATIENCE) as http,
    ):
        index = await http.get(f"http://{second}/v2/{POSTGRES}/manifests/17")
        elsewhere = await http.get(f"http://{first}/v2/{POSTGRES}/manifests/17")
        children = [
            (await http.head(f"http://{second}/v2/{POSTGRES}/manifests/{child.digest}")).status_code
            for child in multi_platform(POSTGRES, "17").children
        ]

    assert (index.status_code, index.headers["Content-Type"]) == (200, OCI_INDEX)
    assert elsewhere.status_code == 404
    assert children == [200, 404, 404, 404]


@pytest.mark.parametrize(
    "path",
    [
        "/v2/../../etc/passwd/tags/list",
        "/v2/a/../../b/tags/list",
        "/v2/a/manifests/..",
        "/v2/a/manifests/../../x",
        "/v2/a/manifests/.",
        "/v2/a/manifests/sha256:../../x",
        "/v2/a/blobs/sha256:" + "0" * 62 + "/.",
        "/v2/a/blobs/..",
        "/v2/a\\b/tags/list",
        "/v2/a\0/tags/list",
        "/v2/a\n/tags/list",
        "/v2//tags/list",
        "/v2/_manifests/tags/list",
        "/v2/a/_layers/tags/list",
        "/v2/%2e%2e/%2e%2e/tags/list",
        "/v2/a/manifests/%2e%2e%2fx",
    ],
)
async def test_a_path_that_leaves_the_tree_leads_nowhere(tmp_path: Path, path: str) -> None:
    stock(tmp_path)
    async with served(EmbeddedRegistry.of(tmp_path)) as address:
        host, _, port = address.partition(":")
        reader, writer = await asyncio.open_connection(host, int(port))
        sent = quote(path, safe="/.:%")
        writer.write(
            f"GET {sent} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n".encode()
        )
        answer = await reader.read()
        writer.close()

    assert int(answer.split()[1]) in {400, 404}


@pytest.mark.real
async def test_skopeo_copies_a_whole_image_from_it_and_fails_at_a_broken_one(
    tmp_path: Path,
) -> None:
    suffer(stock(tmp_path / "storage"))
    async with served(EmbeddedRegistry.of(tmp_path / "storage")) as address:
        for repository, tag, fails in ((FRONTEND, "1.9.0", False), (CHECKOUT, "2.4.1", True)):
            command = ["copy", "--all", "--preserve-digests", "--src-tls-verify=false"]
            command += [f"docker://{address}/{repository}:{tag}", f"oci:{tmp_path / tag}"]
            copying = await asyncio.create_subprocess_exec(program("skopeo"), *command)
            assert bool(await copying.wait()) is fails
