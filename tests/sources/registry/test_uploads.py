"""Is lost content uploaded by digest, to its registry, and is a login shown to nobody else?"""

from __future__ import annotations

import asyncio
import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository
from exporter.ports import Unseen
from exporter.repair.spool import ShortText
from exporter.sources.registry.client import Client
from exporter.sources.registry.credentials import Login
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.uploads import Uploader
from tests.parts.http import RESET, Answer, Asked, serving
from tests.sources.registry.speaking import QUICK

if TYPE_CHECKING:
    from collections.abc import Callable

APP, OTHER = Repository("team/app"), Repository("team/other")
BODY = b"layer " * 1000
LAYER = Digest.of(BODY)
BASIC = "Basic " + base64.b64encode(b"robot:secret").decode()
UPLOADS = "/v2/team/app/blobs/uploads/"


@dataclass
class Uploads:
    """A registry that takes uploads at a place of its choice, from USER alone."""

    location: str = f"{UPLOADS}1?_state=a%2Fb"
    asked: list[Asked] = field(default_factory=list)
    puts: list[Answer] = field(default_factory=list)
    """What is answered to the first ones; then 201."""
    post: Answer | None = None
    mounts: bool = True

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        if "Authorization" not in asked.headers:
            challenge = {"WWW-Authenticate": 'Basic realm="tests"'}
            return Answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}', challenge)
        if asked.method == "POST":
            if "mount=" in asked.target and self.mounts:
                return Answer(201)
            return self.post or Answer(202, headers={"Location": self.location})
        return self.puts.pop(0) if self.puts else Answer(201)

    @property
    def uploaded(self) -> list[Asked]:
        return [each for each in self.asked if each.method == "PUT"]


class Robot:
    async def find(self, host: str, repository: str) -> Login:
        del host, repository
        return Login("robot", "secret", "")


def upload(registry: Callable[[Asked], Answer], origin: Repository | None = None) -> bool:
    async def run(url: str) -> bool:
        async with Uploader.open("r", url, logins=Robot(), limits=QUICK, environ={}) as writer:
            return await writer.upload(APP, LAYER, ShortText(1 << 20, bytearray(BODY)), origin)

    with serving(registry) as url:
        return asyncio.run(run(url))


def refused(registry: Callable[[Asked], Answer]) -> Unseen:
    with pytest.raises(Unseen) as caught:
        upload(registry)
    assert "\n" not in str(caught.value)
    return caught.value


def test_a_blob_is_put_whole_by_its_digest_and_nobody_asks_whether_it_exists() -> None:
    registry = Uploads()

    assert upload(registry) is False

    (put,) = registry.uploaded
    assert put.target == f"{UPLOADS}1?_state=a%2Fb&digest={LAYER}"
    assert (put.body, put.headers["Content-Length"]) == (BODY, str(len(BODY)))
    assert put.headers["Authorization"] == BASIC
    assert {each.method for each in registry.asked} == {"POST", "PUT"}


def test_a_mount_sends_no_bytes_and_one_that_is_not_done_is_an_upload() -> None:
    for mounts in (True, False):
        registry = Uploads(mounts=mounts)
        assert upload(registry, OTHER) is mounts
        assert len(registry.uploaded) == (not mounts)
        assert f"{UPLOADS}?mount={LAYER}&from={OTHER}" in [each.target for each in registry.asked]


def test_another_host_is_given_the_bytes_and_no_login_and_its_challenge_is_not_met() -> None:
    heard: list[Asked] = []
    answers = [Answer(201)]

    def store(asked: Asked) -> Answer:
        heard.append(asked)
        return answers[-1]

    with serving(store) as elsewhere:
        upload(Uploads(location=f"{elsewhere}/store/1"))
        challenge = {"WWW-Authenticate": f'Bearer realm="{elsewhere}/token"'}
        answers.append(Answer(401, headers=challenge))
        assert refused(Uploads(location=f"{elsewhere}/store/1")).reason is Reason.UNAUTHORIZED

    assert [each.target for each in heard] == [f"/store/1?digest={LAYER}"] * 2
    assert not any("Authorization" in each.headers for each in heard)


def test_an_upload_is_redirected_on_its_own_host_only() -> None:
    registry = Uploads(puts=[Answer(307, headers={"Location": f"{UPLOADS}2"})])
    upload(registry)
    assert [each.body for each in registry.uploaded] == [BODY, BODY]

    with serving(lambda _: Answer(201)) as elsewhere:
        away = Answer(307, headers={"Location": f"{elsewhere}/x"})
        assert refused(Uploads(puts=[away])).reason is Reason.REDIRECT
    assert (
        refused(Uploads(puts=[Answer(302, headers={"Location": "/x"})])).reason is Reason.REDIRECT
    )


@pytest.mark.parametrize("location", ["", "ftp://host/x", "http://u:p@host/x", "http://[/"])
def test_a_place_that_is_none_is_one_sentence(location: str) -> None:
    said = refused(Uploads(location=location))

    assert said.detail.startswith("202, but its Location is")


def denial(status: int, code: str) -> Answer:
    body = b'{"errors":[{"code":"%s","message":"no"}]}' % code.encode()
    return Answer(status, body, {"Content-Type": "application/json"})


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        (denial(405, "UNSUPPORTED"), "405: the registry takes no uploads"),
        (denial(403, "DENIED"), "403 DENIED"),
        (Answer(413, b"<html>too large</html>", {"Content-Type": "text/html"}), "413: larger than"),
        (denial(400, "DIGEST_INVALID"), "400 DIGEST_INVALID"),
    ],
)
@pytest.mark.parametrize("when", ["post", "put"])
def test_a_denial_is_one_sentence_and_nothing_is_tried_again(
    answer: Answer, said: str, when: str
) -> None:
    registry = Uploads(post=answer) if when == "post" else Uploads(puts=[answer])

    assert refused(registry).detail.startswith(said)
    assert len(registry.uploaded) == (when == "put")


@pytest.mark.parametrize("lost", [RESET, denial(404, "BLOB_UPLOAD_UNKNOWN"), Answer(500)])
def test_an_interrupted_upload_begins_anew(lost: Answer) -> None:
    registry = Uploads(puts=[lost])

    assert upload(registry) is False

    assert registry.uploaded[-1].body == BODY


def test_a_client_that_reads_can_upload_nothing() -> None:
    assert Distribution.way is Client
    with pytest.raises(AttributeError):
        Distribution.upload  # type: ignore[attr-defined] # noqa: B018 - that there is none
