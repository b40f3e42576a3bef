from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.oci.reference import Repository
from exporter.ports import Absent, Listing, Unseen
from exporter.sources.registry.tag_list import unsorted
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import QUICK, registry_at

if TYPE_CHECKING:
    from collections.abc import Callable

APP: Final = Repository("app")
JSON: Final = {"Content-Type": "application/json"}
TWO: Final = {"Tag": "pullproof-asks-who-collects-here"}
THREE: Final = "unknown tag=pullproof-asks-who-collects-here"


def tags(names: object, link: str = "") -> Answer:
    body = json.dumps({"name": "app", "tags": names}).encode()
    return Answer(200, body, JSON | ({"Link": f'<{link}>; rel="next"'} if link else {}))


def denied(code: str, detail: object = None) -> Answer:
    return Answer(404, json.dumps({"errors": [{"code": code, "detail": detail}]}).encode(), JSON)


def pages(**by_query: Answer) -> tuple[list[str], Callable[[Asked], Answer]]:
    """Answer by the `last` of a query; `first` without one, `collector` to the odd tag."""
    asked: list[str] = []

    def answer(request: Asked) -> Answer:
        asked.append(request.target)
        if "/manifests/" in request.target:
            return by_query["collector"]
        return by_query[request.target.partition("last=")[2] or "first"]

    return asked, answer


async def listed(**by_query: Answer) -> Listing[str] | Absent:
    with serving(pages(**by_query)[1]) as url:
        async with registry_at(url) as registry:
            return await registry.tags(APP)


async def test_all_tags_are_asked_for_at_once_without_a_page_size() -> None:
    asked, answer = pages(first=tags(["v1", "v2"]))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.tags(APP) == Listing(("v1", "v2"))

    assert asked == ["/v2/app/tags/list"]


@pytest.mark.parametrize("nothing", [None, []])
async def test_null_and_an_empty_list_are_no_tags(nothing: object) -> None:
    assert await listed(first=tags(nothing)) == Listing(())


async def test_a_repository_that_is_denied_is_absent() -> None:
    base = Answer(200)

    def answer(request: Asked) -> Answer:
        return base if request.target == "/v2/" else denied("NAME_UNKNOWN")

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.tags(APP) == Absent("NAME_UNKNOWN")


async def test_links_are_followed_to_an_extra_page_of_null() -> None:
    listing = await listed(
        first=tags(["v1", "v2"], "/v2/app/tags/list?last=v2"),
        v2=tags(["v3"], "/v2/app/tags/list?last=v3"),
        v3=tags(None),
    )

    assert listing == Listing(("v1", "v2", "v3"))


@pytest.mark.parametrize(
    ("last", "reason"),
    [
        (denied("NAME_UNKNOWN"), Reason.UNSUPPORTED),
        (Answer(404), Reason.NOT_A_REGISTRY),
        (Answer(403), Reason.DENIED),
        (Answer(500), Reason.SERVER_ERROR),
        (tags(["v1"], "/x?last=v1"), Reason.INCOMPLETE_LIST),
        (tags(["v2"], "https://elsewhere.example/?last=v2"), Reason.INCOMPLETE_LIST),
    ],
)
async def test_a_list_that_breaks_off_says_so(last: Answer, reason: Reason) -> None:
    listing = await listed(first=tags(["v1"], "/x?last=v1"), v1=last)

    assert isinstance(listing, Listing)
    assert listing.entries[0] == "v1"
    assert [(gap.scope, gap.subject, gap.reason) for gap in listing.gaps] == [
        (Scope.REPOSITORY, APP, reason)
    ]


async def test_a_tag_that_is_none_leaves_a_gap() -> None:
    listing = await listed(first=tags(["v1", "sha256:abc"]))

    assert isinstance(listing, Listing)
    assert listing.entries == ("v1",)
    assert [gap.reason for gap in listing.gaps] == [Reason.MALFORMED]


async def test_more_tags_than_allowed_are_cut_with_a_gap() -> None:
    many = replace(QUICK, tags=2)

    with serving(pages(first=tags(["a", "b", "c"]))[1]) as url:
        async with registry_at(url, many) as registry:
            listing = await registry.tags(APP)

    assert isinstance(listing, Listing)
    assert [gap.reason for gap in listing.gaps] == [Reason.TOO_LARGE]


@pytest.mark.parametrize(
    "said",
    [
        Answer(200, b"{}", JSON),
        Answer(200, b'{"tags":7}', JSON),
        Answer(200, b'{"tags":[7]}', JSON),
        Answer(200, b'{"tags":{}}', JSON),
        Answer(200, b"tags", JSON),
        Answer(200, b"[" * 100_000, JSON),
    ],
)
async def test_a_list_that_is_none_is_malformed(said: Answer) -> None:
    with pytest.raises(Unseen) as raised:
        await listed(first=said)

    assert raised.value.reason is Reason.MALFORMED


async def test_an_unsorted_list_of_2_x_is_as_complete_as_any() -> None:
    listing = await listed(
        first=tags(["v2", "v1"]), collector=denied("MANIFEST_UNKNOWN", detail=TWO)
    )

    assert listing == Listing(("v2", "v1"))


async def test_an_unsorted_list_of_3_x_hides_tags() -> None:
    names = ["1.0-x", "1.0.1", "1.0", "latest", "v1", "v2"]

    listing = await listed(first=tags(names), collector=denied("MANIFEST_UNKNOWN", detail=THREE))

    assert isinstance(listing, Listing)
    assert listing.gaps == (
        Gap(
            Scope.REPOSITORY,
            APP,
            Reason.INCOMPLETE_LIST,
            "distribution 3.1 on S3 hides tags that begin with another tag's name",
        ),
    )


async def test_a_registry_that_hides_its_kind_leaves_an_unsorted_list_as_it_is() -> None:
    assert await listed(first=tags(["v2", "v1"]), collector=Answer(403)) == Listing(("v2", "v1"))


def test_order_is_told_by_bytes() -> None:
    assert not unsorted(["1.0", "1.0-x", "1.0.1", "V1", "latest"])
    assert unsorted(["1.0-x", "1.0"])
    assert not unsorted([])
