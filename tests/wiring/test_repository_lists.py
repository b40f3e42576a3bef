"""A registry whose repositories an API lists: the audit asks that, and never its catalogue."""

from __future__ import annotations

import json
from urllib.parse import urlsplit

from exporter.config.loading import parse
from exporter.wiring.assembly import scope
from exporter.wiring.registries import opened
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.lists.conversations import NAMES, Harbor, said


class Served(Harbor):
    """Harbor: its API, and beside it the registry, which needs no login here."""

    def beside(self, asked: Asked) -> Answer:
        if not asked.target.startswith("/v2/"):
            return super().beside(asked)
        if asked.target.endswith("/tags/list"):
            return said({"name": "app", "tags": ["v1"]})
        return Answer(200, json.dumps({}).encode())


async def test_a_registry_is_listed_by_what_its_settings_name_and_counts_these_requests() -> None:
    served = Served()
    within = "{from: harbor, namespaces: [team]}"
    with serving(served) as url:
        text = (
            f"registries: [{{url: '{url}', plain_http: true, username: '{'robot$team+audit'}', "
            f"password_env: PASSWORD, repositories: {within}}}]"
        )
        environ = {"PASSWORD": "robot-secret"}
        registry = opened(parse(text.encode(), environ).registries[0], environ)
        try:
            listing = await registry.repositories()
        finally:
            await registry.aclose()

    assert (listing.entries, listing.complete) == (NAMES, True)
    assert not any("_catalog" in urlsplit(each.target).path for each in served.asked)
    assert sum(registry.tally.requests.values()) == len(served.asked)


async def test_without_catalog_nothing_is_listed_by_an_api_either() -> None:
    settings = parse(b"registries: [{url: 'https://r', repositories: {catalog: false}}]", {})

    registry = opened(settings.registries[0], {})

    assert getattr(registry, "lister", None) is None
    await registry.aclose()


def test_a_list_of_some_namespaces_is_no_list_of_the_whole_registry() -> None:
    for within, whole in (("from: harbor", True), ("from: harbor, namespaces: [team]", False)):
        text = f"registries: [{{url: 'https://r', repositories: {{{within}}}}}]"
        settings = parse(text.encode(), {})

        assert scope(settings, settings.registries[0]).whole is whole
