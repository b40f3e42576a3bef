"""Registries that count: each keeps what a request changes in its records, as its kind does."""

from __future__ import annotations

import json
from collections import Counter
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from exporter import cli
from exporter.oci.digest import Digest
from tests.parts.http import Answer, Asked, serving
from tests.worlds import Made, two_platforms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

SIGNS: Final[Mapping[str, Mapping[str, str]]] = {
    "harbor": {"Www-Authenticate": 'Bearer realm="{url}/token",service="harbor-registry"'},
    "artifactory": {
        "X-JFrog-Version": "Artifactory/7.77.5 77705900",
        "Www-Authenticate": 'Basic realm="Artifactory Realm"',
    },
    "nexus": {"Www-Authenticate": 'Basic realm="Sonatype Nexus Repository Manager"'},
    "ecr": {"Www-Authenticate": 'Basic realm="{url}/",service="ecr.amazonaws.com"'},
    "zot": {"Access-Control-Allow-Headers": "Authorization,content-type,X-ZOT-API-CLIENT"},
    "quay": {"Www-Authenticate": 'Bearer realm="{url}/v2/auth",service="{host}"'},
    "unknown": {},
    "gitea": {"Www-Authenticate": 'Bearer realm="{url}/v2/token",service="container_registry"'},
}
"""The headers of `/v2/` by which each kind is recognised."""
_UNKNOWN: Final = b'{"errors":[{"code":"MANIFEST_UNKNOWN","message":"unknown"}]}'
_NO_BLOB: Final = b'{"errors":[{"code":"BLOB_UNKNOWN","message":"unknown"}]}'


@dataclass
class Counting:
    """A registry with the repository `team/app`; every account may read it.

    Harbor 2.15.2 (src/server/registry/manifest.go): a GET of a manifest that succeeds sets the pull
    time of the artifact and of the indexes above it, and counts; HEAD and blobs do not. For the
    others the same is counted, and for Nexus and Quay HEAD too.
    """

    kind: str
    uncounted: str = ""
    """A password whose account is not counted."""
    limit: int = 0
    """Pulls that it states as the most in six hours, as Docker Hub does; 0 states none."""
    caches: bool = True
    """Does it have proxy caches, as a Quay may?"""
    manifests: dict[Digest, Made] = field(default_factory=dict)
    blobs: dict[Digest, bytes] = field(default_factory=dict)
    tags: dict[str, Digest] = field(default_factory=dict)
    pull_time: dict[Digest, int] = field(default_factory=dict)
    """By artifact: the number of the pull that set it last."""
    pulls: int = 0
    asked: Counter[str] = field(default_factory=Counter)
    """Requests, by method and what they are for."""
    url: str = ""

    @property
    def records(self) -> tuple[int, dict[Digest, int]]:
        """What a cleanup decides by."""
        return self.pulls, dict(self.pull_time)

    def push(self, made: Made, tag: str) -> None:
        for each in made.walk():
            self.manifests[each.digest] = each
            self.blobs |= {blob.digest: blob.body for blob in each.blobs}
        self.tags[tag] = made.digest

    @contextmanager
    def served(self) -> Iterator[str]:
        """Yield its `host:port`."""
        with serving(self.answer) as self.url:
            yield self.url.partition("//")[2]

    def answer(self, asked: Asked) -> Answer:
        path = asked.target.partition("?")[0]
        where = {"url": self.url, "host": self.url.partition("//")[2]}
        signs = {name: value.format(**where) for name, value in SIGNS[self.kind].items()}
        if path.endswith(("/token", "/v2/auth")):
            return Answer(200, b'{"token":"%s"}' % self._account(asked))
        if path == "/config":
            return _json({"features": {"PROXY_CACHE": self.caches}})
        challenge = signs.get("Www-Authenticate", "")
        if challenge and "Authorization" not in asked.headers:
            return Answer(401, b"", signs)
        self.asked[f"{asked.method} {path.split('/')[-2]}"] += 1
        headers = {name: value for name, value in signs.items() if name != "Www-Authenticate"}
        said = self._said(asked, path)
        return Answer(said.status, said.body, {**headers, **said.headers})

    def _account(self, asked: Asked) -> bytes:
        shown = asked.headers.get("Authorization", "")
        return b"uncounted" if self.uncounted and self.uncounted in shown else b"counted"

    def _said(self, asked: Asked, path: str) -> Answer:
        if path == "/v2/":
            return Answer(200, b"{}", {"Content-Type": "application/json"})
        if path == "/v2/_catalog":
            return _json({"repositories": ["team/app"]})
        if path.endswith("/tags/list"):
            return _json({"name": "team/app", "tags": sorted(self.tags)})
        *_, endpoint, reference = path.split("/")
        return (
            self._manifest(asked, reference)
            if endpoint == "manifests"
            else self._blob(asked, reference)
        )

    def _manifest(self, asked: Asked, reference: str) -> Answer:
        digest = self.tags.get(reference) or Digest(reference)
        made = self.manifests.get(digest)
        if made is None:
            return Answer(404, _UNKNOWN, {"Content-Type": "application/json"})
        if asked.method == "GET" or self.kind in ("nexus", "quay"):
            self._pulled(asked, digest)
        headers = {"Content-Type": made.media_type, "Docker-Content-Digest": str(digest)}
        if self.limit:
            headers["RateLimit-Limit"] = f"{self.limit};w=21600"
            headers["RateLimit-Remaining"] = f"{self.limit - self.pulls};w=21600"
        return Answer(200, made.body, headers)

    def _pulled(self, asked: Asked, digest: Digest) -> None:
        if "uncounted" in asked.headers.get("Authorization", ""):
            return
        self.pulls += 1
        above = [
            each.digest
            for each in self.manifests.values()
            if any(child.digest == digest for child in each.children)
        ]
        self.pull_time |= dict.fromkeys((digest, *above), self.pulls)

    def _blob(self, asked: Asked, reference: str) -> Answer:
        body = self.blobs.get(Digest(reference))
        made = self.manifests.get(Digest(reference))
        if made is not None and self.kind == "zot":
            body = made.body
        if body is None:
            return Answer(404, _NO_BLOB, {"Content-Type": "application/json"})
        headers = {"Docker-Content-Digest": reference, "Content-Type": "application/octet-stream"}
        span = asked.headers.get("Range", "")
        if not span or not body:
            return Answer(200, body, headers)
        part = f"bytes {len(body) - 1}-{len(body) - 1}/{len(body)}"
        return Answer(206, body[-1:], {**headers, "Content-Range": part})


def _json(document: object) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


def checked(
    registry: Counting, folder: Path, password: str, image: str = "", **settings: Any
) -> int:
    """Check a registry with `team/app:v1`, or one image, as `robot`; return the exit code."""
    registry.push(two_platforms("app"), "v1")
    (folder / "password").write_text(password)
    login = {"username": "robot", "password_file": "password"}
    with registry.served() as host:
        own = {"url": f"http://{host}", "plain_http": True, "pulls": "accept", **login}
        own |= {"tags": {"select": ["*"]}, **settings}
        config = folder / "pullproof.yml"
        config.write_text(json.dumps({"confirm_after": "0s", "registries": [own]}))
        what = f"{host}/{image}" if image else host
        return cli.main(["check", what, "--config", str(config)])
