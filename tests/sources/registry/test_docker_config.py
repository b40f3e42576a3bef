from __future__ import annotations

import base64
import json
import os
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.credentials import Login
from exporter.sources.registry.docker_config import DockerConfig, Helpers
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOST: Final = "registry.example:5000"
ROBOT: Final = Login("robot", "sesame")


def auth(username: str = "robot", word: str = "sesame") -> str:
    return base64.b64encode(f"{username}:{word}".encode()).decode()


def written(folder: Path, config: object) -> DockerConfig:
    path = folder / "config.json"
    path.write_text(config if isinstance(config, str) else json.dumps(config))
    return DockerConfig((path,), Helpers(timeout=PATIENCE))


@pytest.fixture
def helpers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder of credential helpers, found before all others."""
    folder = tmp_path / "bin"
    folder.mkdir()
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    return folder


def helper(folder: Path, name: str, script: str) -> None:
    path = folder / f"docker-credential-{name}"
    path.write_text(f'#!/bin/sh\nread server\necho "$1 $server" >> {folder}/asked\n{script}\n')
    path.chmod(0o755)


def answer(username: str = "robot", word: str = "sesame") -> str:
    document = json.dumps({"ServerURL": "x", "Username": username, "Secret": word})
    return f"echo '{document}'"


@pytest.mark.parametrize(
    ("entry", "login"),
    [
        ({"auth": auth()}, ROBOT),
        ({"auth": auth().rstrip("=")}, ROBOT),
        ({"auth": auth(word="a:b=")}, Login("robot", "a:b=")),
        ({"auth": auth(), "username": "other", "password": "other"}, ROBOT),
        ({"username": "robot", "password": "sesame"}, ROBOT),
        ({"auth": auth(), "identitytoken": "t"}, Login("robot", identity_token="t")),
        ({"auth": auth(), "registrytoken": "t"}, Login(registry_token="t")),
        ({"auth": auth("<token>", "t")}, Login(identity_token="t")),
        ({"auth": auth("", "t")}, Login(identity_token="t")),
        ({}, None),
        ({"auth": ""}, None),
    ],
)
async def test_an_entry_is_read_as_docker_reads_it(
    tmp_path: Path, entry: object, login: Login | None
) -> None:
    config = written(tmp_path, {"auths": {HOST: entry}})

    assert await config.find(HOST, "app") == login


@pytest.mark.parametrize(
    "key",
    [
        HOST,
        f"https://{HOST}",
        f"http://{HOST}/v1/",
        f"https://{HOST}/v2/",
        f"{HOST}/v1",
        f"{HOST}/",
    ],
)
async def test_a_host_is_found_under_every_form_of_its_key(tmp_path: Path, key: str) -> None:
    assert await written(tmp_path, {"auths": {key: {"auth": auth()}}}).find(HOST, "app") == ROBOT


@pytest.mark.parametrize("key", ["registry.example", "registry.example:5001", "example:5000"])
async def test_another_port_is_another_registry(tmp_path: Path, key: str) -> None:
    assert await written(tmp_path, {"auths": {key: {"auth": auth()}}}).find(HOST, "app") is None


@pytest.mark.parametrize("host", ["docker.io", "index.docker.io", "registry-1.docker.io"])
@pytest.mark.parametrize("key", ["https://index.docker.io/v1/", "docker.io", "index.docker.io"])
async def test_the_hub_is_one_registry_of_many_names(tmp_path: Path, key: str, host: str) -> None:
    assert await written(tmp_path, {"auths": {key: {"auth": auth()}}}).find(host, "app") == ROBOT


async def test_the_most_specific_namespace_decides(tmp_path: Path) -> None:
    auths = {
        HOST: {"auth": auth("host")},
        f"{HOST}/team": {"auth": auth("team")},
        f"{HOST}/team/app": {"auth": auth("app")},
    }
    config = written(tmp_path, {"auths": auths})

    async def user(repository: str) -> str:
        login = await config.find(HOST, repository)
        return login.username if login else ""

    assert await user("team/app") == "app"
    assert await user("team/app/deep") == "app"
    assert await user("team/application") == "team"
    assert await user("teams/app") == "host"
    assert await user("") == "host"


async def test_the_older_flat_file_is_read(tmp_path: Path) -> None:
    assert await written(tmp_path, {HOST: {"auth": auth()}}).find(HOST, "app") == ROBOT


async def test_a_hosts_own_helper_comes_before_everything(tmp_path: Path, helpers: Path) -> None:
    helper(helpers, "own", answer("own"))
    helper(helpers, "store", answer("store"))
    config = {
        "credHelpers": {HOST: "own"},
        "credsStore": "store",
        "auths": {HOST: {"auth": auth()}},
    }

    assert await written(tmp_path, config).find(HOST, "app") == Login("own", "sesame")
    assert (helpers / "asked").read_text() == f"get {HOST}\n"


async def test_the_store_comes_before_what_is_written_down(tmp_path: Path, helpers: Path) -> None:
    helper(helpers, "store", answer("<token>", "t"))
    config = {"credsStore": "store", "auths": {HOST: {"auth": auth()}}}

    assert await written(tmp_path, config).find(HOST, "app") == Login(identity_token="t")


async def test_a_store_without_the_host_leaves_it_to_what_is_written(
    tmp_path: Path, helpers: Path
) -> None:
    helper(helpers, "store", "echo credentials not found in native keychain; exit 1")
    config = {"credsStore": "store", "auths": {HOST: {"auth": auth()}}}

    assert await written(tmp_path, config).find(HOST, "app") == ROBOT


async def test_the_hub_has_its_own_name_for_helpers(tmp_path: Path, helpers: Path) -> None:
    helper(helpers, "store", answer())

    await written(tmp_path, {"credsStore": "store"}).find("registry-1.docker.io", "library/app")

    assert (helpers / "asked").read_text() == "get https://index.docker.io/v1/\n"


async def test_a_helper_is_asked_once_for_many(tmp_path: Path, helpers: Path) -> None:
    helper(helpers, "store", answer())
    config = written(tmp_path, {"credsStore": "store"})

    for name in ("one", "two", "three"):
        assert await config.find(HOST, name) == ROBOT

    assert (helpers / "asked").read_text() == f"get {HOST}\n"


@pytest.mark.parametrize(
    "script",
    [
        "exit 3",
        "echo sesame; exit 1",
        "echo sesame",
        "echo '{}'",
        "echo []",
        "exec 0<&-; exit 1",
    ],
)
async def test_a_helper_that_fails_is_unseen_without_its_words(
    tmp_path: Path, helpers: Path, script: str
) -> None:
    helper(helpers, "store", script)
    path = written(tmp_path, {"credsStore": "store"}).paths

    with pytest.raises(Unseen) as raised:
        await DockerConfig(path, Helpers(timeout=PATIENCE)).find(HOST, "app")

    assert raised.value.reason is Reason.CREDENTIALS
    assert "sesame" not in str(raised.value)


async def test_a_helper_that_says_nothing_is_not_waited_for(tmp_path: Path, helpers: Path) -> None:
    helper(helpers, "store", "exec sleep 6000")
    path = written(tmp_path, {"credsStore": "store"}).paths

    with pytest.raises(Unseen, match=r"timed out after 0\.2 seconds"):
        await DockerConfig(path, Helpers(timeout=0.2)).find(HOST, "app")


async def test_a_helper_that_prints_without_end_is_not_waited_for(
    tmp_path: Path, helpers: Path
) -> None:
    helper(helpers, "store", "exec yes sesame")
    path = written(tmp_path, {"credsStore": "store"}).paths

    with pytest.raises(Unseen, match="more than 1048576 bytes"):
        await DockerConfig(path, Helpers(timeout=PATIENCE)).find(HOST, "app")


@pytest.mark.parametrize("name", ["not-installed", "../../bin/sh", "a b", ""])
async def test_a_helper_that_is_none_is_unseen(tmp_path: Path, name: str) -> None:
    with pytest.raises(Unseen) as raised:
        await written(tmp_path, {"credHelpers": {HOST: name}}).find(HOST, "app")

    assert raised.value.reason is Reason.CREDENTIALS


@pytest.mark.parametrize(
    "text", ["", "{", "[]", '"x"', "[" * 100_000, json.dumps({"auths": {HOST: {"auth": "~"}}})]
)
async def test_a_file_that_is_no_configuration_is_unseen(tmp_path: Path, text: str) -> None:
    with pytest.raises(Unseen) as raised:
        await written(tmp_path, text).find(HOST, "app")

    assert raised.value.reason is Reason.CREDENTIALS


@pytest.mark.parametrize(
    ("entry", "told"),
    [
        ({"username": "u\ud800", "password": "sesame"}, "the user name has a lone surrogate"),
        ({"username": "u", "password": "sesame\udfff"}, "the password has a lone surrogate"),
        ({"username": "u", "password": "sesame\n"}, "the password has a line break"),
        ({"username": "u\0", "password": "sesame"}, "the user name has a line break or another"),
        ({"auth": auth(word="sesame\r\nHost: a")}, "the password has a line break"),
        ({"auth": base64.b64encode(b"u:sesame\xff").decode()}, "auth is not valid base64 of text"),
        ({"auth": "sesame\ud800"}, "auth is not valid base64 of text"),
        ({"identitytoken": "sesame\ud800"}, "the identity token has a lone surrogate"),
        ({"registrytoken": "sesame\n"}, "the registry token has characters"),
        ({"registrytoken": "s\u00e9same"}, "the registry token has characters"),
        ({"username": 7, "password": "sesame"}, "username is not text"),
        ({"username": "u", "password": ["sesame"]}, "password is not text"),
        ({"auth": {"sesame": 1}}, "auth is not text"),
        ({"identitytoken": True}, "identitytoken is not text"),
        ({"username": "u", "password": "sesame" * 20_000}, "the password has more than 65536"),
    ],
)
async def test_a_login_that_nothing_can_carry_is_the_files_fault_and_is_not_repeated(
    tmp_path: Path, entry: object, told: str
) -> None:
    config = written(tmp_path, {"auths": {f"https://{HOST}/v1/": entry}})

    with pytest.raises(Unseen) as raised:
        await config.find(HOST, "app")

    assert raised.value.reason is Reason.CREDENTIALS
    assert raised.value.subject == f"{tmp_path}/config.json"
    assert raised.value.detail.startswith(f"'https://{HOST}/v1/': {told}")
    assert "sesame" not in str(raised.value)


@pytest.mark.parametrize(
    "key",
    ["https://[", "https://x[]/", "http://a:99999/", "https://\u2100", "\ud800", "", "://", "//["],
)
async def test_an_entry_of_another_host_costs_nothing_whatever_it_is(
    tmp_path: Path, key: str
) -> None:
    broken = {"auth": "~", "username": 1}
    entries = {key: broken, "other.example": broken, HOST: {"auth": auth()}}

    assert await written(tmp_path, {"auths": entries}).find(HOST, "app") == ROBOT
    assert (
        await written(tmp_path, {"auths": entries, "credHelpers": {key: 7}}).find(HOST, "") == ROBOT
    )


@pytest.mark.parametrize("config", [{"auths": []}, {"auths": {HOST: 1}}, {"credHelpers": 1}, {}])
async def test_odd_parts_of_a_file_hold_no_login(tmp_path: Path, config: object) -> None:
    assert await written(tmp_path, config).find(HOST, "app") is None


async def test_the_first_file_with_a_login_decides(tmp_path: Path) -> None:
    for name, user in (("one", None), ("two", "second"), ("three", "third")):
        folder = tmp_path / name
        folder.mkdir()
        written(folder, {"auths": {HOST: {"auth": auth(user)}} if user else {}})
    paths = tuple(tmp_path / name / "config.json" for name in ("none", "one", "two", "three"))

    assert await DockerConfig(paths).find(HOST, "app") == Login("second", "sesame")


async def test_a_login_that_changes_on_disk_is_seen(tmp_path: Path) -> None:
    config = written(tmp_path, {"auths": {HOST: {"auth": auth("old")}}})
    await config.find(HOST, "app")

    written(tmp_path, {"auths": {HOST: {"auth": auth("new")}}})

    assert await config.find(HOST, "app") == Login("new", "sesame")


def test_the_usual_places_are_dockers_then_podmans(tmp_path: Path) -> None:
    environ = {"XDG_RUNTIME_DIR": "/run/user/1"}

    paths = [str(path) for path in DockerConfig.usual(environ, tmp_path).paths]

    assert paths == [
        f"{tmp_path}/.docker/config.json",
        "/run/user/1/containers/auth.json",
        f"{tmp_path}/.config/containers/auth.json",
        f"{tmp_path}/.dockercfg",
    ]


def test_variables_move_or_replace_the_usual_places(tmp_path: Path) -> None:
    moved = DockerConfig.usual({"DOCKER_CONFIG": "/etc/docker-cli"}, tmp_path).paths
    replaced = DockerConfig.usual({"REGISTRY_AUTH_FILE": "/run/auth.json"}, tmp_path).paths

    assert str(moved[0]) == "/etc/docker-cli/config.json"
    assert [str(path) for path in replaced] == ["/run/auth.json"]


def test_secrets_stay_out_of_a_logins_repr() -> None:
    login = Login("robot", "p-secret", "i-secret", "r-secret")

    assert repr(login) == "Login(username='robot')"
