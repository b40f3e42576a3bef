"""Logins that expire while it runs, as the helpers of ECR, GAR and ACR give them: asked for anew.

Recorded: ECR answers 401 `Basic realm="https://HOST/",service="ecr.amazonaws.com"` after twelve
hours (ECR User Guide, "Private registry authentication"); GAR's and ACR's token servers answer 401
for an access token that expired.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.sources.registry.docker_config import DockerConfig, Helpers
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.guarded import DIGEST, FOUND, V1, denied
from tests.sources.registry.speaking import registry_at

if TYPE_CHECKING:
    from pathlib import Path

APPS = [Repository(f"app{number}") for number in range(3)]


@dataclass
class Cloud:
    """A registry whose password changes; `how` it wants to be shown it."""

    how: str
    password: str = "first"
    url: str = ""
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        pair = base64.b64encode(f"AWS:{self.password}".encode()).decode()
        shown = asked.headers.get("Authorization", "")
        if asked.target.startswith("/token"):
            if shown != f"Basic {pair}":
                return Answer(401)
            return Answer(200, json.dumps({"token": self.password}).encode())
        right = f"Basic {pair}" if self.how == "basic" else f"Bearer {self.password}"
        if shown == right:
            return FOUND
        challenge = f'Basic realm="{self.url}/",service="ecr.amazonaws.com"'
        if self.how == "bearer":
            challenge = f'Bearer realm="{self.url}/token",service="gar"'
        return Answer(401, denied(401, "UNAUTHORIZED").body, {"Www-Authenticate": challenge})


@pytest.fixture
def logins(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerConfig:
    """A docker `config.json` with `credHelpers`, and its helper, which prints what is in a file."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    helper = tmp_path / "docker-credential-cloud"
    printed = f'{{"Username":"AWS","Secret":"%s"}}\' "$(cat {tmp_path}/password)"'
    helper.write_text(
        f"#!/bin/sh\nread server\necho $server >> {tmp_path}/runs\nprintf '{printed}\n"
    )
    helper.chmod(0o755)
    (tmp_path / "password").write_text("first")
    return DockerConfig((tmp_path / "config.json",), Helpers(timeout=60))


@pytest.mark.parametrize("how", ["basic", "bearer"])
async def test_a_login_that_expires_is_asked_for_anew_and_costs_no_answer(
    tmp_path: Path, logins: DockerConfig, how: str
) -> None:
    cloud = Cloud(how)

    with serving(cloud) as cloud.url:
        host = cloud.url.partition("://")[2]
        (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {host: "cloud"}}))
        async with registry_at(cloud.url, logins=logins) as registry:
            assert await registry.head(APPS[0], V1) == DIGEST
            cloud.password = "second"
            (tmp_path / "password").write_text("second")
            for app in (APPS[0], APPS[1], APPS[0], APPS[2]):
                assert await registry.head(app, V1) == DIGEST

    assert (tmp_path / "runs").read_text().split() == [host, host]


@pytest.mark.parametrize("how", ["basic", "bearer"])
async def test_a_helper_that_has_no_newer_login_is_asked_once_more_and_no_more(
    tmp_path: Path, logins: DockerConfig, how: str
) -> None:
    cloud = Cloud(how)

    with serving(cloud) as cloud.url:
        host = cloud.url.partition("://")[2]
        (tmp_path / "config.json").write_text(json.dumps({"credHelpers": {host: "cloud"}}))
        async with registry_at(cloud.url, logins=logins) as registry:
            await registry.head(APPS[0], V1)
            cloud.password = "second"
            for app in APPS:
                with pytest.raises(Unseen) as unseen:
                    await registry.head(app, V1)
                assert unseen.value.reason is Reason.UNAUTHORIZED

    assert (tmp_path / "runs").read_text().split() == [host, host]
