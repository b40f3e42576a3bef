"""Who asks? Tokens, passwords, nobody: what is shown to whom, and how often it is asked for."""

from __future__ import annotations

import asyncio
import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.manifest import OCI_MANIFEST
from exporter.oci.reference import Repository, Tag
from exporter.sources import Absent, Unseen
from exporter.sources.registry.credentials import ANONYMOUS, Fixed, Login
from exporter.sources.registry.trust import Trust
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import QUICK, registry_at

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.parts.certificates import Authority

ROBOT: Final = Fixed(Login("robot", "sesame"))
BASIC: Final = f"Basic {base64.b64encode(b'robot:sesame').decode()}"
REFRESH: Final = Fixed(Login(identity_token="refresh-me"))
DIGEST: Final = Digest.of(b"manifest")
V1: Final = Tag("v1")
FOUND: Final = Answer(
    200, b"", {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(DIGEST)}
)


def denied(status: int, code: str) -> Answer:
    return Answer(status, json.dumps({"errors": [{"code": code}]}).encode())


@dataclass
class Guard:
    """A registry and its token server, both in one: `/token` gives, `/v2/` demands."""

    url: str = ""
    realm: str = ""
    service: str = "tests"
    scopeless: bool = False
    """The challenge names no scope."""
    gives: int = 200
    """The token server's status."""
    refuses: set[str] = field(default_factory=set)
    """Methods that the token server does not offer."""
    accepts: bool = True
    """Does a token open anything?"""
    asked: list[Asked] = field(default_factory=list)
    given: int = 0

    def __call__(self, request: Asked) -> Answer:
        self.asked.append(request)
        if request.target.startswith("/token"):
            return self.token(request)
        name = request.target.split("/")[2]
        shown = request.headers.get("Authorization", "")
        if self.accepts and shown == f"Bearer token-{self.given}":
            return FOUND if name != "hidden" else denied(404, "NAME_UNKNOWN")
        scope = "" if self.scopeless else f',scope="repository:{name}:pull"'
        challenge = f'Bearer realm="{self.realm or self.url + "/token"}",service="{self.service}"'
        answer = denied(401, "UNAUTHORIZED")
        return replace(answer, headers={"WWW-Authenticate": challenge + scope})

    def token(self, request: Asked) -> Answer:
        if request.method in self.refuses:
            return Answer(405)
        if self.gives != 200:
            return Answer(self.gives)
        self.given += 1
        return Answer(200, json.dumps({"token": f"token-{self.given}"}).encode())

    @property
    def tokens(self) -> list[Asked]:
        return [each for each in self.asked if each.target.startswith("/token")]

    @property
    def questions(self) -> list[Asked]:
        return [each for each in self.asked if not each.target.startswith("/token")]


@contextmanager
def guarding(guard: Guard) -> Iterator[Guard]:
    with serving(guard) as url:
        guard.url = url
        yield guard


async def test_a_token_is_asked_for_as_the_challenge_says() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
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
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            heads = (registry.head(Repository("app"), Tag(f"v{n}")) for n in range(20))
            await asyncio.gather(*heads)

    assert len(guard.tokens) == 1


async def test_what_one_repository_demanded_is_expected_of_the_next() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            await registry.head(Repository("first"), V1)
            assert await registry.head(Repository("second"), V1) == DIGEST

    without = [each for each in guard.questions if "Authorization" not in each.headers]
    assert [each.target for each in without] == ["/v2/first/manifests/v1"]


async def test_one_request_at_a_time_is_enough_for_question_and_token() -> None:
    with guarding(Guard()) as guard:
        limits = replace(QUICK, concurrency=1)
        async with registry_at(guard.url, limits, credentials=ROBOT) as registry:
            await asyncio.gather(*(registry.head(Repository("app"), V1) for _ in range(3)))

    assert len(guard.tokens) == 1


async def test_a_ping_learns_the_way_without_needing_a_token() -> None:
    with guarding(Guard(scopeless=True)) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            await registry.ping()
            assert len(guard.asked) == 1
            await registry.head(Repository("app"), V1)

    assert [each.method for each in guard.questions] == ["GET", "HEAD"]
    assert "scope=repository%3Aapp%3Apull" in guard.tokens[0].target


async def test_a_token_that_was_revoked_is_replaced() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            await registry.head(Repository("app"), V1)
            guard.given += 1
            assert await registry.head(Repository("app"), V1) == DIGEST

    assert len(guard.tokens) == 2


