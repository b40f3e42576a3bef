"""What is shown to a token server, and to which is nothing shown?"""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING
from urllib.parse import parse_qs

import pytest

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.sources.registry.trust import Trust
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.guarded import DIGEST, REFRESH, ROBOT, V1, Guard, guarding
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from tests.parts.certificates import Authority


async def test_an_identity_token_is_posted_and_never_shown_otherwise() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, logins=REFRESH) as registry:
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
        async with registry_at(guard.url, logins=REFRESH) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    shown = base64.b64decode(guard.tokens[1].headers["Authorization"].removeprefix("Basic "))
    assert shown == b"<token>:refresh-me"


async def test_where_get_is_not_offered_a_password_is_posted() -> None:
    with guarding(Guard(refuses={"GET"})) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST

    form = parse_qs(guard.tokens[1].body.decode())
    assert form["grant_type"] == ["password"]
    assert (form["username"], form["password"]) == (["robot"], ["sesame"])


@pytest.mark.parametrize("realm", ["/token", "token", "ftp://auth/token", "http://a:b@auth/token"])
async def test_a_realm_that_is_no_address_gets_nothing(realm: str) -> None:
    with guarding(Guard(realm=realm)) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.CREDENTIALS


async def test_a_plain_http_realm_of_a_https_registry_gets_nothing(authority: Authority) -> None:
    with guarding(Guard()) as plain:
        challenge = f'Bearer realm="{plain.url}/token",service="tests"'
        answer = Answer(401, headers={"WWW-Authenticate": challenge})
        with serving(lambda _: answer, authority.sign("server")) as url:
            trust = Trust(authority.certificate)
            async with registry_at(url, tls=trust, logins=ROBOT) as registry:
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
            async with registry_at(url, logins=REFRESH) as registry:
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.REDIRECT
    assert elsewhere.asked == []
