"""What do audits report of lists, types and rights? Numbered as in our ground truth."""

from __future__ import annotations

import base64
import json
from contextlib import suppress
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import httpx
import pytest

from tests import worlds
from tests.parts import tree
from tests.parts.front import front
from tests.parts.process import PATIENCE
from tests.parts.product import ask, check
from tests.parts.registry import Settings, registry
from tests.parts.tokens import PASSWORD, USER
from tests.sources.storage.bucket import URL, bucket

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.registry import Registry
    from tests.parts.tokens import Tokens
    from tests.sources.storage.bucket import Bucket

pytestmark = pytest.mark.real

APP, V1 = "team/app", "team/app:v1"
IMAGE, OLD = worlds.two_platforms("app"), worlds.image("old")
BOTH = pytest.mark.parametrize("version", [2, 3])

ATTESTED = worlds.index(*IMAGE.children, worlds.attestation(IMAGE.children[0]))

HIDING = ("1.0", "1.0-x", "1.0.1", "1.00", "latest", "latest2", "v1", "v10", "v2")


def test_registry_28_a_list_that_hides_tags_is_known_to_be_incomplete(tmp_path: Path) -> None:
    with bucket(tmp_path / "s3") as store:
        settings = Settings(version=3, cache=False, bucket=driver(store))
        with registry(tmp_path, settings) as server:
            server.push(APP, IMAGE, *HIDING)
            with server.client(APP) as client:
                listed = set(client.http.get("tags/list").json()["tags"])
            whole, hidden = check(server.host, "--plain-http"), ask(server, f"{APP}:v10")

    assert "v10" not in listed
    assert len(listed) < len(HIDING)
    assert {each["tag"] for each in whole.said.document["tags"]} == listed
    (gap,) = whole.said.document["gaps"]
    assert (gap["subject"], gap["reason"]) == (APP, "incomplete-list")
    assert whole.code == 3
    assert not whole.said.found("unprotected-child")
    assert (hidden.code, hidden.said.state(f"{APP}:v10")) == (0, "present")


def driver(store: Bucket) -> dict[str, object]:
    """What a registry must know to keep its content in a bucket."""
    told = store.options
    return {
        "accesskey": told["access_key_id"],
        "secretkey": told["secret_access_key"],
        "region": told["region"],
        "regionendpoint": told["endpoint"],
        "bucket": urlsplit(URL).netloc,
        "secure": False,
        "forcepathstyle": True,
    }


PAGE = 10
NAMES = (*(f"a{n}" for n in range(PAGE - 1)), "foo", "foo/1bar", "foo/bar", "zz")
"""The page ends behind `foo/1bar`, which is walked before `foo` and sorted behind it."""


@BOTH
def test_registry_29_no_repository_is_lost_in_silence_between_two_pages(
    tmp_path: Path, version: int
) -> None:
    with registry(tmp_path, Settings(version=version, most_listed=PAGE)) as server:
        for name in NAMES:
            tree.write(server.root, name, OLD, "v1")
        assert page_by_page(server) < {*NAMES}

        told = check(server.host, "--plain-http")

    if version == 2:
        assert {each["repository"] for each in told.said.document["tags"]} == {*NAMES}
        assert (told.code, told.said.document["gaps"]) == (0, [])
    else:  # 3.x panics on that page, and allows no other one
        (gap,) = told.said.document["gaps"]
        assert (gap["subject"], gap["scope"], gap["reason"]) == ("_catalog", "registry", "reset")
        assert told.code == 3


def page_by_page(server: Registry) -> set[str]:
    """What a client finds that believes the Links alone."""
    found, where = set[str](), f"/v2/_catalog?n={PAGE}"
    panic = suppress(httpx.RemoteProtocolError)
    opened = httpx.Client(base_url=server.url, trust_env=False, timeout=PATIENCE)
    with opened as client, panic:
        while where:
            answer = client.get(where)
            found |= {*answer.json()["repositories"]}
            where = answer.links.get("next", {}).get("url", "")
    return found


def test_registry_30_an_audit_only_reads(tmp_path: Path) -> None:
    with registry(tmp_path, Settings(delete=False)) as server, front(server) as before:
        server.push(APP, IMAGE, "v1")
        tree.data(server.root, IMAGE.children[0].layers[0].digest).unlink()

        check(before.host, "--plain-http")

        assert {asked.method for asked in before.asked} == {"GET", "HEAD"}


KINDS = {
    "oci-index": IMAGE,
    "oci-manifest": OLD,
    "docker-list": worlds.two_platforms("docker", docker=True),
    "docker-manifest": worlds.image("docker", docker=True),
    "nested": worlds.index(worlds.two_platforms("inner"), worlds.image("outer")),
}


@BOTH
def test_registry_34_no_stored_type_raises_a_false_alarm(tmp_path: Path, version: int) -> None:
    with registry(tmp_path, Settings(version=version)) as server:
        for tag, made in KINDS.items():
            server.push(APP, made, tag)

        told = check(server.host, "--plain-http")

    assert told.code == 0
    assert {tag: told.said.state(f"{APP}:{tag}") for tag in KINDS} == dict.fromkeys(
        KINDS, "present"
    )
    digests = {each["tag"]: each["digest"] for each in told.said.document["tags"]}
    assert digests == {tag: made.digest for tag, made in KINDS.items()}


def test_registry_36_what_a_token_does_not_grant_is_unknown(tmp_path: Path, tokens: Tokens) -> None:
    with registry(tmp_path, Settings(tokens=tokens)) as server:
        for name in ("team/app", "team/secret"):
            server.push(name, IMAGE, "v1")
        tokens.denied.add("team/secret")
        login = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        config = {"auths": {server.host: {"auth": login}}}
        (tmp_path / "config.json").write_text(json.dumps(config))
        words = (f"{server.host}/team/app:v1", f"{server.host}/team/secret:v1", "--plain-http")

        told = check(*words, "--docker-config", str(tmp_path / "config.json"))
        nobody = check(*words)

    assert (told.code, nobody.code) == (3, 3)
    assert (told.said.state(V1), told.said.state("team/secret:v1")) == ("present", "unknown")
    (child,) = told.said.tag("team/secret:v1")["children"]
    assert child["reason"] == "unauthorized"
    assert not nobody.said.document["findings"]
    assert {each["state"] for each in nobody.said.document["tags"]} == {"unknown"}


@BOTH
def test_registry_35_an_index_whose_only_bad_child_is_an_attestation_can_be_pulled(
    tmp_path: Path, version: int
) -> None:
    note = ATTESTED.children[-1]
    with registry(tmp_path, Settings(version=version)) as server:
        server.push(APP, ATTESTED, "v1")
        with server.client(APP) as client:
            client.delete(note.digest)

        told = ask(server, V1)

    assert (told.code, told.said.state(V1)) == (0, "present")
    (lost,) = [each for each in told.said.tag(V1)["children"] if each["digest"] == note.digest]
    assert (lost["state"], lost["required"], lost["kind"]) == ("missing", False, "attestation")