async def test_a_token_that_opens_nothing_is_unauthorized_and_not_tried_again() -> None:
    with guarding(Guard(accepts=False)) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            for _ in range(3):
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository("app"), V1)
                assert raised.value.reason is Reason.UNAUTHORIZED

    assert len(guard.tokens) == 1
    assert len(guard.questions) == 2


async def test_a_login_that_was_refused_is_not_shown_for_every_repository() -> None:
    with guarding(Guard(gives=401)) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
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
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is reason
    assert raised.value.subject == "app:v1"


async def test_an_identity_token_is_posted_and_never_shown_otherwise() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, credentials=REFRESH) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    (asked,) = guard.tokens
    assert asked.method == "POST"
    assert parse_qs(asked.body.decode()) == {
        "grant_type": ["refresh_token"],
        "refresh_token": ["refresh-me"],
        "service": ["tests"],
        "scope": ["repository:app:pull"],
        "client_id": ["pullproof"],
    }
    assert not any("refresh-me" in str(each) for each in guard.questions)


async def test_where_post_is_not_offered_an_identity_token_is_shown_to_get() -> None:
    with guarding(Guard(refuses={"POST"})) as guard:
        async with registry_at(guard.url, credentials=REFRESH) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    shown = base64.b64decode(guard.tokens[1].headers["Authorization"].removeprefix("Basic "))
    assert shown == b"<token>:refresh-me"


async def test_where_get_is_not_offered_a_password_is_posted() -> None:
    with guarding(Guard(refuses={"GET"})) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    form = parse_qs(guard.tokens[1].body.decode())
    assert form["grant_type"] == ["password"]
    assert (form["username"], form["password"]) == (["robot"], ["sesame"])


async def test_a_registry_token_is_shown_as_it_is() -> None:
    with guarding(Guard(given=7)) as guard:
        credentials = Fixed(Login(registry_token="token-7"))
        async with registry_at(guard.url, credentials=credentials) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    assert guard.tokens == []


@pytest.mark.parametrize("realm", ["/token", "token", "ftp://auth/token", "http://a:b@auth/token"])
async def test_a_realm_that_is_no_address_gets_nothing(realm: str) -> None:
    with guarding(Guard(realm=realm)) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.CREDENTIALS


async def test_a_plain_http_realm_of_a_https_registry_gets_nothing(authority: Authority) -> None:
    with guarding(Guard()) as plain:
        challenge = f'Bearer realm="{plain.url}/token",service="tests"'
        answer = Answer(401, headers={"WWW-Authenticate": challenge})
        with serving(lambda _: answer, authority.sign("server")) as url:
            trust = Trust(authority.certificate)
            async with registry_at(url, tls=trust, credentials=ROBOT) as registry:
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.CREDENTIALS
    assert plain.asked == []


async def test_a_form_is_not_sent_on_by_a_redirect() -> None:
    with guarding(Guard()) as elsewhere:
        redirect = Answer(307, headers={"Location": f"{elsewhere.url}/token"})

        def answer(request: Asked) -> Answer:
            if request.method == "POST":
                return redirect
            challenge = f'Bearer realm="http://{request.headers["Host"]}/token"'
            return Answer(401, headers={"WWW-Authenticate": challenge})

        with serving(answer) as url:
            async with registry_at(url, credentials=REFRESH) as registry:
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.REDIRECT
    assert elsewhere.asked == []


def basic(request: Asked) -> Answer:
    """A registry of which `public` is shown to everybody, and the rest to the robot."""
    if "/public/" in request.target or request.headers.get("Authorization") == BASIC:
        return FOUND
    return Answer(401, headers={"WWW-Authenticate": 'Basic realm="tests"'})


async def test_a_password_is_shown_where_it_is_demanded() -> None:
    with serving(basic) as url:
        async with registry_at(url, credentials=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST


async def test_without_a_password_only_the_guarded_part_is_out_of_sight() -> None:
    with serving(basic) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)
            assert await registry.head(Repository("public"), V1) == DIGEST

    assert raised.value.reason is Reason.UNAUTHORIZED


async def test_a_wrong_password_is_shown_once() -> None:
    asked: list[Asked] = []

    def answer(request: Asked) -> Answer:
        asked.append(request)
        return basic(request)

    with serving(answer) as url:
        wrong = Fixed(Login("robot", "wrong"))
        async with registry_at(url, credentials=wrong) as registry:
            for name in ("one", "two", "two"):
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository(name), V1)
                assert raised.value.reason is Reason.UNAUTHORIZED

    assert sum("Authorization" in each.headers for each in asked) == 1


