"""What a real registry answered, asked for everything beforehand, and a server that says it again.

A conversation has stages: whatever changes the registry's content begins another one. In each the
same things are asked of it that any client may ask, so what a client asks may change.
tests/recordings/README.md describes the files.
"""

from __future__ import annotations

import base64
import gzip
import json
import os
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import parse_qs, urlsplit

import httpx

from exporter.oci.digest import Digest
from exporter.oci.links import ACCEPT
from tests.parts.http import CLOSED, Answer, Asked, serving
from tests.parts.process import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from tests.parts.stand import RecordedStand

RECORDING: Final = bool(os.environ.get("UPDATE_RECORDINGS"))
"""Are recordings made anew?"""
PUBLIC: Final = ("/v2/", "/v2/_catalog")
"""The paths of no repository."""
HOST: Final = "recorded.invalid"
"""Stands in the headers of `anonymous` for the host that was asked."""
_ACCEPT: Final = {"Accept": ", ".join(ACCEPT)}
_KEPT: Final = (
    "access-control-allow-headers",
    "content-range",
    "content-type",
    "docker-content-digest",
    "link",
    "www-authenticate",
)

Stage = dict[str, Answer]
"""By `METHOD PATH`, and for a part of a blob ` RANGE`."""


@dataclass
class Conversation:
    """The stages of one registry, and what other clients made of it."""

    stages: list[Stage] = field(default_factory=list)
    pulled: dict[str, str] = field(default_factory=dict)
    """By damage: how full pulls ended."""


@dataclass
class Recording:
    """Conversations with one version of a registry, by name."""

    path: Path
    conversations: dict[str, Conversation] = field(default_factory=dict)
    anonymous: Stage = field(default_factory=dict)
    """What is said to those who show no token, and by the token server; empty where all may read.

    By `METHOD PATH`, for tokens with ` SCOPE` where that has an answer of its own.
    """

    @classmethod
    def read(cls, path: Path) -> Recording:
        """Read a file; an empty recording where there is none."""
        found = cls(path)
        if path.exists():
            document = json.loads(gzip.decompress(path.read_bytes()))
            bodies = [base64.b64decode(each) for each in document["bodies"]]
            for name, told in document["conversations"].items():
                stages = [
                    {key: _answer(each, bodies) for key, each in stage.items()}
                    for stage in told["stages"]
                ]
                found.conversations[name] = Conversation(stages, told["pulled"])
            anonymous = document.get("anonymous", {})
            found.anonymous = {key: _answer(each, bodies) for key, each in anonymous.items()}
        return found

    def write(self) -> None:
        """Write it to its file, the same bytes for the same answers."""
        bodies: dict[bytes, int] = {}
        told: dict[str, Any] = {
            name: {
                "pulled": each.pulled,
                "stages": [
                    {key: _told(answer, bodies) for key, answer in sorted(stage.items())}
                    for stage in each.stages
                ],
            }
            for name, each in sorted(self.conversations.items())
        }
        anonymous = {key: _told(answer, bodies) for key, answer in sorted(self.anonymous.items())}
        document = {
            "conversations": told,
            **({"anonymous": anonymous} if anonymous else {}),
            "bodies": [base64.b64encode(each).decode() for each in bodies],
        }
        self.path.parent.mkdir(exist_ok=True)
        packed = json.dumps(document, separators=(",", ":")).encode()
        self.path.write_bytes(gzip.compress(packed, mtime=0))


@dataclass
class Replay:
    """A server that says what was recorded, in the stage that it is in."""

    conversation: Conversation
    anonymous: Stage
    stage: int = 0
    url: str = ""
    given: list[tuple[str, int]] = field(default_factory=list)
    """What it was asked, as `METHOD PATH`, and the status that it gave."""

    @property
    def host(self) -> str:
        """`127.0.0.1:port`, as it stands in references."""
        return urlsplit(self.url).netloc

    def answer(self, asked: Asked) -> Answer:
        """Say it again; 501 for what was never asked, so that no test takes it for an absence."""
        said = self._said(asked)
        self.given.append((f"{asked.method} {asked.target.partition('?')[0]}", said.status))
        return said

    def _said(self, asked: Asked) -> Answer:
        part = asked.headers.get("Range", "")
        path = asked.target.partition("?")[0]
        if path in self._tokens or (self.anonymous and "Authorization" not in asked.headers):
            return self._unauthenticated(asked, path)
        stage = self.conversation.stages[self.stage]
        return stage.get(f"{asked.method} {path} {part}".rstrip(), Answer(501))

    @property
    def _tokens(self) -> set[str]:
        """The paths of its token server: what else is said without a token begins with `/v2/`."""
        return {key.split(" ")[1] for key in self.anonymous} - set(PUBLIC)

    def _unauthenticated(self, asked: Asked, path: str) -> Answer:
        scope = parse_qs(urlsplit(asked.target).query).get("scope", [""])[0]
        keys = (f"{asked.method} {path} {scope}", f"{asked.method} {path}", "GET /v2/")
        said = next(self.anonymous[key] for key in keys if key in self.anonymous)
        headers = {name: value.replace(HOST, self.host) for name, value in said.headers.items()}
        return replace(said, headers=headers)


