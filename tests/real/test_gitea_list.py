"""The packages API of a real Gitea, as its list of repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.config.loading import parse
from exporter.facts.gap import Reason
from exporter.wiring.registries import opened
from tests.parts.gitea import ADMIN
from tests.worlds import image

if TYPE_CHECKING:
    from exporter.oci.reference import Repository
    from exporter.ports import Listing
    from tests.parts.gitea import Gitea

pytestmark = pytest.mark.real
TAGS = tuple(f"v{number}" for number in range(60))
"""More versions than one page has."""


async def listed(server: Gitea, token: str, *owners: str) -> Listing[Repository]:
    within = f"{{from: gitea, namespaces: [{', '.join(owners)}]}}"
    login = f"username: {ADMIN}, password_env: TOKEN"
    text = (
        f"registries: [{{url: '{server.url}', plain_http: true, {login}, repositories: {within}}}]"
    )
    environ = {"TOKEN": token}
    registry = opened(parse(text.encode(), environ).registries[0], environ)
    try:
        return await registry.repositories()
    finally:
        await registry.aclose()


async def test_every_repository_of_an_owner_is_listed_once_whatever_its_versions(
    gitea_server: Gitea,
) -> None:
    with gitea_server.owner("Lists"):
        gitea_server.push("lists/deep/app", image("deep"), *TAGS)
        gitea_server.push("lists/app", image("app"), "v1", "v2")

        found = await listed(gitea_server, gitea_server.token, "Lists")

    assert (set(found.entries), found.complete) == ({"lists/app", "lists/deep/app"}, True)


async def test_an_owner_without_packages_is_empty_and_one_that_is_not_there_is_a_gap(
    gitea_server: Gitea,
) -> None:
    with gitea_server.owner("nothing"):
        empty = await listed(gitea_server, gitea_server.token, "nothing")
    gone = await listed(gitea_server, gitea_server.token, "nobody")

    assert (empty.entries, empty.complete) == ((), True)
    assert [gap.reason for gap in gone.gaps] == [Reason.DENIED]


async def test_a_wrong_token_is_a_gap(gitea_server: Gitea) -> None:
    with gitea_server.owner("hidden"):
        gitea_server.push("hidden/app", image("app"), "v1")
        found = await listed(gitea_server, "0" * 40, "hidden")

    assert (found.entries, [gap.reason for gap in found.gaps]) == ((), [Reason.UNAUTHORIZED])
