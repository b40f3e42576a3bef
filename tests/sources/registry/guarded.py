"""Registries that want to know who asks: a token server, or a password."""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST
from exporter.oci.reference import Tag
from exporter.sources.registry.credentials import FixedLogin, Login
from tests.parts.http import Answer, Asked, serving

if TYPE_CHECKING:
    from collections.abc import Iterator

ROBOT: Final = FixedLogin(Login("robot", "sesame"))
BASIC: Final = f"Basic {base64.b64encode(b'robot:sesame').decode()}"
REFRESH: Final = FixedLogin(Login(identity_token="refresh-me"))
DIGEST: Final = Digest.of(b"manifest")
V1: Final = Tag("v1")
FOUND: Final = Answer(
    200, b"", {"Content-Type": OCI_MANIFEST, "Docker-Content-Digest": str(DIGEST)}
)


def denied(status: int, code: str) -> Answer:
    return Answer(status, json.dumps({"errors": [{"code": code}]}).encode())


@dataclass
class Guard:
    """A registry and its token server, both in one: `/token` gives, `/v2/` demands."""

    url: str = ""
    realm: str = ""
    service: str = "tests"
    scopeless: bool = False
    """The challenge names no scope."""
    gives: int = 200
    """The token server's status."""
    refuses: set[str] = field(default_factory=set)
    """Methods that the token server does not offer."""
    accepts: bool = True
    """Does a token open anything?"""
    asked: list[Asked] = field(default_factory=list)
    given: int = 0

    def __call__(self, request: Asked) -> Answer:
        self.asked.append(request)
        if request.target.startswith("/token"):
            return self.token(request)
        name = request.target.split("/")[2]
        shown = request.headers.get("Authorization", "")
        if self.accepts and shown == f"Bearer token-{self.given}":
            return FOUND if name != "hidden" else denied(404, "NAME_UNKNOWN")
        scope = "" if self.scopeless else f',scope="repository:{name}:pull"'
        challenge = f'Bearer realm="{self.realm or self.url + "/token"}",service="{self.service}"'
        answer = denied(401, "UNAUTHORIZED")
        return replace(answer, headers={"WWW-Authenticate": challenge + scope})

    def token(self, request: Asked) -> Answer:
        if request.method in self.refuses:
            return Answer(405)
        if self.gives != 200:
            return Answer(self.gives)
        self.given += 1
        return Answer(200, json.dumps({"token": f"token-{self.given}"}).encode())

    @property
    def tokens(self) -> list[Asked]:
        return [each for each in self.asked if each.target.startswith("/token")]

    @property
    def questions(self) -> list[Asked]:
        return [each for each in self.asked if not each.target.startswith("/token")]


@contextmanager
def guarding(guard: Guard) -> Iterator[Guard]:
    with serving(guard) as url:
        guard.url = url
        yield guard


def basic(request: Asked) -> Answer:
    """A registry of which `public` is shown to everybody, and the rest to the robot."""
    if "/public/" in request.target or request.headers.get("Authorization") == BASIC:
        return FOUND
    return Answer(401, headers={"WWW-Authenticate": 'Basic realm="tests"'})
