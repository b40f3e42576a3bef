"""Catalogues that show everybody a part: logins are shown to them, or a gap says why not."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Gap, Reason, Scope
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.sources.registry.credentials import FixedLogin, Login
from exporter.sources.registry.docker_config import DockerConfig
from tests import worlds
from tests.fakes import Notes, audited, target
from tests.parts.http import Answer, Asked, serving
from tests.parts.store import Store
from tests.sources.registry.guarded import BASIC, REFRESH, ROBOT, denied
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.ports import Listing

WRONG: Final = FixedLogin(Login("robot", "wrong"))
PUBLIC, PRIVATE = "pub/multi", "priv/multi"
JSON: Final = {"Content-Type": "application/json"}
NOT_ASKED_FOR: Final = "the registry asked for no login: it may show more with one"
REFUSED: Final = "the login is refused: it shows what anybody may see"


def listed(**document: object) -> Answer:
    return Answer(200, json.dumps(document).encode(), JSON)


@dataclass
class Zot:
    """zot v2.1.20 with htpasswd and `anonymousPolicy` on `pub/**`, as it was recorded."""

    offers: bool = True
    """Does it say beside its 200 that one may log in?"""
    checks: bool = True
    """Does it look at credentials at all?"""
    excludes: bool = False
    """Is the login kept out of what everybody else may read?"""
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        how = {"Www-Authenticate": "basic realm=zot"}
        shown = asked.headers.get("Authorization")
        known = shown == BASIC
        if shown and not known and self.checks:
            return Answer(401, denied(401, "UNAUTHORIZED").body, how)
        if asked.target == "/v2/":
            return Answer(200, headers=how if self.offers else {})
        if asked.target.startswith("/v2/_catalog"):
            private = known and self.checks
            own = [PRIVATE] if self.excludes else [PRIVATE, PUBLIC]
            return listed(repositories=own if private else [PUBLIC])
        if PUBLIC in asked.target or known:
            if "/tags/list" in asked.target:
                return listed(name=PUBLIC, tags=["v1"])
            return denied(404, "MANIFEST_UNKNOWN")
        return Answer(401, denied(401, "UNAUTHORIZED").body, how)

    def shown(self, path: str) -> list[str | None]:
        """The logins with which something was asked for."""
        found = [each for each in self.asked if each.target.partition("?")[0] == path]
        return [each.headers.get("Authorization") for each in found]


async def catalogue(zot: Zot, logins: object, *, ping: bool = True) -> Listing[Repository]:
    with serving(zot) as url:
        async with registry_at(url, logins=logins) as registry:
            if ping:
                await registry.ping()
            return await registry.repositories()


@pytest.mark.parametrize("ping", [True, False], ids=["after a ping", "at once"])
async def test_a_configured_login_sees_what_the_catalogue_hides_from_others(
    ping: bool,  # noqa: FBT001 - a row of the table
) -> None:
    zot = Zot()

    listing = await catalogue(zot, ROBOT, ping=ping)

    assert PRIVATE in listing.entries
    assert zot.shown("/v2/_catalog") == ([BASIC, None] if ping else [BASIC])
    if ping:
        assert listing.complete


async def test_what_only_clients_without_a_login_are_shown_is_a_gap() -> None:
    listing = await catalogue(Zot(excludes=True), ROBOT)

    assert listing.entries == (PRIVATE,)
    (gap,) = listing.gaps
    assert (gap.reason, PUBLIC in gap.detail) == (Reason.INCOMPLETE_LIST, True)


async def test_nothing_is_shown_where_no_login_is_configured() -> None:
    zot = Zot()

    listing = await catalogue(zot, FixedLogin())

    assert (listing.entries, listing.complete) == ((PUBLIC,), True)
    assert zot.shown("/v2/_catalog") == [None]


async def test_a_catalogue_is_a_part_where_only_namespaces_have_logins(tmp_path: Path) -> None:
    zot, file = Zot(), tmp_path / "config.json"
    with serving(zot) as url:
        pair = base64.b64encode(b"robot:right").decode()
        file.write_text(json.dumps({"auths": {f"{url.partition('//')[2]}/priv": {"auth": pair}}}))
        async with registry_at(url, logins=DockerConfig((file,))) as registry:
            listing = await registry.repositories()

    assert listing.entries == (PUBLIC,)
    (gap,) = listing.gaps
    assert (gap.reason, "/priv: this is what anybody may see" in gap.detail) == (
        Reason.CREDENTIALS,
        True,
    )


async def test_a_wrong_password_is_shown_once_and_is_a_gap() -> None:
    zot = Zot()

    listing = await catalogue(zot, WRONG)

    assert listing.entries == (PUBLIC,)
    assert listing.gaps == (Gap(Scope.REGISTRY, "_catalog", Reason.UNAUTHORIZED, REFUSED),)
    wrong = "Basic " + base64.b64encode(b"robot:wrong").decode()
    assert zot.shown("/v2/_catalog") == [wrong, None]


@pytest.mark.parametrize("logins", [ROBOT, WRONG, REFRESH], ids=["right", "wrong", "a token"])
async def test_a_login_that_nobody_asks_for_proves_nothing(logins: object) -> None:
    listing = await catalogue(Zot(offers=False, checks=False), logins)

    assert listing.gaps == (Gap(Scope.REGISTRY, "_catalog", Reason.CREDENTIALS, NOT_ASKED_FOR),)


async def test_an_empty_catalogue_without_a_login_that_is_configured_proves_nothing() -> None:
    with serving(
        lambda asked: listed(repositories=[]) if "_cat" in asked.target else Answer(200)
    ) as url:
        async with registry_at(url, logins=ROBOT) as registry:
            assert not (await registry.repositories()).complete


async def test_a_file_of_logins_that_cannot_be_read_is_a_gap(tmp_path: Path) -> None:
    (tmp_path / "config.json").write_text("{")

    listing = await catalogue(Zot(), DockerConfig((tmp_path / "config.json",)))

    assert listing.entries == (PUBLIC,)
    assert [gap.reason for gap in listing.gaps] == [Reason.CREDENTIALS]


async def test_a_list_that_another_host_gives_is_asked_for_there_without_the_login() -> None:
    elsewhere = Zot()
    with serving(elsewhere) as other:

        def here(asked: Asked) -> Answer:
            if asked.target.startswith("/v2/_catalog"):
                return Answer(307, headers={"Location": other + asked.target})
            return Answer(200, headers={"Www-Authenticate": "basic realm=zot"})

        with serving(here) as url:
            async with registry_at(url, logins=ROBOT) as registry:
                await registry.ping()
                await registry.repositories()

    assert elsewhere.shown("/v2/_catalog") == [None]


async def test_tags_are_listed_with_the_login_and_with_a_gap_where_it_is_refused() -> None:
    for logins, complete in ((ROBOT, True), (WRONG, False), (FixedLogin(), True)):
        with serving(Zot()) as url:
            async with registry_at(url, logins=logins) as registry:
                await registry.ping()
                listing = await registry.tags(Repository(PUBLIC))
        assert listing.entries == ("v1",)  # type: ignore[union-attr] # it is listed
        assert listing.complete is complete  # type: ignore[union-attr]


@pytest.mark.parametrize(("logins", "whole"), [(ROBOT, True), (WRONG, False)])
async def test_an_audit_with_a_wrong_password_does_not_say_that_everything_was_seen(
    logins: object,
    whole: bool,  # noqa: FBT001 - a row of the table
) -> None:
    with serving(Zot()) as url:
        async with registry_at(url, logins=logins) as registry:
            report = await audited(target(registry, Notes()))  # type: ignore[arg-type]

    assert (not report.snapshot.gaps) is whole
    assert (PRIVATE in report.snapshot.listed) is whole


@dataclass
class Quay:
    """Quay of 2026-08: its token server knows only scopes of repositories."""

    login: str | None = BASIC
    """Who gets a token without any scope."""
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if asked.target.startswith("/token"):
            if "scope=registry" in asked.target:
                return denied(400, "INVALID_REQUEST")
            if asked.headers.get("Authorization") != self.login:
                return Answer(401)
            return listed(token="without-scope")
        known = asked.headers.get("Authorization") == "Bearer without-scope"
        if asked.target.startswith("/v2/_catalog"):
            return listed(repositories=["org/app"] if known else [])
        how = {"WWW-Authenticate": f'Bearer realm="{self.url}/token",service="quay"'}
        return Answer(401, headers=how)


async def quay(server: Quay, logins: object) -> Listing[Repository]:
    with serving(server) as server.url:
        async with registry_at(server.url, logins=logins) as registry:
            report = await audited(target(registry, Notes()))  # type: ignore[arg-type]
            assert report.snapshot.gaps
            return await registry.repositories()


async def test_where_a_token_server_refuses_the_catalogues_scope_one_without_is_shown() -> None:
    listing = await quay(server := Quay(), ROBOT)

    assert listing.entries == ("org/app",)
    (gap,) = listing.gaps
    assert gap.reason is Reason.INCOMPLETE_LIST
    assert "what the account may see" in gap.detail
    tokens = [each.target for each in server.asked if each.target.startswith("/token")]
    assert tokens[0].count("scope=registry%3Acatalog%3A%2A") == 1
    assert "scope=" not in tokens[1]
    assert len([each for each in tokens if "scope=repository" not in each]) == 2


@pytest.mark.parametrize("logins", [FixedLogin(), WRONG], ids=["nobody", "wrong password"])
async def test_its_empty_catalogue_for_nobody_is_never_taken_for_an_empty_registry(
    logins: object,
) -> None:
    with pytest.raises(Unseen) as raised:
        await quay(Quay(), logins)

    assert raised.value.reason is Reason.UNAUTHORIZED


async def test_what_a_token_without_scope_lists_for_nobody_may_be_a_part_too() -> None:
    listing = await quay(Quay(login=None), FixedLogin())

    assert [gap.reason for gap in listing.gaps] == [Reason.INCOMPLETE_LIST]


async def test_a_repository_that_zot_lists_and_cannot_read_is_not_taken_for_an_empty_one() -> None:
    """Its `index.json` was cut to 100 bytes: tag list and GET are denied, HEAD fails."""
    stored = Store()
    stored.push(worlds.image("app"), "latest")
    cut = False

    def zot(asked: Asked) -> Answer:
        if asked.target.startswith("/v2/_catalog"):
            return listed(repositories=["app"])
        if cut and asked.target.startswith("/v2/app/"):
            return Answer(500) if asked.method == "HEAD" else denied(404, "NAME_UNKNOWN")
        if asked.target.endswith("/tags/list"):
            return listed(name="app", tags=["latest"])
        return stored(asked)

    with serving(zot) as url:
        async with registry_at(url) as registry:
            whole = await audited(target(registry, Notes()))  # type: ignore[arg-type]
            cut = True
            after = await audited(target(registry, Notes()), before=whole)  # type: ignore[arg-type]

    assert not whole.snapshot.gaps
    assert [gap.reason for gap in after.snapshot.gaps] == [Reason.UNCONFIRMED]
    (root,) = after.snapshot.roots
    assert (root.tag, root.sighting.reason) == ("latest", Reason.SERVER_ERROR)
