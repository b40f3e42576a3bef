"""Who must have asked for a registry's word that a repository is not there to be believed?"""

from __future__ import annotations

import pytest

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository
from exporter.ports import Absent, Unseen
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.guarded import FOUND, ROBOT, Guard, basic, denied, guarding
from tests.sources.registry.speaking import registry_at


async def test_to_nobody_a_hidden_repository_looks_like_none_and_stays_unknown() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url) as registry:
            with pytest.raises(Unseen) as raised:
                await registry.tags(Repository("hidden"))

    assert raised.value.reason is Reason.DENIED


async def test_to_somebody_a_repository_that_is_not_there_is_absent() -> None:
    with guarding(Guard()) as guard:
        async with registry_at(guard.url, logins=ROBOT) as registry:
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
            async with registry_at(url, logins=ROBOT) as registry:
                with pytest.raises(Unseen) as raised:
                    await registry.tags(Repository("app"))

    assert raised.value.reason is Reason.DENIED


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
