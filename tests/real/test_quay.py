"""What a real Quay shows: run where PULLPROOF_QUAY names one."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter import cli
from tests.parts.product import check, run
from tests.parts.quay import ADMIN, SOURCES, Quay, quay
from tests.parts.registry import registry
from tests.worlds import index, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = [
    pytest.mark.real,
    # Its build takes minutes and servers of its own; the recording is replayed everywhere.
    pytest.mark.skipif(not SOURCES, reason="PULLPROOF_QUAY is not set"),
]

WHOLE, LOSSY, OTHER = two_platforms("whole"), two_platforms("lossy"), two_platforms("other")
_DECIDING: Final = ("repository", "tag", "manifest", "manifestchild", "manifestblob")
_ALSO: Final = ("imagestorage", "imagestorageplacement", "queueitem", "namespaceautoprunepolicy")
_LIMITED: Final = """
import sys
from app import app
from data import model
user = model.user.get_user(sys.argv[1])
made, token = model.oauth.create_user_access_token(user, user.username, "repo:read")
print("token", token)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Quay]:
    with quay(tmp_path_factory.mktemp("quay"), SSRF_ALLOWED_HOSTS=["127.0.0.1"]) as running:
        running.push("trace/app", WHOLE, "v1")
        running.push("trace/lossy", LOSSY, "v1")
        running.push("elsewhere/app", OTHER, "v1")
        yield running


def robot(server: Quay, name: str, *repositories: str) -> tuple[str, str]:
    """Return the login of a new robot that may read these."""
    made = server.call("PUT", f"organization/trace/robots/{name}", {}).json()
    for each in repositories:
        path = f"repository/{each}/permissions/user/{made['name']}"
        server.call("PUT", path, {"role": "read"})
    return made["name"], made["token"]


def cache(server: Quay, owner: str, upstream: str) -> None:
    """Make an organization that is a proxy cache."""
    server.own(owner)
    body = {"upstream_registry": upstream, "insecure": True, "expiration_s": 86400}
    server.call("POST", f"organization/{owner}/proxycache", {"org_name": owner, **body})


def records(server: Quay) -> dict[str, list[str]]:
    """Return what it may decide by: all of its tables but the logs and times of use."""
    return {
        each: server.sql(f"select t.*::text from {each} t order by id")  # noqa: S608 - our own
        for each in (*_DECIDING, *_ALSO)
    }


def configured(server: Quay, folder: Path, login: tuple[str, str], **more: object) -> list[str]:
    """Return the words that name a configuration with an account."""
    (folder / "password").write_text(login[1])
    own = {
        "url": server.url,
        "plain_http": True,
        "username": login[0],
        "password_file": str(folder / "password"),
        "tags": {"select": ["*"]},
        **more,
    }
    config = folder / "config.json"
    config.write_text(json.dumps({"confirm_after": "1ms", "registries": [own]}))
    return ["--config", str(config)]


def test_ten_audits_a_scrub_and_a_confirmed_loss_change_no_record(
    server: Quay, tmp_path: Path
) -> None:
    login = robot(server, "audit", "trace/app", "trace/lossy")
    with registry(tmp_path / "upstream") as upstream:
        upstream.push("team/cached", OTHER, "v1")
        cache(server, "mirror", upstream.host)
        with server.client("mirror/team/cached") as client:
            client.get("manifests", "v1").raise_for_status()
        part = {"repositories": ["mirror/*"], "role": "proxy"}
        listed = ["trace/app", "trace/lossy", "mirror/team/cached"]
        more = {"repositories": {"catalog": False, "listed": listed}, "parts": [part]}
        words = configured(server, tmp_path, login, **more)
        server.data("trace/lossy", LOSSY.children[0].digest).unlink()
        server.data("trace/lossy", LOSSY.children[1].layers[0].digest).unlink()
        before = records(server)

        codes = [cli.main(["check", *words]) for _ in range(10)]
        codes.append(cli.main(["scrub", server.host, *words]))
        image = f"{server.host}/trace/app:v1"
        others = [cli.main([each, image, *words]) for each in ("inspect", "explain", "protect")]

        assert records(server) == before
        assert (codes, others) == ([1] * 11, [0] * 3)
        with server.client("mirror/team/cached") as client:
            client.head("manifests", "v1").raise_for_status()
        assert records(server)["tag"] != before["tag"], "HEAD moves the expiry of a cached tag"


