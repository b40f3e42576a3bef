from __future__ import annotations

import json
import threading
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import Collector
from exporter.oci.digest import Digest
from exporter.oci.links import ACCEPT, OCI_MANIFEST, SCHEMA1, SCHEMA1_SIGNED
from exporter.oci.manifest import schema1_payload
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, ManifestBody, Unseen, Wrong
from tests.parts.http import Answer, Asked, serving
from tests.schema1 import schema1
from tests.sources.registry.speaking import head, registry_at, speaking
from tests.worlds import image

if TYPE_CHECKING:
    from collections.abc import Callable

APP: Final = Repository("app")
V1: Final = Tag("v1")
MADE: Final = image("manifests")
OTHER: Final = Digest.of(b"other")


def found(body: bytes = MADE.body, kind: str = OCI_MANIFEST, **headers: str) -> Answer:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(200, body, {"Content-Type": kind, **named})


def denied(code: str = "MANIFEST_UNKNOWN", detail: object = None) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": "unknown", "detail": detail}]})
    return Answer(404, body.encode(), {"Content-Type": "application/json; charset=utf-8"})


def by_method(**answers: Answer) -> tuple[list[Asked], Callable[[Asked], Answer]]:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return answers.get(request.method) or Answer(200, b"{}")

    return asked, answer


async def test_a_head_alone_resolves_a_tag() -> None:
    asked, answer = by_method(HEAD=found(Docker_Content_Digest=MADE.digest))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == MADE.digest

    assert [each.method for each in asked] == ["HEAD"]


async def test_every_request_accepts_all_four_types_uncompressed_and_sets_no_condition() -> None:
    asked, answer = by_method(HEAD=found(), GET=found())

    with serving(answer) as url:
        async with registry_at(url) as registry:
            await registry.head(APP, V1)
            await registry.manifest(APP, MADE.digest)

    for each in asked:
        assert set(each.headers["Accept"].split(", ")) == set(ACCEPT)
        assert each.headers["Accept-Encoding"] == "identity"
        assert not {name for name in each.headers if name.lower().startswith("if-")}


@pytest.mark.parametrize(
    "head", [found(), found(Docker_Content_Digest="sha256:short"), Answer(405), Answer(400)]
)
async def test_where_head_says_nothing_the_body_of_get_is_hashed(head: Answer) -> None:
    _, answer = by_method(HEAD=head, GET=found())

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == MADE.digest
            assert await registry.head(APP, MADE.digest) == MADE.digest


@pytest.mark.parametrize(
    ("get", "expected"),
    [
        (found(), MADE.digest),
        (denied(), Reason.SERVER_ERROR),
        (Answer(500), Reason.SERVER_ERROR),
        (Answer(403), Reason.SERVER_ERROR),
        (found(b"<html>", "text/html"), Reason.NOT_A_REGISTRY),
    ],
    ids=["served", "denied", "500", "403", "HTML"],
)
async def test_where_head_fails_what_get_serves_counts_and_no_denial(
    get: Answer, expected: object
) -> None:
    """zot answers 500 to HEAD and 404 to GET where it cannot read its `index.json`."""
    _, answer = by_method(HEAD=Answer(500), GET=get)

    with serving(answer) as url:
        async with registry_at(url) as registry:
            try:
                told: object = await registry.head(APP, V1)
            except Unseen as unseen:
                told = unseen.reason
    assert told == expected


async def test_a_404_to_head_is_absent_only_when_get_signs_it() -> None:
    asked, answer = by_method(HEAD=Answer(404), GET=denied())

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == Absent("MANIFEST_UNKNOWN")

    assert [each.method for each in asked] == ["HEAD", "GET"]


async def test_a_404_to_head_that_get_contradicts_is_no_absence() -> None:
    _, answer = by_method(HEAD=Answer(404), GET=found())

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == MADE.digest


async def test_a_body_that_contradicts_its_pinned_digest_is_unseen_to_head() -> None:
    _, answer = by_method(HEAD=Answer(405), GET=found(b"{}"))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(APP, MADE.digest)

    assert raised.value.reason is Reason.WRONG_DIGEST


@pytest.mark.parametrize(
    "detail",
    [
        {"Name": "app", "Revision": OTHER},
        f"unknown manifest name=app revision={OTHER}",
    ],
    ids=["2.x", "3.x"],
)
async def test_a_dangling_tag_names_its_digest(detail: object) -> None:
    _, answer = by_method(HEAD=Answer(404), GET=denied(detail=detail))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == Absent("MANIFEST_UNKNOWN", OTHER)


