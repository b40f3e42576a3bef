"""Which pull secrets open a repository of a real registry that asks for a password, or tokens?"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.snapshot import Admission
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository
from exporter.sources.registry.distribution import Distribution
from tests.parts.registry import Registry, Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.sources.registry.speaking import QUICK
from tests.worlds import image

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.oci.reference import Place
    from tests.parts.tokens import Tokens

pytestmark = pytest.mark.real

APP = Repository("team/app")
IMAGE = image("behind a door")
PLACE = (APP, IMAGE.digest)


def secret(host: str, *pairs: tuple[str, str]) -> tuple[bytes, ...]:
    """A pull secret for each pair of a name and a password."""
    entries = [{"username": name, "password": password} for name, password in pairs]
    return tuple(json.dumps({"auths": {host: entry}}).encode() for entry in entries)


async def admitted(
    url: str, host: str, secrets: tuple[bytes, ...] | None, place: Place = PLACE
) -> Admission:
    known = {} if secrets is None else {"shop: pull": secrets}
    async with Distribution.open("r", url, limits=QUICK, environ={}) as opened:
        return await opened.credential_check(lambda: known).admits("shop: pull", host, place)


@pytest.fixture(params=["password", "tokens"])
def guarded(request: pytest.FixtureRequest, tmp_path: Path, tokens: Tokens) -> Iterator[Registry]:
    by_password = request.param == "password"
    settings = Settings(basic=True) if by_password else Settings(tokens=tokens)
    with registry(tmp_path, settings) as server:
        server.push(APP, IMAGE)
        yield server


async def test_a_right_password_opens_its_repository(guarded: Registry) -> None:
    secrets = secret(guarded.host, (USER, PASSWORD))

    assert await admitted(guarded.url, guarded.host, secrets) == Admission(
        "shop: pull", APP, admitted=True
    )


async def test_logins_are_tried_in_turn(guarded: Registry) -> None:
    secrets = secret(guarded.host, (USER, "an old one"), (USER, PASSWORD))

    assert (await admitted(guarded.url, guarded.host, secrets)).admitted is True


async def test_a_wrong_password_is_refused(guarded: Registry) -> None:
    secrets = secret(guarded.host, (USER, "an old one"))

    assert await admitted(guarded.url, guarded.host, secrets) == Admission(
        "shop: pull", APP, False, Reason.UNAUTHORIZED, "the login is refused"
    )


async def test_without_a_secret_for_the_registry_nobody_is_asked_for(guarded: Registry) -> None:
    found = await admitted(guarded.url, guarded.host, secret("elsewhere.example", (USER, PASSWORD)))

    assert (found.admitted, found.detail) == (
        False,
        f"no pull secret is for {guarded.host}, and nobody is let in without",
    )


async def test_an_open_registry_needs_no_secret(tmp_path: Path) -> None:
    with registry(tmp_path) as server:
        server.push(APP, IMAGE)
        found = await admitted(server.url, server.host, ())

    assert found.admitted is True


async def test_secrets_that_could_not_be_read_leave_it_unknown(guarded: Registry) -> None:
    found = await admitted(guarded.url, guarded.host, None)

    assert (found.admitted, found.reason) == (None, Reason.CREDENTIALS)


async def test_a_registry_that_is_away_refuses_nobody() -> None:
    found = await admitted("http://127.0.0.1:1", "127.0.0.1:1", ())

    assert (found.admitted, found.reason) == (None, Reason.CONNECT)


async def test_what_is_not_found_is_no_refusal(guarded: Registry) -> None:
    secrets = secret(guarded.host, (USER, PASSWORD))
    found = await admitted(guarded.url, guarded.host, secrets, (APP, Digest.of(b"nothing")))

    assert (found.admitted, found.reason) == (None, Reason.UNCONFIRMED)


async def test_a_secret_that_no_kubelet_can_read_opens_nothing(guarded: Registry) -> None:
    found = await admitted(guarded.url, guarded.host, (b"{",))

    assert (found.admitted, found.reason) == (False, Reason.CREDENTIALS)
    assert found.detail == "a pull secret that is not JSON: a kubelet pulls nothing with it"
