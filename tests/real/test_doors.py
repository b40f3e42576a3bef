"""Is the truth the same without a cache, over TLS, behind logins and tokens, on 2.8 and on 3.1?"""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import pytest

from tests.parts.product import Told, check
from tests.parts.registry import Settings, registry
from tests.parts.tokens import PASSWORD, REFRESH, USER
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.parts.certificates import Authority
    from tests.parts.registry import Registry
    from tests.parts.tokens import Tokens

pytestmark = pytest.mark.real

APP = two_platforms("app")
GONE, KEPT = APP.children
SWEEP = "--delete-untagged"
DOORS = ("no cache", "tls", "basic", "tokens", "identity token", "tls and basic")


@dataclass(frozen=True, slots=True)
class Door:
    """How a registry is run, and how it is entered."""

    settings: Settings
    keys: dict[str, Any]
    """Of its entry in a configuration."""


@pytest.fixture(params=DOORS)
def door(
    request: pytest.FixtureRequest, tmp_path: Path, authority: Authority, tokens: Tokens
) -> Door:
    (tmp_path / "password").write_text(f"{PASSWORD}\n")
    (tmp_path / "token").write_text(REFRESH)
    login = {"username": USER, "password_file": "password"}
    private = {"ca_file": str(authority.certificate)}
    uncached = Settings(cache=False)
    doors = {
        "no cache": Door(uncached, {}),
        "tls": Door(replace(uncached, authority=authority), private),
        "basic": Door(replace(uncached, basic=True), login),
        "tokens": Door(replace(uncached, tokens=tokens), login),
        "identity token": Door(replace(uncached, tokens=tokens), {"identity_token_file": "token"}),
        "tls and basic": Door(replace(uncached, authority=authority, basic=True), private | login),
    }
    return doors[request.param]


@pytest.fixture(params=[2, 3])
def version(request: pytest.FixtureRequest) -> int:
    return int(request.param)


@pytest.fixture
def server(tmp_path: Path, door: Door, version: int) -> Iterator[Registry]:
    with registry(tmp_path, replace(door.settings, version=version)) as running:
        running.push("team/app", APP, "v1")
        entry = door.keys | {"url": running.url, "plain_http": not running.settings.authority}
        (tmp_path / "pullproof.yml").write_text(json.dumps({"registries": [entry]}))
        yield running


def look(server: Registry) -> Told:
    return check(server.host, "--config", str(server.folder / "pullproof.yml"))


def test_a_collection_takes_the_children_on_2_and_spares_them_on_3(
    server: Registry, version: int
) -> None:
    before = look(server)
    assert (before.code, before.said.document["gaps"]) == (0, [])
    assert set(before.said.states("team/app:v1").values()) == {"present"}
    server.collect(SWEEP)

    after = look(server)

    assert after.code == (1 if version == 2 else 0)
    state = "missing" if version == 2 else "present"
    assert set(after.said.states("team/app:v1").values()) == {state}
    assert bool(after.said.found("missing-child")) is (version == 2)
    assert after.said.registry["collector"] == f"distribution-{version}"


@pytest.mark.parametrize("door", ["tokens"], indirect=True)
def test_a_child_deleted_by_digest_is_missing_on_both(server: Registry) -> None:
    with server.client("team/app") as client:
        client.delete(GONE.digest)

    told = look(server)

    assert told.code == 1
    states = {GONE.platform: "missing", KEPT.platform: "present"}
    assert told.said.states("team/app:v1") == states
    (finding,) = told.said.found("missing-child")
    assert (finding["digest"], finding["platform"]) == (GONE.digest, GONE.platform)


def test_words_on_the_command_line_open_the_same_doors(
    tmp_path: Path, authority: Authority
) -> None:
    settings = Settings(authority=authority, basic=True)
    with registry(tmp_path, settings) as server:
        server.push("team/app", APP, "v1")
        words = (f"{server.host}/team/app:v1", "--ca-file", str(authority.certificate))
        login = ("--username", USER, "--password-stdin")

        assert check(*words, *login, typed=f"{PASSWORD}\n").code == 0
        wrong = check(*words, *login, typed="guess\n")
        unknown = check(*words)

    assert (wrong.code, unknown.code) == (3, 3)
    for told in (wrong, unknown):
        (child,) = told.said.tag("team/app:v1")["children"]
        assert (child["state"], child["reason"]) == ("unknown", "unauthorized")
        assert PASSWORD not in told.output + told.errors
    assert "guess" not in wrong.output + wrong.errors


def test_a_docker_config_and_its_helper_open_them_too(tmp_path: Path) -> None:
    with registry(tmp_path, Settings(basic=True)) as server:
        server.push("team/app", APP, "v1")
        secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        config = tmp_path / "config.json"
        config.write_text(json.dumps({"auths": {server.host: {"auth": secret}}}))
        words = (f"{server.host}/team/app:v1", "--plain-http", "--docker-config", str(config))

        assert check(*words).code == 0

        config.write_text(json.dumps({"credHelpers": {server.host: "not-installed"}}))
        told = check(*words)

    assert told.code == 3
    (child,) = told.said.tag("team/app:v1")["children"]
    assert (child["state"], child["reason"]) == ("unknown", "credentials")