@pytest.mark.parametrize("detail", [{"Revision": "nonsense"}, {"Revision": 1}, [], "revision=", 7])
async def test_an_odd_detail_names_no_digest(detail: object) -> None:
    _, answer = by_method(HEAD=Answer(404), GET=denied(detail=detail))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.head(APP, V1) == Absent("MANIFEST_UNKNOWN")


CHANGED: Final = MADE.body.replace(b"2", b"3", 1)


async def verified(by_tag: Answer, by_digest: Answer, claimed: Digest = OTHER) -> object:
    """What the bytes of v1 say where HEAD claims this digest."""
    with serving(lambda asked: by_tag if asked.target.endswith("/v1") else by_digest) as url:
        async with registry_at(url) as registry:
            return await registry.verify_tag(APP, V1, claimed)


@pytest.mark.parametrize("said", [MADE.digest, OTHER, "sha256:short"])
async def test_a_tag_leads_to_what_its_bytes_hash_to_where_that_is_served(said: str) -> None:
    made = found(Docker_Content_Digest=said)

    assert await verified(made, denied(), claimed=MADE.digest) == MADE.digest
    assert await verified(made, found()) == MADE.digest


async def test_stored_bytes_that_no_digest_serves_are_other_ones_than_the_tags_digest_names() -> (
    None
):
    stored = found(CHANGED, Docker_Content_Digest=MADE.digest)

    assert await verified(stored, denied(), claimed=MADE.digest) == Wrong(
        f"hashes to {Digest.of(CHANGED)}", mismatch=True
    )
    assert await verified(denied(), found()) == Absent("MANIFEST_UNKNOWN")


@pytest.mark.parametrize("by_digest", [denied(), found(CHANGED), Answer(500)], ids=repr)
async def test_where_bytes_and_headers_agree_on_no_digest_nothing_is_known(
    by_digest: Answer,
) -> None:
    with pytest.raises(Unseen):
        await verified(found(), by_digest)


async def test_a_manifest_is_what_its_bytes_hash_to() -> None:
    _, answer = by_method(GET=found(Docker_Content_Digest=MADE.digest))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.manifest(APP, MADE.digest) == ManifestBody(MADE.digest, MADE.body)


async def test_a_manifest_is_asked_for_by_digest_in_its_repository() -> None:
    asked, answer = by_method(GET=found())

    with serving(answer) as url:
        async with registry_at(f"{url}/mirror/") as registry:
            await registry.manifest(Repository("team/app"), MADE.digest)

    assert asked[0].target == f"/mirror/v2/team/app/manifests/{MADE.digest}"


@pytest.mark.parametrize("announced", [{"Docker_Content_Digest": MADE.digest}, {}])
async def test_other_bytes_under_the_right_name_are_wrong(announced: dict[str, str]) -> None:
    changed = MADE.body.replace(b"2", b"3", 1)
    _, answer = by_method(GET=found(changed, **announced))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            verdict = await registry.manifest(APP, MADE.digest)

    assert verdict == Wrong(f"hashes to {Digest.of(changed)}", mismatch=True)


async def test_sha512_content_filed_under_its_sha256_is_read() -> None:
    wanted = Digest.of(MADE.body, "sha512")
    said = found(Docker_Content_Digest=MADE.digest)
    _, answer = by_method(HEAD=said, GET=said)

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.manifest(APP, wanted) == ManifestBody(wanted, MADE.body)
            assert await registry.head(APP, wanted) == wanted


async def test_a_signed_schema_1_manifest_is_hashed_without_its_signatures() -> None:
    made = schema1("old", "app", "v1")
    _, answer = by_method(HEAD=Answer(405), GET=found(made.body, SCHEMA1_SIGNED))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert await registry.manifest(APP, made.digest) == ManifestBody(made.digest, made.body)
            assert await registry.head(APP, V1) == made.digest


@pytest.mark.parametrize("kind", [SCHEMA1, SCHEMA1_SIGNED])
async def test_a_digest_names_schema_1_with_its_signatures_or_without_whatever_the_type_says(
    kind: str,
) -> None:
    made = schema1("old", "app", "v1")

    with serving(lambda _: found(made.body, kind)) as url:
        async with registry_at(url) as registry:
            for digest in (made.digest, Digest.of(made.body)):
                assert await registry.manifest(APP, digest) == ManifestBody(digest, made.body)
            assert isinstance(await registry.manifest(APP, OTHER), Wrong)


async def test_schema_1_that_a_proxy_made_us_get_leads_nowhere_and_is_no_absence() -> None:
    made = schema1("old", "app", "v1")

    def answer(request: Asked) -> Answer:
        by_tag = request.target.endswith("/v1")
        return found(made.body, SCHEMA1_SIGNED, Docker_Content_Digest=OTHER) if by_tag else denied()

    with serving(answer) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen, match="Accept") as raised:
                await registry.head(APP, V1)

    assert raised.value.reason is Reason.NOT_A_REGISTRY