def test_a_robot_sees_a_part_and_that_is_a_gap(server: Quay) -> None:
    name, password = robot(server, "part", "trace/app")
    account = ("--username", name, "--password-stdin")
    words = (server.host, "--plain-http", "--count-pulls", *account)

    told = check(*words, typed=password)

    assert told.code == 3
    assert told.said.state("trace/app:v1") == "present"
    assert "elsewhere/app" not in told.output
    assert "incomplete-list" in {each["reason"] for each in told.said.document["gaps"]}
    assert check(*words, typed="wrong").code == 3


@pytest.mark.parametrize("whole", [True, False], ids=["org:admin", "repo:read alone"])
def test_its_api_lists_an_organization_and_says_whether_that_is_all(
    server: Quay, tmp_path: Path, *, whole: bool
) -> None:
    login = robot(server, f"whole_{whole}".lower(), "trace/app", "trace/lossy")
    (tmp_path / "token").write_text(server.token if whole else server.script(_LIMITED, "admin"))
    lists = {"from": "quay", "namespaces": ["trace"], "api_token_file": str(tmp_path / "token")}
    lists["api_url"] = server.url

    words = configured(server, tmp_path, login, repositories=lists, pulls="accept")
    told = run("check", *words, "-o", "json")

    seen = {each["repository"] for each in told.said.document["tags"]}
    assert seen == {"trace/app", "trace/lossy"}
    reasons = {each["reason"] for each in told.said.document["gaps"]}
    assert ("incomplete-list" in reasons) is not whole


def test_a_deleted_tag_is_missing_while_the_time_machine_keeps_it(server: Quay) -> None:
    server.push("trace/deleted", OTHER, "v1")
    server.call("DELETE", "repository/trace/deleted/tag/v1")
    server.cold()

    assert answer(server, "trace/deleted:v1") == "missing"


def test_the_grandchildren_of_a_nested_index_go_with_the_temporary_tags(server: Quay) -> None:
    inner = two_platforms("nested")
    server.push("trace/nested", index(inner), "v1")
    before = answer(server, "trace/nested:v1")

    server.later("trace/nested")

    assert (before, answer(server, "trace/nested:v1")) == ("present", "broken")


def answer(server: Quay, name: str) -> str:
    words = ("--plain-http", "--count-pulls", "--username", ADMIN.username, "--password-stdin")
    return check(f"{server.host}/{name}", *words, typed=ADMIN.password).said.state(name)


def test_a_proxy_cache_is_not_listed_without_consent(server: Quay, tmp_path: Path) -> None:
    with registry(tmp_path / "upstream") as upstream:
        upstream.push("team/cached", OTHER, "v1")
        cache(server, "proxied", upstream.host)
        with server.client("proxied/team/cached") as client:
            client.get("manifests", "v1").raise_for_status()
        (tmp_path / "token").write_text(server.token)
        lists = {"from": "quay", "namespaces": ["proxied"], "api_url": server.url}
        lists["api_token_file"] = str(tmp_path / "token")
        login = ADMIN.username, ADMIN.password
        before = records(server)

        for parts in ([], [{"repositories": ["mirror/*"], "role": "proxy"}]):
            words = configured(server, tmp_path, login, repositories=lists, parts=parts)
            told = run("check", *words, "-o", "json")

            assert (told.code, records(server)) == (3, before)
            assert "consent" in {each["reason"] for each in told.said.document["gaps"]}
