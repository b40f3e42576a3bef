"""Proxy caches that no part of the configuration names: their own API tells of them."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts.counting import Counting, checked
from tests.parts.http import Answer, Asked

if TYPE_CHECKING:
    from pathlib import Path

PATHS: Final = {
    "harbor": "/api/v2.0/projects",
    "artifactory": "/artifactory/api/repositories",
    "nexus": "/service/rest/v1/repositories",
}
PROXY: Final = {
    "harbor": [{"name": "team", "registry_id": 3}],
    "artifactory": [{"key": "team", "type": "REMOTE", "url": "https://registry-1.docker.io"}],
    "nexus": [{"name": "team", "format": "docker", "type": "proxy"}],
}
OWNED: Final = {
    "harbor": [{"name": "team-2", "registry_id": 3}, {"name": "team"}],
    "artifactory": [{"key": "team", "type": "LOCAL"}, {"key": "hub", "type": "REMOTE"}],
    "nexus": [{"name": "team", "type": "hosted"}, {"name": "hub", "type": "proxy"}],
}
UNTOLD: Final = [
    Answer(200, b"[]"),
    Answer(200, b"<html>"),
    Answer(200, b'{"name": "team"}'),
    Answer(200, b'[{"name": 3}]'),
    Answer(403),
    Answer(500),
]


@dataclass
class Telling(Counting):
    """A registry with an API of its own."""

    told: Answer = field(default_factory=lambda: Answer(404))
    accounts: list[str] = field(default_factory=list)
    """What each request for the API showed."""

    def answer(self, asked: Asked) -> Answer:
        path, shown = asked.target.partition("?")[0], asked.headers.get("Authorization", "")
        if self.kind == "harbor" and path == "/v2/_catalog" and not shown.startswith("Basic"):
            return Answer(401, b"", {"Www-Authenticate": 'Basic realm="harbor"'})
        if path != PATHS[self.kind]:
            return super().answer(asked)
        self.accounts.append(shown)
        return self.told


def read(registry: Telling) -> set[str]:
    """What was requested of `team/app`."""
    kinds = {each.partition(" ")[2] for each in registry.asked}
    return kinds & {"tags", "manifests", "blobs"}


@pytest.mark.parametrize("image", ["", "team/app:v1"], ids=["catalogue", "image"])
@pytest.mark.parametrize("kind", PATHS)
def test_nothing_of_a_proxy_cache_is_requested_unless_a_part_names_it(
    kind: str, image: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Telling(kind, told=Answer(200, json.dumps(PROXY[kind]).encode()))
    assert checked(registry, tmp_path, "s", image) == 3
    assert not read(registry)
    said = "".join(capsys.readouterr())
    assert "team is a proxy cache: reads fetch from upstream; name team/* in parts" in said
    assert "--count-pulls" not in said
    assert set(registry.accounts) == {f"Basic {base64.b64encode(b'robot:s').decode()}"}
    assert len(registry.accounts) == 1

    owned = [{"repositories": ["team/*"], "role": "owned"}]
    assert checked(registry, tmp_path, "s", image, parts=owned) == 0
    assert len(registry.accounts) == 1, "what a part names is not asked"


@pytest.mark.parametrize("kind", PATHS)
def test_an_owned_repository_is_read_and_its_kind_is_asked_for_once(
    kind: str, tmp_path: Path
) -> None:
    registry = Telling(kind, told=Answer(200, json.dumps(OWNED[kind]).encode()))
    assert checked(registry, tmp_path, "s") == 0
    assert len(registry.accounts) == 1


@pytest.mark.parametrize("told", UNTOLD, ids=lambda told: f"{told.status} {told.body!r}")
@pytest.mark.parametrize("kind", PATHS)
def test_what_an_api_does_not_tell_is_read_as_before(
    kind: str, told: Answer, tmp_path: Path
) -> None:
    registry = Telling(kind, told=told)
    assert checked(registry, tmp_path, "s") == 0
    assert len(registry.accounts) == 1