@contextmanager
def replayed(conversation: Conversation, anonymous: Stage) -> Iterator[Replay]:
    """Serve a conversation from its first stage on."""
    replay = Replay(conversation, anonymous)
    with serving(replay.answer) as replay.url:
        yield replay


def asked(
    stand: RecordedStand, contents: Mapping[str, Mapping[str, int]], names: Collection[str]
) -> Stage:
    """Ask a registry everything about repositories, and return its answers.

    `contents` are the sizes of what each may have, by digest; `names` are tags. What only reads
    is asked first: zot restores a lost blob when a part of it, or HEAD of it, is requested.
    """
    with httpx.Client(
        base_url=stand.url, headers=_ACCEPT, trust_env=False, timeout=PATIENCE
    ) as http:
        http.headers.update(stand.authorization(""))
        found = dict(one(http, "GET", path) for path in PUBLIC)
        for repository, sizes in contents.items():
            http.headers.update(stand.authorization(repository))
            home = f"/v2/{repository}"
            found |= [one(http, "GET", f"{home}/tags/list")]
            served: dict[Digest, None] = {}
            for reference in (*sizes, *names):
                for method in ("HEAD", "GET"):
                    key, told = one(http, method, f"{home}/manifests/{reference}")
                    found[key] = told
                    if told.body and told.status == httpx.codes.OK:
                        served[Digest.of(told.body)] = None
            for other in (each for each in served if each not in sizes):  # wrong bytes
                found |= [one(http, "HEAD", f"{home}/manifests/{other}")]
                found |= [one(http, "GET", f"{home}/manifests/{other}")]
                found |= [one(http, "GET", f"{home}/blobs/{other}")]
            found |= [one(http, "GET", f"{home}/referrers/{each}") for each in sizes]
            found |= [one(http, "GET", f"{home}/blobs/{each}") for each in sizes]
            for digest, size in sizes.items():
                for part in (f"{size - 1}-{size - 1}", "-1"):
                    found |= [one(http, "GET", f"{home}/blobs/{digest}", f"bytes={part}")]
            found |= [one(http, "HEAD", f"{home}/blobs/{each}") for each in sizes]
    return found


def nameless(said: Stage, host: str) -> Stage:
    """Return answers without the host that gave them."""
    return {
        key: replace(
            each, headers={name: text.replace(host, HOST) for name, text in each.headers.items()}
        )
        for key, each in said.items()
    }


def one(http: httpx.Client, method: str, path: str, part: str = "") -> tuple[str, Answer]:
    """Ask for one thing; return what it is recorded by, and the answer: `CLOSED` for none."""
    sent = {"Range": part} if part else {}
    sent["Accept-Encoding"] = "identity"
    return f"{method} {path} {part}".rstrip(), _heard(http, method, path, sent)


def _heard(http: httpx.Client, method: str, path: str, sent: Mapping[str, str]) -> Answer:
    body, found = bytearray(), None
    try:
        with http.stream(method, path, headers=sent) as found:
            for chunk in found.iter_raw():
                body += chunk
    except httpx.RemoteProtocolError:  # it promises more than it sends, or says nothing
        pass
    if found is None:
        return CLOSED
    headers = {name: found.headers[name] for name in _KEPT if name in found.headers}
    stated = found.headers.get("Content-Length", "")
    announced = int(stated) if stated and int(stated) != len(body) else None
    return Answer(found.status_code, bytes(body), headers, announced)


def _told(answer: Answer, bodies: dict[bytes, int]) -> list[object]:
    number = bodies.setdefault(answer.body, len(bodies))
    return [answer.status, dict(answer.headers), number, answer.announced]


def _answer(told: list[Any], bodies: list[bytes]) -> Answer:
    status, headers, number, announced = told
    if status == CLOSED.status:
        return CLOSED
    return Answer(status, bodies[number], headers, announced)
