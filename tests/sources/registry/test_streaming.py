"""Is a blob of any length hashed on its way, once for each answer, and given time by its size?"""

from __future__ import annotations

import asyncio
import json
from dataclasses import dataclass, field, replace
from typing import Final

import pytest

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.links import OCI_MANIFEST, Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Unseen, Wrong
from exporter.sources.registry.streaming import BodyDeadline, Hashing
from tests.parts.http import RESET, Answer, Asked, serving
from tests.sources.registry.speaking import QUICK, SILENCE, registry_at, speaking
from tests.worlds import image

APP: Final = Repository("app")
BODY: Final = bytes(range(250)) * 4_000
BLOB: Final = Descriptor("application/octet-stream", Digest.of(BODY), len(BODY))
DENIED: Final = Answer(404, json.dumps({"errors": [{"code": "BLOB_UNKNOWN"}]}).encode())
OTHER: Final = BODY[:-1] + b"x"


@dataclass
class Bucket:
    """Keeps what it is given; implements `exporter.ports.Sink`."""

    body: bytes = b""
    begun: int = 0

    def begin(self) -> None:
        self.begun += 1
        self.body = b""

    async def take(self, chunk: bytes) -> None:
        self.body += chunk


@dataclass
class Answers:
    """A server that gives one answer after the other, and the last one for ever."""

    answers: list[Answer]
    asked: list[Asked] = field(default_factory=list)

    def __call__(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


async def proven(
    *answers: Answer, blob: Descriptor = BLOB, sink: Bucket | None = None
) -> Absent | Wrong | None:
    with serving(Answers(list(answers))) as url:
        async with registry_at(url) as registry:
            return await registry.prove(APP, blob, sink or Bucket())


async def test_the_bytes_that_are_handed_on_are_those_that_came() -> None:
    sink = Bucket()

    assert await proven(Answer(200, BODY), sink=sink) is None

    assert (sink.body == BODY, sink.begun) == (True, 1)


async def test_what_came_of_a_body_that_broke_off_is_forgotten() -> None:
    sink = Bucket()
    hashing = Hashing("sha512", sink)
    for body in (BODY[:77], BODY):
        hashing.begin()
        await hashing.take(body[:50])
        await hashing.take(body[50:])

    assert hashing.digest == Digest.of(BODY, "sha512")
    assert sink.body == BODY
    assert await proven(RESET, Answer(200, BODY), sink=sink) is None, "it is asked for again"


async def test_an_error_body_is_no_content() -> None:
    sink = Bucket()

    assert await proven(DENIED, sink=sink) == Absent("BLOB_UNKNOWN")

    assert sink.begun == 0


@pytest.mark.parametrize(
    ("answer", "mismatch"),
    [
        (Answer(200, OTHER), True),
        (Answer(200, BODY[:-1]), False),
        (Answer(200, BODY[:-1], announced=len(BODY)), False),
        (Answer(200, BODY + b"x"), False),
    ],
    ids=["other bytes", "shorter", "cut", "longer"],
)
async def test_only_all_bytes_with_another_hash_are_a_mismatch(
    answer: Answer,
    mismatch: bool,  # noqa: FBT001 - a row of the table
) -> None:
    found = await proven(answer)

    assert isinstance(found, Wrong)
    assert found.mismatch is mismatch


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(500), Reason.SERVER_ERROR),
        (Answer(200, b"<html>", {"Content-Type": "text/html"}), Reason.NOT_A_REGISTRY),
        (Answer(200, BODY, {"Content-Encoding": "gzip"}), Reason.NOT_A_REGISTRY),
        (Answer(200, OTHER, {"Docker-Content-Digest": Digest.of(b"x")}), Reason.WRONG_DIGEST),
        (replace(DENIED, status=200), Reason.UNSUPPORTED),
        (RESET, Reason.RESET),
    ],
    ids=["500", "html", "compressed", "another digest", "denial", "reset"],
)
async def test_what_is_no_answer_proves_nothing(answer: Answer, reason: Reason) -> None:
    with pytest.raises(Unseen) as caught:
        await proven(answer)

    assert caught.value.reason is reason


async def test_a_blob_of_no_bytes_is_right_only_under_its_own_digest() -> None:
    nothing = Descriptor("application/octet-stream", Digest.of(b""), 0)

    assert await proven(Answer(200, b""), blob=nothing) is None
    assert isinstance(await proven(Answer(200, b""), blob=replace(BLOB, size=0)), Wrong)


