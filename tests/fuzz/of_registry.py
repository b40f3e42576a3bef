"""Readers of what registries, token servers and credential files say."""

from __future__ import annotations

import asyncio
import json
import os
import tempfile
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

from exporter.oci.digest import Malformed
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Unseen
from exporter.sources.registry import (
    blobs,
    catalogue,
    manifests,
    owners,
    paging,
    tag_list,
    tokens,
)
from exporter.sources.registry.address import Address
from exporter.sources.registry.credential_check import PullSecretLogins
from exporter.sources.registry.docker_config import DockerConfig, Helpers
from exporter.sources.registry.kinds import recognised
from exporter.sources.registry.limits import PullBudget, RequestLimits
from exporter.sources.registry.lists.api import settled
from exporter.sources.registry.lists.by_namespace import (
    GiteaList,
    GitHubList,
    GitLabList,
    HarborList,
    QuayList,
)
from exporter.sources.registry.lists.docker_hub import DockerHubList
from exporter.sources.registry.messages import Request, Response
from exporter.sources.registry.proxies import Proxies
from exporter.sources.registry.proxy_caches import PROXY_APIS, ProxyCaches
from exporter.sources.registry.recognition import recognise
from exporter.sources.registry.responses import (
    absence,
    error_entries,
    has_proxy_caches,
    refusal,
    wait_wanted,
)
from exporter.sources.registry.session import Witnesses
from exporter.sources.registry.signs import Signs
from tests.fuzz.of_content import IMAGE, INDEX, SIGNED
from tests.fuzz.target import Target
from tests.sources.registry.speaking import handed

if TYPE_CHECKING:
    from collections.abc import Coroutine

    from exporter.sources.registry.credentials import Login
    from exporter.sources.registry.kind_facts import KindFacts
    from exporter.sources.registry.lists.api import ApiSession
    from exporter.sources.registry.session import Session

APP: Final = Repository("app")
URL: Final = "https://registry.example"


@cache
def _loop() -> asyncio.AbstractEventLoop:
    return asyncio.new_event_loop()


def _done(work: Coroutine[Any, Any, Any]) -> Any:
    return _loop().run_until_complete(work)


def answered(data: bytes) -> Response:
    """Read an answer as it might come: a status, headers, an empty line, the body."""
    head, _, body = data.partition(b"\n\n")
    status, *lines = head.decode("latin-1").split("\n")
    pairs = (line.partition(":") for line in lines)
    headers = {name.strip().lower(): value.strip() for name, _, value in pairs}
    code = int(status) if status.isascii() and status.isdigit() and len(status) == 3 else 200
    return Response(code, headers, body, len(body))


@dataclass
class Wire:
    """A line on which one answer comes to every question; implements what readers use of one."""

    answer: Response
    limits: RequestLimits = field(default_factory=lambda: RequestLimits(repositories=200, tags=200))
    address: str = URL
    asked: int = 0
    witnesses: Witnesses = field(default_factory=Witnesses)

    @property
    def signs(self) -> Signs:
        shown = tokens.best_challenge(self.answer.headers.get("www-authenticate", ""))
        where = (shown.realm, shown.service) if shown else ()
        return Signs("registry.example", self.answer.headers, *where)

    @property
    def facts(self) -> KindFacts:
        return recognised(self.signs)[1]

    async def send(self, question: Request) -> Response:
        self.asked += 1
        if self.asked > 30:
            raise Unseen.unexpected(question.subject, RuntimeError("asked without end"))
        return await handed(question, replace(self.answer))

    async def silent(self) -> bool:
        return self.facts.silent.value

    async def absence(self, answer: Response, subject: str) -> Absent:
        return absence(answer, subject)


def _lists(data: bytes) -> None:
    for found in (
        catalogue.repositories,
        lambda line: tag_list.tags(line, APP),
    ):
        try:
            _told(_done(found(cast("Session", Wire(answered(data))))))
        except Unseen as unseen:
            _told(unseen)


@dataclass
class ApiWire(Wire):
    """Likewise for what lists repositories by an API."""

    async def login(self, namespace: str = "") -> None:
        """Show nothing, of whichever namespace."""

    async def get(self, path: str, subject: str) -> Response:
        return settled(await self.send(Request("catalog", subject, path=path)), subject)


def _api_lists(data: bytes) -> None:
    for kind in (HarborList, GitHubList, GitLabList, GiteaList, QuayList, DockerHubList):
        wire = cast("ApiSession", ApiWire(answered(data)))
        for names in ((), ("team",)):
            _told(_done(kind(wire, names).repositories()))
    for api in PROXY_APIS.values():
        _done(ProxyCaches("registry.example.com", Wire(answered(data)).send).holds("team/app", api))


