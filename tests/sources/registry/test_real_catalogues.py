"""Do our models of catalogues page as the real registries do, and do we list those whole?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Final

import httpx
import pytest

from tests.parts.process import PATIENCE
from tests.parts.registry import Settings, registry
from tests.sources.registry.catalogues import Listed, Model, Panic, folders_2, folders_3
from tests.sources.registry.speaking import QUICK, registry_at
from tests.worlds import image

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.real

NAMES: Final = {"a", "a-b", "a.c", "foo", "foo/1bar", "foo/1bar/2c", "foo/bar", "team/a", "zz"}
MODELS: Final = {2: folders_2, 3: folders_3}
LASTS: Final = ("", "a", "foo/1bar", "foo/1bar/2c", "foo/bar", "team/a", "zz", "none")


def shown(http: httpx.Client, size: int, last: str) -> Listed | None:
    """A page of the real one; None where it drops the connection."""
    try:
        page = http.get("/v2/_catalog", params={"n": size, "last": last})
    except httpx.RemoteProtocolError:
        return None
    return Listed(page.json()["repositories"], "Link" in page.headers)


def modelled(model: Model, size: int, last: str) -> Listed | None:
    try:
        return model(NAMES, size, last)
    except Panic:
        return None


@pytest.mark.parametrize("version", MODELS)
async def test_models_page_as_the_real_ones_and_both_are_listed_whole(
    version: int, tmp_path: Path
) -> None:
    with registry(tmp_path, Settings(version=version)) as running:
        for name in NAMES:
            with running.client(name) as client:
                client.push(image("catalogue"), "v1")

        with httpx.Client(base_url=running.url, trust_env=False, timeout=PATIENCE) as http:
            for size in range(1, len(NAMES) + 2):
                for last in LASTS:
                    expected = modelled(MODELS[version], size, last)
                    assert shown(http, size, last) == expected, (size, last)

        for size in range(1, len(NAMES) + 2):
            limits = replace(QUICK, page_entries=size)
            async with registry_at(running.url, limits) as asked:
                listing = await asked.repositories()
            assert (set(listing.entries), listing.complete) == (NAMES, True), size
