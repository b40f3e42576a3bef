"""An honest store of images before a server, and headers that lie about what it answers."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

from exporter.oci.digest import Digest
from tests.parts.http import Answer, Asked

if TYPE_CHECKING:
    from tests.worlds import Made

APP: Final = "/v2/app"
NOTHING: Final = Digest("sha256:" + "0" * 64)
LIES: Final = ("length", "range", "digest", "status")
Layer = Callable[[Asked, Answer], Answer]


def denial(code: str) -> Answer:
    body = json.dumps({"errors": [{"code": code, "message": "unknown"}]}).encode()
    return Answer(404, body, {"Content-Type": "application/json"})


def listed(**document: object) -> Answer:
    return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})


@dataclass
class Store:
    """One repository, `app`, as a registry serves it; call it with what is asked."""

    tags: dict[str, Digest] = field(default_factory=dict)
    manifests: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    """By digest: type and body."""
    blobs: dict[str, bytes] = field(default_factory=dict)
    ranges: bool = True
    """Does it serve parts? Else it answers with the whole."""
    layer: Layer = lambda _, answer: answer
    """What comes between, and changes what is said of content."""

    def push(self, made: Made, tag: str) -> None:
        self.tags[tag] = made.digest
        for each in made.walk():
            self.manifests[each.digest] = (each.media_type, each.body)
            self.blobs |= {blob.digest: blob.body for blob in each.blobs}

    def __call__(self, asked: Asked) -> Answer:
        kind, _, name = asked.target.removeprefix(f"{APP}/").partition("/")
        if kind == "manifests":
            return self.layer(asked, self._manifest(name))
        if kind == "blobs":
            return self.layer(asked, self._blob(name, asked.headers.get("Range", "")))
        if asked.target.startswith("/v2/_catalog"):
            return listed(repositories=["app"])
        if asked.target.startswith(f"{APP}/tags/list"):
            return listed(name="app", tags=sorted(self.tags))
        return listed()

    def _manifest(self, name: str) -> Answer:
        digest = self.tags.get(name, name)
        if digest not in self.manifests:
            return denial("MANIFEST_UNKNOWN")
        kind, body = self.manifests[digest]
        return Answer(200, body, {"Content-Type": kind, "Docker-Content-Digest": digest})

    def _blob(self, digest: str, span: str) -> Answer:
        body = self.blobs.get(digest)
        if body is None:
            return denial("BLOB_UNKNOWN")
        named = {"Docker-Content-Digest": digest, "Content-Type": "application/octet-stream"}
        part = re.fullmatch(r"bytes=(\d+)-\d+", span)
        if part is None or not self.ranges:
            return Answer(200, body, named)
        first, size = int(part[1]), len(body)
        if first >= size:
            return Answer(416, b"", {"Content-Range": f"bytes */{size}"})
        return Answer(
            206,
            body[first : first + 1],
            named | {"Content-Range": f"bytes {first}-{first}/{size}"},
        )


@dataclass
class Liar:
    """A layer that leaves bytes as they are and lies about them in every header."""

    kinds: Iterable[str]
    seed: int
    names: tuple[Digest, ...]
    """What `Docker-Content-Digest` may claim."""
    same: bool = True
    """Is the same question lied to in the same way each time?"""
    share: float = 0.7
    """How many headers lie."""
    asked: Counter[str] = field(default_factory=Counter)

    def __call__(self, asked: Asked, answer: Answer) -> Answer:
        question = f"{asked.method} {asked.target} {asked.headers.get('Range')}"
        self.asked[question] += 1
        turn = "" if self.same else self.asked[question]
        chance = random.Random(f"{self.seed} {question} {turn}")  # noqa: S311 - it decides of lies
        for kind in sorted(self.kinds):
            if chance.random() < self.share:
                answer = getattr(self, f"_{kind}")(answer, asked, chance)
        return answer

    def _length(self, answer: Answer, _: Asked, chance: random.Random) -> Answer:
        size = len(answer.body)
        stated = chance.choice((0, 1, size // 2, max(size - 1, 0), size + 1, size + 5000))
        return replace(answer, announced=stated)

    def _range(self, answer: Answer, asked: Asked, chance: random.Random) -> Answer:
        last = int((re.findall(r"\d+", asked.headers.get("Range", "")) or ["0"])[-1])
        said = (
            f"bytes {last}-{last}/{last + 1}",
            f"bytes {last}-{last}/{last}",
            f"bytes {last}-{last}/{last + 9}",
            f"bytes {last}-{last}/*",
            "bytes 9-9/10",
            "bytes */7",
            "",
        )
        return replace(answer, headers={**answer.headers, "Content-Range": chance.choice(said)})

    def _digest(self, answer: Answer, _: Asked, chance: random.Random) -> Answer:
        claimed = {"Docker-Content-Digest": chance.choice(self.names)}
        return replace(answer, headers={**answer.headers, **claimed})

    def _status(self, answer: Answer, _: Asked, chance: random.Random) -> Answer:
        if answer.status not in (200, 206, 416):
            return answer
        return replace(answer, status=chance.choice((200, 206, 416)))