def _objects(data: bytes) -> None:
    blob = Descriptor("application/octet-stream", IMAGE.config.digest, 700)
    sizeless = Descriptor("application/octet-stream", IMAGE.config.digest, None)
    for found in (
        lambda line: manifests.head(line, APP, Tag("v1")),
        lambda line: manifests.head(line, APP, IMAGE.digest),
        lambda line: manifests.manifest(line, APP, IMAGE.digest),
        lambda line: recognise(line, APP),
        lambda line: owners.missing_owner(line, "other/app"),
        lambda line: blobs.last_byte(line, APP, blob),
        lambda line: blobs.last_byte(line, APP, sizeless),
        lambda line: blobs.whole(line, APP, blob),
        lambda line: blobs.claimed_size(line, APP, blob),
    ):
        try:
            _told(_done(found(cast("Session", Wire(answered(data))))))
        except Unseen as unseen:
            _told(unseen)


def _told(found: object) -> None:
    """What is said of an answer goes into reports, and is written in UTF-8."""
    str(found).encode()


def _errors(data: bytes) -> None:
    answer = answered(data)
    error_entries(answer)
    wait_wanted(answer)
    PullBudget().note(answer.headers, 0.0)
    _told(refusal(answer, "app:v1"))
    has_proxy_caches(answer)
    absence(answer, "app:v1")


def _links(data: bytes) -> None:
    paging.next_query(data.decode("latin-1"), f"{URL}/v2/_catalog?n=1000")


def _challenge(data: bytes) -> None:
    tokens.best_challenge(data.decode("latin-1"))


def _token(data: bytes) -> None:
    async def ask(question: Request, authorization: str) -> Response:
        question.form.encode(), authorization.encode("ascii")
        return answered(data)

    wanted = tokens.Challenge(
        "bearer", "https://auth.example/token", "registry", "repository:a:pull"
    )
    token = _done(tokens.fetch(ask, wanted, None, secure=True))
    token.text.encode("ascii")
    assert token.lasts > 0


def _shown(login: Login | None) -> None:
    if login is not None:
        login.basic.encode("ascii")
        for text in (login.username, login.identity_token, login.registry_token):
            text.encode()


def _keyring(data: bytes) -> None:
    ring = PullSecretLogins.of([data])
    for host in ("registry.example", "docker.io", "[::1]:5000"):
        for login in ring.find(host, "team/app"):
            _shown(login)


@cache
def _folder() -> Path:
    return Path(tempfile.mkdtemp(prefix="pullproof-fuzz-"))


def _docker_config(data: bytes) -> None:
    file = _folder() / "config.json"
    file.write_bytes(data)
    for host, repository in (("registry.example", "team/app"), ("docker.io", "")):
        _shown(_done(DockerConfig((file,)).find(host, repository)))


def _helper(data: bytes) -> None:
    program, printed = _folder() / "docker-credential-fuzz", _folder() / "printed"
    if not program.exists():
        program.write_text(f"#!/bin/sh\nexec cat {printed}\n")
        program.chmod(0o700)
        os.environ["PATH"] = f"{_folder()}:{os.environ['PATH']}"
    printed.write_bytes(data)
    _shown(_done(Helpers().ask("fuzz", "registry.example")))


def _address(data: bytes) -> None:
    address = Address.parse(data.decode("latin-1"))
    _told(address.host)
    address.onward(data.decode("latin-1"))


def _redirect(data: bytes) -> None:
    Address.of_registry(f"{URL}:5000/prefix").onward(data.decode("latin-1"))


def _proxies(data: bytes) -> None:
    text = data.decode("latin-1")
    found = Proxies.of({"HTTPS_PROXY": "http://proxy.example:3128", "NO_PROXY": text})
    found.way("https", "registry.example", 443)
    found.way("https", "10.0.0.1", 443)
    Proxies.of({"HTTP_PROXY": text})


def _said(status: int, body: bytes, **headers: str) -> bytes:
    lines = [
        str(status),
        *(f"{name.replace('_', '-')}: {value}" for name, value in headers.items()),
    ]
    return "\n".join(lines).encode() + b"\n\n" + body


DENIED: Final = json.dumps(
    {"errors": [{"code": "MANIFEST_UNKNOWN", "message": "unknown", "detail": {"Tag": "v1"}}]}
).encode()
DANGLING: Final = json.dumps(
    {
        "errors": [
            {"code": "MANIFEST_UNKNOWN", "detail": f"unknown manifest revision={IMAGE.digest}"},
            {"code": "MANIFEST_UNKNOWN", "detail": {"Revision": IMAGE.digest}},
        ]
    }
).encode()
_LINK: Final = '</v2/_catalog?last=b&n=2>; rel="next"'
_DATE: Final = "Wed, 21 Oct 2026 07:28:00 GMT"
_QUAY: Final = 'Bearer realm="https://quay.example/v2/auth",service="quay.example"'
_ERRORS: Final = (
    _said(404, DENIED, content_type="application/json"),
    _said(404, DANGLING, content_type="application/json"),
    _said(429, b"", retry_after="120", date=_DATE),
    _said(503, b"", retry_after=_DATE, date=_DATE),
    _said(429, b"", x_retry_after="1776852000", date=_DATE),
    _said(429, b"", ratelimit_limit="100;w=21600", ratelimit_remaining="0;w=21600"),
    _said(404, b"<Error><Code>NoSuchKey</Code></Error>", content_type="application/xml"),
)
_AUTHS: Final = json.dumps(
    {
        "auths": {
            "registry.example": {"auth": "dXNlcjpwYXNz"},
            "https://index.docker.io/v1/": {"username": "u", "password": "p"},
            "registry.example/team": {"identitytoken": "t", "registrytoken": "r"},
            "*.example:5000/x": {"auth": "dTpw"},
        },
        "credHelpers": {"other.example": "none"},
    }
).encode()
_FLAT: Final = b'{"registry.example": {"username": "u", "password": "p", "email": "e"}}'