@pytest.mark.parametrize("credentials", [ROBOT, ANONYMOUS])
async def test_a_password_never_crosses_to_another_origin(credentials: Fixed) -> None:
    seen: list[Asked] = []

    def there(request: Asked) -> Answer:
        seen.append(request)
        return FOUND

    with serving(there) as elsewhere:

        def here(request: Asked) -> Answer:
            if credentials is ROBOT and request.headers.get("Authorization") != BASIC:
                return Answer(401, headers={"WWW-Authenticate": "Basic realm=tests"})
            return Answer(307, headers={"Location": f"{elsewhere}/there"})

        with serving(here) as url:
            async with registry_at(url, credentials=credentials) as registry:
                assert await registry.head(Repository("app"), V1) == DIGEST

    assert ["Authorization" in each.headers for each in seen] == [False]


async def test_a_redirect_within_the_registry_keeps_the_password() -> None:
    def answer(request: Asked) -> Answer:
        if request.target == "/there":
            return FOUND if request.headers.get("Authorization") == BASIC else Answer(403)
        said = basic(request)
        return said if said is not FOUND else Answer(301, headers={"Location": "/there"})

    with serving(answer) as url:
        async with registry_at(url, credentials=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST


async def test_401_without_a_way_to_log_in_is_unauthorized() -> None:
    with serving(lambda _: Answer(401, headers={"WWW-Authenticate": "Negotiate"})) as url:
        async with registry_at(url, credentials=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.UNAUTHORIZED


async def test_to_nobody_a_hidden_repository_looks_like_none_and_stays_unknown() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.tags(Repository("hidden"))

    assert raised.value.reason is Reason.DENIED


async def test_to_somebody_a_repository_that_is_not_there_is_absent() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            assert await registry.tags(Repository("hidden")) == Absent("NAME_UNKNOWN")


@pytest.mark.parametrize("base", [200, 401, 403])
async def test_an_open_registrys_word_on_repositories_is_definite(base: int) -> None:
    def answer(request: Asked) -> Answer:
        return Answer(base) if request.target == "/v2/" else denied(404, "NAME_UNKNOWN")

    with serving(answer) as url:
        async with registry_at(url) as registry:
            if base == 200:
                assert await registry.tags(Repository("app")) == Absent("NAME_UNKNOWN")
                return
            with pytest.raises(Unseen) as raised:
                await registry.tags(Repository("app"))

    assert raised.value.reason is Reason.DENIED


async def test_what_another_origin_denies_it_has_denied_to_nobody() -> None:
    with serving(lambda _: denied(404, "NAME_UNKNOWN")) as elsewhere:

        def here(request: Asked) -> Answer:
            said = basic(request)
            return said if said is not FOUND else Answer(307, headers={"Location": elsewhere})

        with serving(here) as url:
            async with registry_at(url, credentials=ROBOT) as registry:
                with pytest.raises(Unseen) as raised:
                    await registry.tags(Repository("app"))

    assert raised.value.reason is Reason.DENIED


async def test_secrets_stay_out_of_what_is_printed(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(0)
    with guarding(Guard(accepts=False)) as guard:
        async with registry_at(guard.url, credentials=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    printed = f"{caplog.text}{raised.value}{ROBOT}{REFRESH}"
    assert not any(secret in printed for secret in ("sesame", "refresh-me", "token-", BASIC))


async def test_a_registry_that_ever_asked_who_asks_may_hide_repositories() -> None:
    def answer(request: Asked) -> Answer:
        if "/guarded/" in request.target:
            return Answer(401, headers={"WWW-Authenticate": "Basic realm=tests"})
        return Answer(200) if request.target == "/v2/" else denied(404, "NAME_UNKNOWN")

    with serving(answer) as url:
        async with registry_at(url) as registry:
            with pytest.raises(Unseen):
                await registry.tags(Repository("guarded"))
            with pytest.raises(Unseen) as raised:
                await registry.tags(Repository("app"))

    assert raised.value.reason is Reason.DENIED


async def test_a_door_behind_a_redirect_within_the_registry_is_opened() -> None:
    def answer(request: Asked) -> Answer:
        return basic(request) if request.target == "/there" else moved

    moved = Answer(301, headers={"Location": "/there"})
    with serving(answer) as url:
        async with registry_at(url, credentials=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST
