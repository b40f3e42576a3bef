"""Credentials as each ecosystem hands them out, met with the challenge that each registry gives.

The challenges are those of the registries themselves (2026-11); the logins are what
`docker-credential-NAME get` prints, or what its documentation says to put in `docker login`.
"""

from __future__ import annotations

import base64
import json
import os
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

import pytest

from exporter.sources.registry.docker_config import DockerConfig, Helpers
from exporter.sources.registry.messages import Request, Response
from exporter.sources.registry.tokens import best_challenge, fetch

if TYPE_CHECKING:
    from pathlib import Path

SCOPE: Final = "repository:team/app:pull"


@dataclass(frozen=True)
class Ecosystem:
    host: str
    realm: str
    service: str
    username: str
    """As the helper prints it: `<token>` says that the secret is an identity token."""


TOKEN_SERVERS: Final = {
    "ghcr": Ecosystem("ghcr.io", "https://ghcr.io/token", "ghcr.io", "audit-bot"),
    "gitlab": Ecosystem(
        "registry.gitlab.com",
        "https://gitlab.com/jwt/auth",
        "container_registry",
        "gitlab+deploy-token-1",
    ),
    "harbor": Ecosystem(
        "harbor.example.com",
        "https://harbor.example.com/service/token",
        "harbor-registry",
        "robot$team+audit",
    ),
    "quay": Ecosystem("quay.io", "https://quay.io/v2/auth", "quay.io", "team+audit"),
    "docker-hub": Ecosystem(
        "docker.io", "https://auth.docker.io/token", "registry.docker.io", "audit"
    ),
    "gar": Ecosystem(
        "europe-docker.pkg.dev",
        "https://europe-docker.pkg.dev/v2/token",
        "europe-docker.pkg.dev",
        "_dcgcloud_token",
    ),
    "acr": Ecosystem(
        "team.azurecr.io", "https://team.azurecr.io/oauth2/token", "team.azurecr.io", "<token>"
    ),
}


@pytest.fixture
def found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> DockerConfig:
    """A docker `config.json` whose helper prints what `answer` holds."""
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    helper = tmp_path / "docker-credential-cloud"
    helper.write_text(
        f"#!/bin/sh\nread server\necho $server > {tmp_path}/asked\ncat {tmp_path}/answer\n"
    )
    helper.chmod(0o755)
    (tmp_path / "config.json").write_text(json.dumps({"credsStore": "cloud"}))
    return DockerConfig((tmp_path / "config.json",), Helpers(timeout=60))


@pytest.mark.parametrize("name", TOKEN_SERVERS)
async def test_a_login_of_a_helper_gets_a_token_as_its_registry_gives_one(
    tmp_path: Path, found: DockerConfig, name: str
) -> None:
    each = TOKEN_SERVERS[name]
    (tmp_path / "answer").write_text(json.dumps({"Username": each.username, "Secret": "secret"}))
    header = f'Bearer realm="{each.realm}",service="{each.service}",scope="{SCOPE}"'
    challenge = best_challenge(header)
    asked: list[tuple[Request, str]] = []

    async def send(request: Request, authorization: str) -> Response:
        asked.append((request, authorization))
        return Response(200, {}, b'{"token": "granted", "access_token": "granted"}')

    assert challenge is not None
    login = await found.find(each.host, "team/app")
    token = await fetch(send, challenge, login, secure=True)

    ((request, authorization),) = asked
    assert token.text == "granted"
    if each.username == "<token>":  # ACR: its refresh token is posted, and shown to nobody else
        form = parse_qs(request.form)
        assert (request.url, authorization) == (each.realm, "")
        assert (form["grant_type"], form["refresh_token"]) == (["refresh_token"], ["secret"])
    else:
        pair = base64.b64encode(f"{each.username}:secret".encode()).decode()
        query = parse_qs(urlsplit(request.url).query)
        assert authorization == f"Basic {pair}"
        assert (query["service"], query["scope"]) == ([each.service], [SCOPE])
    hub = "https://index.docker.io/v1/"
    assert (tmp_path / "asked").read_text().strip() == (hub if name == "docker-hub" else each.host)


async def test_ecr_takes_the_login_of_its_helper_by_basic(
    tmp_path: Path, found: DockerConfig
) -> None:
    host = "012345678910.dkr.ecr.eu-west-1.amazonaws.com"
    (tmp_path / "answer").write_text('{"ServerURL":"","Username":"AWS","Secret":"eyJwYXlsb2Fk"}')

    challenge = best_challenge(f'Basic realm="https://{host}/",service="ecr.amazonaws.com"')
    login = await found.find(host, "team/app")

    assert challenge is not None
    assert login is not None
    assert challenge.scheme == "basic"
    assert base64.b64decode(login.basic.split()[1]) == b"AWS:eyJwYXlsb2Fk"