_APIS: Final = (
    _said(200, b'[{"name":"team/app","path":"team/app"}]', x_total="1", x_total_count="1"),
    _said(200, b'{"repositories":[{"namespace":"team","name":"app"}],"next_page":"gA=="}'),
    _said(200, b'{"count":1,"next":null,"results":[{"name":"app","is_private":true}]}'),
    _said(200, b'{"login":"team","type":"Organization","state":"active","role":"admin"}'),
)

TARGETS: Final = (
    Target(
        "api-lists",
        _api_lists,
        _APIS,
        ("sources.registry.lists.api", "sources.registry.proxy_caches"),
        (Unseen,),
    ),
    Target(
        "registry-errors",
        _errors,
        _ERRORS,
        ("sources.registry.responses", "sources.registry.limits"),
        (Unseen,),
    ),
    Target(
        "registry-lists",
        _lists,
        (
            _said(200, b'{"repositories":["a","a/b","b-c"]}', link=_LINK),
            _said(
                200, b'{"name":"app","tags":["v1","v2","latest"]}', content_type="application/json"
            ),
            _said(200, b'{"tags":null}'),
            *_ERRORS[:1],
        ),
        (
            "sources.registry.catalogue",
            "sources.registry.tag_list",
            "sources.registry.paging",
            "sources.registry.names",
        ),
        (Unseen,),
    ),
    Target(
        "registry-objects",
        _objects,
        (
            _said(200, IMAGE.body, content_type=OCI_MANIFEST, docker_content_digest=IMAGE.digest),
            _said(200, INDEX.body, content_type="application/vnd.oci.image.index.v1+json"),
            _said(
                200,
                SIGNED,
                content_type="application/vnd.docker.distribution.manifest.v1+prettyjws",
            ),
            _said(206, b"x", content_range="bytes 699-699/700"),
            _said(416, b"", content_range="bytes */700"),
            _said(200, b"x" * 700, content_length="700"),
            _said(401, b"", www_authenticate=_QUAY),
            _said(401, b"", www_authenticate=_QUAY.replace("quay.example/", "[quay/")),
            _said(200, b'{"repositories":["a/b"],"tags":["v1"]}'),
            *_ERRORS[:2],
        ),
        (
            "sources.registry.manifests",
            "sources.registry.blobs",
            "sources.registry.responses",
            "sources.registry.owners",
            "sources.registry.signs",
        ),
        (Unseen,),
    ),
    Target(
        "link-header",
        _links,
        (_LINK.encode(), b'<http://registry.example/v2/?a=b>; rel=prev, <?last=x>; rel="x next"'),
        ("sources.registry.paging",),
    ),
    Target(
        "challenge",
        _challenge,
        (
            b'Bearer realm="https://auth.example/token",service="r",scope="repository:a:pull"',
            b'Basic realm="x", Negotiate, Bearer realm="a\\"b"',
        ),
        ("sources.registry.tokens",),
        (),
    ),
    Target(
        "token",
        _token,
        (
            _said(200, b'{"token":"abc","expires_in":300,"issued_at":"2026-01-01T00:00:00Z"}'),
            _said(200, b'{"access_token":"a.b-c","expires_in":1e3}'),
            _said(401, DENIED),
        ),
        ("sources.registry.tokens",),
        (Unseen,),
    ),
    Target(
        "pull-secret",
        _keyring,
        (_AUTHS, _FLAT, b'{"auths": {"u": {"username": "u\\u00e9", "password": "p"}}}'),
        ("sources.registry.credential_check", "sources.registry.credentials"),
        (Malformed, Unseen),
    ),
    Target(
        "docker-config",
        _docker_config,
        (_AUTHS, _FLAT),
        ("sources.registry.docker_config", "sources.registry.credentials"),
        (Unseen,),
    ),
    Target(
        "helper",
        _helper,
        (
            b'{"ServerURL":"registry.example","Username":"u","Secret":"s"}',
            b'{"Username":"<token>","Secret":"t"}',
        ),
        ("sources.registry.docker_config",),
        (Unseen,),
    ),
    Target(
        "address",
        _address,
        (b"https://u.example:5000/a?b=c", b"http://[::1]/"),
        ("sources.registry.address",),
    ),
    Target(
        "redirect",
        _redirect,
        (b"/a?b=c", b"https://cdn.example/x%20y?sig=a%2Bb"),
        ("sources.registry.address",),
    ),
    Target(
        "proxy",
        _proxies,
        (b"10.0.0.0/8,.example,[::1]:80", b"http://p.example:3128"),
        ("sources.registry.proxies",),
    ),
)
