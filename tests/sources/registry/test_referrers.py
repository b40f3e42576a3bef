from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_INDEX, OCI_MANIFEST
from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from exporter.oci.manifest import Referrer

APP: Final = Repository("app")
SUBJECT: Final = Digest.of(b"image")
SBOM: Final = "application/spdx+json"


def entry(name: str, **other: object) -> dict[str, object]:
    digest = Digest.of(name.encode())
    told = {"mediaType": OCI_MANIFEST, "digest": digest, "size": 7, "artifactType": SBOM}
    return told | other


def page(*entries: object, link: str = "", media_type: str = OCI_INDEX, **other: str) -> Answer:
    body = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list(entries)}
    onward = {"Link": f'<{link}>; rel="next"'} if link else {}
    headers = {"Content-Type": media_type} | onward | other
    return Answer(200, json.dumps(body).encode(), headers)


def denied(code: str) -> Answer:
    body = json.dumps({"errors": [{"code": code}]}).encode()
    return Answer(404, body, {"Content-Type": "application/json"})


async def listed(*pages: Answer) -> Listing[Referrer] | None:
    """Answer each request with the next page, the last one for ever."""
    waiting = list(pages)

    def answer(request: Asked) -> Answer:
        if "/referrers/" not in request.target:
            return Answer(200)
        return waiting.pop(0) if len(waiting) > 1 else waiting[0]

    with serving(answer) as url:
        async with registry_at(url) as registry:
            return await registry.referrers(APP, SUBJECT)


async def refused(answer: Answer) -> Reason:
    with pytest.raises(Unseen) as raised:
        await listed(answer)
    return raised.value.reason


async def test_referrers_are_listed_with_their_types() -> None:
    found = await listed(page(entry("a"), entry("b", artifactType=None)))

    assert found is not None
    assert found.complete
    assert [(each.target.digest, each.artifact_type) for each in found.entries] == [
        (Digest.of(b"a"), SBOM),
        (Digest.of(b"b"), ""),
    ]


async def test_an_empty_list_is_a_complete_one() -> None:
    assert await listed(page()) == Listing(())


async def test_pages_are_followed() -> None:
    found = await listed(page(entry("a"), link="?last=a"), page(entry("b")))

    assert found is not None
    assert (len(found.entries), found.complete) == (2, True)


async def test_404_says_that_there_is_no_referrers_api() -> None:
    plain = Answer(404, b"404 page not found\n", {"Content-Type": "text/plain"})

    assert await listed(plain) is None


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(404, b"<html>", {"Content-Type": "text/html"}), Reason.NOT_A_REGISTRY),
        (denied("MANIFEST_UNKNOWN"), Reason.UNCONFIRMED),
        (denied("NAME_UNKNOWN"), Reason.UNCONFIRMED),
        (Answer(403), Reason.DENIED),
        (Answer(405), Reason.NOT_A_REGISTRY),
        (Answer(503), Reason.SERVER_ERROR),
        (page(media_type="application/json"), Reason.NOT_A_REGISTRY),
        (Answer(200, b"{", {"Content-Type": OCI_INDEX}), Reason.MALFORMED),
        (page("no descriptor"), Reason.MALFORMED),
        (page(entry("a", digest="sha256:no")), Reason.MALFORMED),
        (page(entry("a", artifactType=["x"])), Reason.MALFORMED),
        (page(entry("a", artifactType="x\n")), Reason.MALFORMED),
        (page(entry("a", mediaType="text/plain")), Reason.MALFORMED),
    ],
)
async def test_anything_else_is_neither_a_list_nor_its_lack(answer: Answer, reason: Reason) -> None:
    assert await refused(answer) is reason


@pytest.mark.parametrize(
    ("headers", "asked"),
    [({"X-GitHub-Request-Id": "1"}, 0), ({"Access-Control-Allow-Headers": "X-ZOT-API-CLIENT"}, 1)],
    ids=["GHCR is not asked", "zot has the API"],
)
async def test_a_kind_that_is_known_decides_what_404_means(
    headers: dict[str, str], asked: int
) -> None:
    targets: list[str] = []

    def answer(request: Asked) -> Answer:
        targets.append(request.target)
        realm = 'Bearer realm="https://x.example/token",service="x"'
        denies = request.target == "/v2/" and not asked
        told = headers | ({"WWW-Authenticate": realm} if denies else {})
        return Answer(404 if "/referrers/" in request.target else 401 if denies else 200, b"", told)

    with serving(answer) as url:
        async with registry_at(url) as registry:
            await registry.ping()
            if asked:
                with pytest.raises(Unseen):
                    await registry.referrers(APP, SUBJECT)
            else:
                assert await registry.referrers(APP, SUBJECT) is None

    assert sum("/referrers/" in target for target in targets) == asked


@pytest.mark.parametrize(
    "pages",
    [
        (page(entry("a"), link="?last=a"),),
        (page(entry("a"), link="?last=a"), Answer(404)),
        (page(entry("a"), link="?last=a"), Answer(403)),
        (page(entry("a"), link="https://elsewhere.example/?last=a"),),
        (page(entry("a"), **{"OCI-Filters-Applied": "artifactType"}),),
        (page(*map(entry, map(str, range(1_001)))),),
    ],
    ids=["circle", "cut", "denied", "elsewhere", "filtered", "long"],
)
async def test_a_list_that_may_go_on_is_incomplete_and_bounded(pages: tuple[Answer, ...]) -> None:
    found = await listed(*pages)

    assert found is not None
    assert not found.complete
    assert 0 < len(found.entries) <= 1_000
