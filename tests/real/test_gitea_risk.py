"""Does Gitea take what `protect` plans tags for, and nothing else?

Gitea 1.26.0: a tag is pushed anew, and a cleanup rule takes the tags of platforms.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from tests.parts.gitea import ADMIN, Gitea
from tests.parts.product import Told, run
from tests.worlds import Made, image, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.oci.digest import Digest

pytestmark = pytest.mark.real

APP = two_platforms("risk")
PLATFORMS = ("amd64", "arm64")
CHILDREN = dict(zip(PLATFORMS, APP.children, strict=True))
BY_TAG, KEPT, BY_DIGEST, BY_BOTH = (f"risk/{each}" for each in ("tag", "kept", "digest", "both"))
QUICK = ("--plain-http", "--confirm-after", "0s", "--username", ADMIN, "--password-stdin")


@pytest.fixture
def server(gitea_server: Gitea) -> Iterator[Gitea]:
    """Four repositories with one index: its children were pushed by tag, by digest, or by both."""
    with gitea_server.owner("risk"):
        for repository in (BY_TAG, KEPT, BY_DIGEST, BY_BOTH):
            fill(gitea_server, repository)
        yield gitea_server


def fill(server: Gitea, repository: str) -> None:
    with server.client(repository) as client:
        for platform, child in CHILDREN.items():
            for blob in child.blobs:
                client.push_blob(blob)
            if repository != BY_DIGEST:
                client.put(child, f"v1-{platform}").raise_for_status()
            if repository in (BY_DIGEST, BY_BOTH):
                client.put(child).raise_for_status()
        client.put(APP, "v1").raise_for_status()


def protect(server: Gitea, repository: str, *words: str) -> Told:
    return run("protect", f"{server.host}/{repository}:v1", *QUICK, *words, typed=server.token)


def planned(server: Gitea, repository: str) -> set[str]:
    told = protect(server, repository, "--output", "json")
    (entry,) = json.loads(told.output)["registries"]
    assert entry["collector"] == "parent-protects", told.errors
    return {each["digest"] for each in entry["wanted"]}


def gone(server: Gitea, repository: str) -> set[str]:
    with server.client(repository) as client:
        return {
            str(child.digest)
            for child in APP.children
            if not client.head("manifests", child.digest).is_success
        }


def push_anew(server: Gitea, repository: str, tag: str, made: Made) -> None:
    with server.client(repository) as client:
        for blob in made.blobs:
            client.push_blob(blob)
        client.put(made, tag).raise_for_status()


def digests(*children: Made) -> set[str]:
    return {str(each.digest) for each in children}


def test_its_tags_are_those_without_which_gitea_breaks_the_image(server: Gitea) -> None:
    wanted = {each: planned(server, each) for each in (BY_TAG, KEPT, BY_DIGEST, BY_BOTH)}
    assert wanted[BY_TAG] == wanted[KEPT] == digests(*APP.children)
    assert wanted[BY_DIGEST] == set()
    assert wanted[BY_BOTH] == digests(*APP.children)  # nobody can tell: docs/registries/gitea.md
    assert protect(server, KEPT, "--apply").code == 0
    assert planned(server, KEPT) == set()

    for repository in (BY_TAG, KEPT, BY_BOTH):
        push_anew(server, repository, "v1-arm64", image("another", "linux/arm64"))

    lost = {each: gone(server, each) for each in wanted}
    pushed: Digest = CHILDREN["arm64"].digest
    assert lost == {BY_TAG: {str(pushed)}, KEPT: set(), BY_DIGEST: set(), BY_BOTH: set()}

    server.rule("risk", ".*-(amd64|arm64)")
    server.clean()

    assert gone(server, BY_TAG) == digests(*APP.children)
    assert [gone(server, each) for each in (KEPT, BY_DIGEST, BY_BOTH)] == [set()] * 3


def test_a_pin_goes_with_the_push_that_moves_its_tag(server: Gitea) -> None:
    pinned = f"{server.host}/{BY_TAG}@{CHILDREN['arm64'].digest}"
    told = run("check", pinned, *QUICK, typed=server.token)
    assert told.code == 0, told.output

    push_anew(server, BY_TAG, "v1-arm64", image("another", "linux/arm64"))

    assert run("check", pinned, *QUICK, typed=server.token).code == 1
