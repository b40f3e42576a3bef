"""How often is a token asked for, and what is known of who asks when none is given?"""

from __future__ import annotations

import asyncio
import json
from dataclasses import replace
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import pytest

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository, Tag
from exporter.ports import Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.authenticator import Authenticator
from exporter.sources.registry.credentials import FixedLogin, Login
from exporter.sources.registry.docker_config import DockerConfig
from exporter.sources.registry.messages import Request, Response
from tests.sources.registry.guarded import BASIC, DIGEST, REFRESH, ROBOT, V1, Guard, guarding
from tests.sources.registry.speaking import QUICK, registry_at

if TYPE_CHECKING:
    from pathlib import Path


async def test_a_token_is_asked_for_as_the_challenge_says() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    (asked,) = guard.tokens
    assert asked.method == "GET"
    assert parse_qs(urlsplit(asked.target).query) == {
        "service": ["tests"],
        "scope": ["repository:app:pull"],
        "account": ["robot"],
    }
    assert asked.headers["Authorization"] == BASIC


async def test_nobody_asks_for_a_token_without_showing_anything() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    assert "Authorization" not in guard.tokens[0].headers
    assert "account" not in guard.tokens[0].target


async def test_all_who_need_the_same_token_share_one() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            heads = (registry.head(Repository("app"), Tag(f"v{n}")) for n in range(20))
            await asyncio.gather(*heads)

    assert len(guard.tokens) == 1


async def test_what_one_repository_demanded_is_expected_of_the_next() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            await registry.head(Repository("first"), V1)
            assert await registry.head(Repository("second"), V1) == DIGEST

    without = [each for each in guard.questions if "Authorization" not in each.headers]
    assert [each.target for each in without] == ["/v2/first/manifests/v1"]


async def test_one_request_at_a_time_is_enough_for_question_and_token() -> None:
    with guarding(Guard()) as guard:
        limits = replace(QUICK, concurrency=1)
        async with registry_at(guard.url, limits, logins=ROBOT) as registry:
            await asyncio.gather(*(registry.head(Repository("app"), V1) for _ in range(3)))

    assert len(guard.tokens) == 1


async def test_a_ping_learns_the_way_without_needing_a_token() -> None:
    with guarding(Guard(scopeless=True)) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            await registry.ping()
            assert len(guard.asked) == 1
            await registry.head(Repository("app"), V1)

    assert [each.method for each in guard.questions] == ["GET", "HEAD"]
    assert "scope=repository%3Aapp%3Apull" in guard.tokens[0].target


async def test_a_token_that_was_revoked_is_replaced() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            await registry.head(Repository("app"), V1)
            guard.given += 1
            assert await registry.head(Repository("app"), V1) == DIGEST

    assert len(guard.tokens) == 2


async def test_a_token_that_opens_nothing_is_unauthorized_and_not_tried_again() -> None:
    with guarding(Guard(accepts=False)) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            for _ in range(3):
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository("app"), V1)
                assert raised.value.reason is Reason.UNAUTHORIZED

    assert len(guard.tokens) == 1
    assert len(guard.questions) == 2


async def test_a_login_that_was_refused_is_not_shown_for_every_repository() -> None:
    with guarding(Guard(gives=401)) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            for name in ("one", "two", "three"):
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository(name), V1)
                assert raised.value.reason is Reason.UNAUTHORIZED

    assert len(guard.tokens) == 1


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (400, Reason.DENIED),
        (403, Reason.DENIED),
        (404, Reason.CREDENTIALS),
        (500, Reason.SERVER_ERROR),
        (429, Reason.RATE_LIMITED),
    ],
)
async def test_a_token_server_that_gives_none_is_the_reason(status: int, reason: Reason) -> None:
    with guarding(Guard(gives=status)) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is reason
    assert raised.value.subject == "app:v1"


async def test_a_file_of_logins_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")
    credentials = DockerConfig((tmp_path / "config.json",))
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, logins=credentials) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.CREDENTIALS
    assert raised.value.detail == f"{tmp_path}/config.json: not JSON"


async def test_a_registry_token_is_shown_as_it_is() -> None:
    with guarding(Guard(given=7)) as guard:
        credentials = FixedLogin(Login(registry_token="token-7"))
        async with registry_at(guard.url, logins=credentials) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    assert guard.tokens == []


async def test_a_registry_token_with_a_line_end_in_it_is_the_files_fault() -> None:
    with guarding(Guard()) as guard:
        credentials = FixedLogin(Login(registry_token="token-7\n"))
        async with registry_at(guard.url, logins=credentials) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.CREDENTIALS


async def test_secrets_stay_out_of_what_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with guarding(Guard(accepts=False)) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    printed = f"{caplog.text}{raised.value}{ROBOT}{REFRESH}"
    assert not any(secret in printed for secret in ("sesame", "refresh-me", "token-", BASIC))


async def test_fat_tokens_are_forgotten_before_they_fill_the_memory(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("exporter.sources.registry.authenticator.MOST_BYTES", 100_000)

    async def ask(_: Request, __: str) -> Response:
        fetched.append(1)
        return Response(200, {}, json.dumps({"token": "x" * 30_000}).encode())

    fetched: list[int] = []
    keys = Authenticator(Address.parse("https://registry.example"), FixedLogin(), ask)
    demand = {"www-authenticate": 'Bearer realm="https://registry.example/token"'}
    keys.learn(Response(401, demand))
    asked = [Request("manifest", f"r{n}", scope=f"repository:r{n}:pull") for n in range(50)]
    for each in (*asked, *asked[-3:]):
        assert await keys.authorize(each)
    assert len(fetched) == 50

    await keys.authorize(asked[0])
    assert len(fetched) == 51
