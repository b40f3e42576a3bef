"""To whom is a password shown, and to whom never?"""

from __future__ import annotations

import pytest

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.sources.registry.credentials import ANONYMOUS, FixedLogin, Login
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.guarded import BASIC, DIGEST, FOUND, ROBOT, V1, basic
from tests.sources.registry.speaking import registry_at


async def test_a_password_is_shown_where_it_is_demanded() -> None:
    with serving(basic) as url:
        async with registry_at(url, logins=ROBOT) as registry:
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
        wrong = FixedLogin(Login("robot", "wrong"))
        async with registry_at(url, logins=wrong) as registry:
            for name in ("one", "two", "two"):
                with pytest.raises(Unseen) as raised:
                    await registry.head(Repository(name), V1)
                assert raised.value.reason is Reason.UNAUTHORIZED

    assert sum("Authorization" in each.headers for each in asked) == 1


@pytest.mark.parametrize("credentials", [ROBOT, ANONYMOUS])
async def test_a_password_never_crosses_to_another_origin(credentials: FixedLogin) -> None:
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
            async with registry_at(url, logins=credentials) as registry:
                assert await registry.head(Repository("app"), V1) == DIGEST

    assert ["Authorization" in each.headers for each in seen] == [False]


async def test_a_redirect_within_the_registry_keeps_the_password() -> None:
    def answer(request: Asked) -> Answer:
        if request.target == "/there":
            return FOUND if request.headers.get("Authorization") == BASIC else Answer(403)
        said = basic(request)
        return said if said is not FOUND else Answer(301, headers={"Location": "/there"})

    with serving(answer) as url:
        async with registry_at(url, logins=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST


async def test_a_door_behind_a_redirect_within_the_registry_is_opened() -> None:
    def answer(request: Asked) -> Answer:
        return basic(request) if request.target == "/there" else moved

    moved = Answer(301, headers={"Location": "/there"})
    with serving(answer) as url:
        async with registry_at(url, logins=ROBOT) as registry:
            assert await registry.head(Repository("app"), V1) == DIGEST


async def test_401_without_a_way_to_log_in_is_unauthorized() -> None:
    with serving(lambda _: Answer(401, headers={"WWW-Authenticate": "Negotiate"})) as url:
        async with registry_at(url, logins=ROBOT) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.head(Repository("app"), V1)

    assert raised.value.reason is Reason.UNAUTHORIZED
