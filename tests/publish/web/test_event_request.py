"""POST /-/events/NAME: who may send events, and what is answered."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import httpx
import pytest

from exporter.facts.focus import ImageEvent
from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.publish.web import event_request
from exporter.publish.web.event_request import EventReceiver
from exporter.serve.logs import is_our_fault
from exporter.tally import EventTally
from tests.parts.process import PATIENCE
from tests.publish.web.serving import HASHED, Board, serving
from tests.publish.web.test_app import client
from tests.sources.events import senders

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable
    from pathlib import Path

TOKEN = "a token of the tests"
BEARER = {"Authorization": f"Bearer {TOKEN}"}
PATH = "/-/events/127.0.0.1:5000"
(_, _, _, PUSH, *_) = senders.recorded("distribution-3.1.1")
(_, _, _, SAID, *_) = senders.SAID["distribution-3.1.1"]
GITEA = senders.recorded("gitea-1.26.0")[1]


@dataclass
class Receiver:
    """Notes what is taken; its token can be changed."""

    token: str | None = TOKEN
    taken: list[ImageEvent | None] = field(default_factory=list)
    tally: EventTally = field(default_factory=EventTally)

    def find(self, name: str) -> EventReceiver | None:
        known = name == "127.0.0.1:5000"
        return EventReceiver(self.read, self.take, self.tally) if known else None

    def read(self) -> str:
        if self.token is None:
            raise Unseen("events", Reason.CREDENTIALS, "/secret/token cannot be read")
        return self.token

    def take(self, events: Iterable[ImageEvent | None]) -> None:
        self.taken += events


def signed(body: bytes, token: str = TOKEN) -> dict[str, str]:
    code = hmac.new(token.encode(), body, hashlib.sha256).hexdigest()
    return {"X-Hub-Signature-256": f"sha256={code}"}


async def test_events_are_accepted_with_the_token_or_a_signature_of_it() -> None:
    receiver = Receiver()
    async with serving(board=Board(receiver=receiver.find)) as served, client(served.url) as http:
        shown = await http.post(PATH, content=PUSH.body, headers={**PUSH.headers, **BEARER})
        by_gitea = {**GITEA.headers, **signed(GITEA.body)}
        sealed = await http.post(PATH, content=GITEA.body, headers=by_gitea)

    assert [each.status_code for each in (shown, sealed)] == [202, 202]
    assert receiver.taken == [SAID, senders.SAID["gitea-1.26.0"][1]]


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Authorization": "Bearer another"},
        {"Authorization": f"Basic {TOKEN}"},
        {"Authorization": f"Bearer {TOKEN}x"},
        {"Authorization": "Bearer"},
        {"Authorization": "Bearer ü"},
        {"X-Hub-Signature-256": "sha256="},
        {"X-Hub-Signature-256": "sha1=5c1ae0"},
        {**signed(PUSH.body, "another")},
        {**signed(PUSH.body + b" ")},
        {"Authorization": "Bearer another", **signed(PUSH.body)},
    ],
)
async def test_whoever_does_not_know_the_token_is_refused(headers: dict[str, str]) -> None:
    receiver = Receiver()
    encoded = [(name, value.encode("latin-1")) for name, value in headers.items()]
    async with serving(board=Board(receiver=receiver.find)) as served, client(served.url) as http:
        sent = [*((name, value.encode()) for name, value in PUSH.headers.items()), *encoded]
        answer = await http.post(PATH, content=PUSH.body, headers=sent)

    assert answer.status_code == 401
    assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    assert TOKEN not in answer.text
    assert answer.text.count("\n") == 1
    assert receiver.taken == []
    assert receiver.tally.received == {"refused": 1}


@pytest.mark.parametrize(
    ("path", "body", "headers", "code", "words"),
    [
        ("/-/events/typo", PUSH.body, {}, 404, "no events are taken for typo"),
        (PATH, b"[]", {}, 400, "not the JSON that its sender documents"),
        (PATH, PUSH.body, {"Content-Type": "text/plain"}, 400, "not an event of a known sender"),
        (PATH, PUSH.body, {"Content-Encoding": "br"}, 400, "Content-Encoding"),
        (PATH, b" " * (256 * 1024 + 1), {}, 413, "more than 256 KiB"),
    ],
)
async def test_what_cannot_be_taken_is_refused_in_one_line(
    path: str, body: bytes, headers: dict[str, str], code: int, words: str
) -> None:
    receiver = Receiver()
    sent = {**PUSH.headers, **BEARER, **headers}
    async with serving(board=Board(receiver=receiver.find)) as served, client(served.url) as http:
        answer = await http.post(path, content=body, headers=sent)

    assert answer.status_code == code
    assert words in answer.text
    assert answer.text.count("\n") == 1
    assert receiver.taken == []


async def test_a_body_without_a_stated_length_is_bounded_too() -> None:
    async def endless() -> AsyncIterator[bytes]:
        for _ in range(100):
            yield b" " * 8192

    receiver = Receiver()
    async with serving(board=Board(receiver=receiver.find)) as served, client(served.url) as http:
        sent = {**PUSH.headers, **BEARER}
        answer = await http.post(PATH, content=endless(), headers=sent)

    assert answer.status_code == 413


async def test_a_body_that_ends_early_or_is_no_body_is_no_fault_of_ours(
    caplog: pytest.LogCaptureFixture,
) -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {TOKEN}\r\n"
    receiver = Receiver()
    async with serving(board=Board(receiver=receiver.find)) as served:
        for rest in ("Transfer-Encoding: chunked\r\n\r\nZZ\r\n", "Content-Length: 9\r\n\r\nabc"):
            reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
            writer.write((head + rest).encode())
            writer.write_eof()
            said = await reader.read()
            writer.close()
            assert b" 500 " not in said

    assert receiver.taken == []
    assert not [each for each in caplog.records if each.exc_info and is_our_fault(each)]


async def test_a_token_that_was_rotated_holds_at_once_and_an_unreadable_one_lets_nobody_in() -> (
    None
):
    receiver = Receiver()
    async with serving(board=Board(receiver=receiver.find)) as served, client(served.url) as http:

        async def sent() -> httpx.Response:
            headers = {**PUSH.headers, **BEARER}
            return await http.post(PATH, content=PUSH.body, headers=headers)

        receiver.token = "rotated"
        before = await sent()
        receiver.token = None
        unreadable = await sent()
        receiver.token = TOKEN
        after = await sent()

    assert [each.status_code for each in (before, unreadable, after)] == [401, 503, 202]
    assert "/secret" not in unreadable.text


async def test_a_sender_needs_no_password_of_the_web_server(tmp_path: Path) -> None:
    receiver = Receiver()
    config = tmp_path / "web.yml"
    config.write_text(f"basic_auth_users: {{ops: '{HASHED}'}}\n")
    board = Board(receiver=receiver.find)
    async with serving(config, board) as served, client(served.url) as http:
        let_in = await http.post(PATH, content=PUSH.body, headers={**PUSH.headers, **BEARER})
        page = await http.get("/")
        foreign = {**PUSH.headers, **BEARER, "Origin": "http://evil.example"}
        by_a_page = await http.post(PATH, content=PUSH.body, headers=foreign)

    assert [each.status_code for each in (let_in, page, by_a_page)] == [202, 401, 403]


async def test_bodies_of_strangers_that_are_held_at_once_are_few() -> None:
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=0\r\n"
    receiver = Receiver()
    async with serving(board=Board(receiver=receiver.find)) as served, client(served.url) as http:
        slow = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(40)]
        for _, writer in slow:
            writer.write(f"{head}Content-Length: 200000\r\n\r\n".encode())
            await writer.drain()
        said = [await asyncio.wait_for(each.read(12), PATIENCE) for each, _ in slow[32:]]
        trusted = await http.post(PATH, content=PUSH.body, headers={**PUSH.headers, **BEARER})
        for _, writer in slow:
            writer.close()

    assert {each.partition(b" ")[2] for each in said} == {b"503"}
    assert trusted.status_code == 202


async def test_a_signed_message_that_does_not_come_gives_its_place_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(event_request, "_PATIENCE", 0.0, raising=False)
    head = f"POST {PATH} HTTP/1.1\r\nHost: x\r\nX-Hub-Signature-256: sha256=0\r\n"
    receiver = Receiver()
    async with serving(board=Board(receiver=receiver.find)) as served:
        slow = [await asyncio.open_connection("127.0.0.1", served.port) for _ in range(40)]
        said = set()
        for reader, writer in slow:
            writer.write(f"{head}Content-Length: 200000\r\n\r\n".encode())
            said.add(await asyncio.wait_for(reader.read(12), PATIENCE))
        for _, writer in slow:
            writer.close()

    assert said == {b"HTTP/1.1 408"}


async def test_wrong_tokens_at_once_read_the_file_twice_at_most() -> None:
    reads: list[None] = []

    def read() -> str:
        reads.append(None)
        return TOKEN

    receiver = EventReceiver(read, lambda _: None, EventTally())

    said = await asyncio.gather(*(receiver.knows(lambda _: False) for _ in range(40)))

    assert not any(said)
    assert len(reads) <= 2