async def test_a_manifest_is_asked_for_as_one_and_hashed() -> None:
    made = image("app")
    kind = {"Content-Type": OCI_MANIFEST}
    target = Descriptor(made.media_type, made.digest, len(made.body))
    sink = Bucket()

    assert await proven(Answer(200, made.body, kind), blob=target, sink=sink) is None
    assert sink.body == made.body
    answer = await proven(Answer(200, image("other").body, kind), blob=target)
    assert isinstance(answer, Wrong)
    assert answer.mismatch


async def test_a_second_read_comes_over_another_connection_past_caches() -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    async with speaking(head + BODY, keep=True) as server, registry_at(server.url) as registry:
        await registry.prove(APP, BLOB, Bucket())
        await registry.prove(APP, BLOB, Bucket())
        assert server.connections == 1

        await registry.prove(APP, BLOB, Bucket(), again=True)

        assert server.connections == 2
        heads = [each.lower() for each in server.heard]
        assert [b"cache-control: no-cache" in each for each in heads] == [False, False, True]


async def test_a_stream_that_stands_still_ends() -> None:
    head = f"HTTP/1.1 200 OK\r\nContent-Length: {len(BODY)}\r\n\r\n".encode()
    impatient = replace(QUICK, deadline=0.2)
    async with (
        speaking(head + BODY[:10], SILENCE) as server,
        registry_at(server.url, impatient) as registry,
    ):
        with pytest.raises(Unseen) as caught:
            await registry.prove(APP, BLOB, Bucket())

    assert caught.value.reason is Reason.TIMEOUT


def spoken(length: int, body: bytes) -> tuple[bytes | object, ...]:
    """Say so much of a body, and nothing more."""
    return f"HTTP/1.1 200 OK\r\nContent-Length: {length}\r\n\r\n".encode() + body, SILENCE


async def test_a_suspected_blob_is_read_no_further_than_a_byte_past_its_size() -> None:
    endless = spoken(2**50, BODY + b"x")
    async with speaking(*endless) as server, registry_at(server.url) as registry:
        assert await registry.read(APP, BLOB) == Wrong(f"more than {BLOB.size} bytes")


@pytest.mark.parametrize("came", [0, 10, len(BODY) - 1])
async def test_a_suspected_blob_that_comes_too_slowly_is_unknown(came: int) -> None:
    impatient = replace(QUICK, deadline=0.2)
    stated = spoken(len(BODY) + 9, BODY[:came])
    async with speaking(*stated) as server, registry_at(server.url, impatient) as registry:
        with pytest.raises(Unseen) as caught:
            await registry.read(APP, BLOB)

    assert caught.value.reason is Reason.TIMEOUT


async def test_of_a_blob_that_is_hashed_nearly_nothing_is_kept() -> None:
    hashing = Hashing("sha256")
    for _ in range(100):
        await hashing.take(BODY)

    assert hashing.digest == Digest.of(BODY * 100)
    assert hashing.last == BODY[-1:]
    assert hashing.beginning == BODY[: 64 * 2**10]


@dataclass
class Slow(Bucket):
    """Takes its time."""

    spent: float = 0.0

    async def take(self, chunk: bytes) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await super().take(chunk)
        while self.spent == 0.0:
            await asyncio.sleep(0)
            self.spent = loop.time() - began


async def test_the_takers_own_time_costs_a_body_none() -> None:
    sink = Slow()
    async with asyncio.timeout(1_000) as timeout:
        body = BodyDeadline(timeout, idle=500)
        body.begin()
        before = timeout.when()
        assert before is not None

        await body.taken(sink, b"x")

        after = timeout.when()
        assert after is not None
        assert sink.spent <= after - before < 500


@dataclass
class Clock:
    """A loop's clock that stands still, and a deadline that is only noted."""

    now: float = 0.0
    until: float | None = None

    def reschedule(self, until: float | None) -> None:
        self.until = until


@pytest.mark.parametrize(
    ("chunk", "every", "ends"),
    [(5_000_000, 1.0, False), (20_000, 1.0, False), (1, 1.0, True), (1, 29.0, True)],
    ids=["a slow link", "just fast enough", "a trickle", "now and then a byte"],
)
async def test_a_body_has_as_long_as_it_flows_and_a_trickle_ends(
    chunk: int,
    every: float,
    ends: bool,  # noqa: FBT001 - a row of the table
) -> None:
    clock = Clock()
    body = BodyDeadline(clock, 30.0, lambda: clock.now)  # type: ignore[arg-type] - as much as it uses
    body.begin()
    for _ in range(1_000):
        clock.now += every
        if clock.until is not None and clock.now >= clock.until:
            break
        body.came(chunk)

    assert (clock.now < 62) is ends
    assert clock.until is not None
    assert clock.until <= clock.now + 30, "nothing is saved up against standing still"
