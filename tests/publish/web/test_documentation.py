"""The exporter serves its own documentation, and every link in it leads somewhere."""

from __future__ import annotations

from urllib.parse import urldefrag, urljoin, urlsplit

import httpx
import pytest

from exporter.publish.web.documentation import Documentation
from tests.parts.process import PATIENCE
from tests.publish.web.page import Page
from tests.publish.web.serving import Served, serving


async def answer(served: Served, path: str) -> httpx.Response:
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http:
        return await http.get(path)


async def test_every_link_of_every_document_is_answered_also_below_a_prefix() -> None:
    async with (
        serving(prefix="/audit") as served,
        httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=PATIENCE) as http,
    ):
        waiting, known = {"/audit/docs/"}, dict[str, str]()
        anchors: set[tuple[str, str]] = set()
        while waiting:
            path = waiting.pop()
            found = await http.get(path)
            assert found.status_code == 200, path
            page = Page(found) if found.headers["Content-Type"].startswith("text/html") else None
            known[path] = found.text if page else ""
            for target in page.links if page and "/docs/" in path else []:
                address, anchor = urldefrag(urljoin(path, target))
                if not urlsplit(address).netloc:
                    waiting |= {address} - known.keys()
                    anchors |= {(address, anchor)} if anchor else set()

    for path, anchor in anchors:
        assert f'id="{anchor}"' in known[path], f"{path}#{anchor}"
    documents = Documentation().files
    pages = {each.removesuffix("README.md") for each in documents if each.endswith(".md")}
    assert pages <= {each.removeprefix("/audit/docs/").removesuffix("README.md") for each in known}


@pytest.mark.parametrize(
    "path",
    [
        "nothing.md",
        "../pyproject.toml",
        "%2e%2e/pyproject.toml",
        "runbooks/nothing/",
        "//etc/passwd",
    ],
)
async def test_what_is_no_document_is_not_found(path: str) -> None:
    async with serving() as served:
        found = await answer(served, f"/docs/{path}")

    assert found.status_code in (400, 404)
    assert "hatchling" not in found.text


async def test_a_folder_without_an_index_lists_its_pages() -> None:
    async with serving() as served:
        page = Page(await answer(served, "/docs/runbooks/"))
        bare = await answer(served, "/docs/runbooks")

    assert "RegistryLiveTagBroken.md" in page.links
    assert bare.headers["Location"] == "runbooks/"