async def test_the_beginning_of_a_manifest_is_nothing_that_a_tag_leads_to() -> None:
    begun = head(Content_Type=OCI_MANIFEST) + MADE.body[:-9]

    async with speaking(begun) as server, registry_at(server.url) as registry:
        with pytest.raises(Unseen) as raised:
            await registry.head(APP, V1)

    assert raised.value.reason is Reason.TRUNCATED


async def test_a_manifest_of_no_stated_length_is_read_to_its_end() -> None:
    said = head(Content_Type=OCI_MANIFEST) + MADE.body

    async with speaking(said) as server, registry_at(server.url) as registry:
        assert await registry.head(APP, V1) == MADE.digest


@pytest.mark.parametrize(
    ("answer", "told"),
    [
        (denied(detail={"Tag": "pullproof-asks-who-collects-here"}), Collector.DISTRIBUTION_2),
        (denied(detail="unknown tag=pullproof-asks-who-collects-here"), Collector.DISTRIBUTION_3),
        (denied(detail={"Tag": "another"}), Collector.UNKNOWN),
        (denied(detail=None), Collector.UNKNOWN),
        (denied("NAME_UNKNOWN", "unknown tag=v1"), Collector.UNKNOWN),
        (found(), Collector.UNKNOWN),
        (Answer(404), Collector.UNKNOWN),
        (
            Answer(404, headers={"Gitlab-Container-Registry-Version": "v4"}),
            Collector.UNKNOWN,
        ),
        (
            Answer(
                404,
                headers={
                    "Gitlab-Container-Registry-Version": "v4",
                    "Gitlab-Container-Registry-Database-Enabled": "true",
                },
            ),
            Collector.PARENT_PROTECTS,
        ),
        (
            Answer(404, headers={"Access-Control-Allow-Headers": "Authorization,X-ZOT-API-CLIENT"}),
            Collector.PARENT_PROTECTS,
        ),
    ],
)
async def test_the_shape_of_a_denial_tells_the_collector(answer: Answer, told: Collector) -> None:
    with serving(lambda _: answer) as url:
        async with registry_at(url) as registry:
            assert (await registry.kind(APP)).collector is told


@pytest.mark.parametrize(
    ("realm", "told"),
    [("/v2/token", Collector.PARENT_PROTECTS), ("/jwt/auth", Collector.UNKNOWN)],
    ids=["Gitea", "GitLab"],
)
async def test_the_token_server_of_a_forge_tells_its_collector(realm: str, told: Collector) -> None:
    def answer(asked: Asked) -> Answer:
        if asked.target.startswith(realm):
            return Answer(200, b'{"token": "t"}', {"Content-Type": "application/json"})
        if asked.headers.get("Authorization"):
            return denied(detail=None)
        where = f"http://{asked.headers['Host']}{realm}"
        challenge = f'Bearer realm="{where}",service="container_registry",scope="*"'
        return Answer(401, headers={"WWW-Authenticate": challenge})

    with serving(answer) as url:
        async with registry_at(url) as registry:
            assert (await registry.kind(APP)).collector is told


async def test_a_collector_that_was_told_is_not_asked_for_again() -> None:
    asked, answer = by_method(GET=denied(detail={"Tag": "pullproof-asks-who-collects-here"}))

    with serving(answer) as url:
        async with registry_at(url) as registry:
            await registry.kind(APP)
            await registry.kind(APP)

    assert len(asked) == 1


async def test_what_is_too_large_for_schema_1_proves_nothing_and_is_not_parsed() -> None:
    body = b'{"signatures":[' + b"[]," * 400_000 + b"0]}"
    answer = found(body, SCHEMA1_SIGNED)

    with serving(lambda _: answer) as url:
        async with registry_at(url) as registry:
            for ask in (registry.manifest(APP, OTHER), registry.head(APP, V1)):
                with pytest.raises(Unseen, match="schema 1 of more than") as caught:
                    await ask
                assert caught.value.reason is Reason.TOO_LARGE
            assert isinstance(await registry.manifest(APP, Digest.of(body)), ManifestBody)


async def test_a_large_body_of_schema_1_is_read_in_a_thread(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    threads: list[bool] = []

    def payload(body: bytes) -> bytes:
        threads.append(threading.current_thread() is threading.main_thread())
        return schema1_payload(body)

    monkeypatch.setattr("exporter.sources.registry.manifests.schema1_payload", payload)
    answer = found(b"[" + b" " * 70_000 + b"]", SCHEMA1)

    with serving(lambda _: answer) as url:
        async with registry_at(url) as registry:
            await registry.manifest(APP, OTHER)

    assert threads == [False]
