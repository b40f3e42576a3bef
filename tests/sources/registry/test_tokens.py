from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.sources import Unseen
from exporter.sources.registry.challenge import Challenge
from exporter.sources.registry.question import Answer
from exporter.sources.registry.tokens import Token, fetch

if TYPE_CHECKING:
    from exporter.sources.registry.question import Question

CHALLENGE: Final = Challenge("bearer", "https://auth/token?kind=x", "tests", "a:b:pull c:d:pull")


async def fetched(body: bytes) -> Token:
    async def ask(_: Question, __: str) -> Answer:
        return Answer(200, {}, body)

    return await fetch(ask, CHALLENGE, None, secure=True)


@pytest.mark.parametrize("name", ["token", "access_token"])
async def test_either_name_of_the_token_is_read(name: str) -> None:
    assert (await fetched(json.dumps({name: "abc"}).encode())).text == "abc"


@pytest.mark.parametrize(
    ("stated", "used"),
    [(300, 270), (60, 54), (5, 54), (0, 54), (-1, 54), (None, 54), ("300", 54), (1e300, 54)],
)
async def test_a_token_is_used_for_nine_tenths_of_its_life(stated: object, used: float) -> None:
    token = await fetched(json.dumps({"token": "abc", "expires_in": stated}).encode())

    assert token.lasts == pytest.approx(used)


async def test_a_token_stays_out_of_its_repr() -> None:
    assert "abc" not in repr(await fetched(b'{"token":"abc"}'))


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"<html>",
        b"[]",
        b"{}",
        b"null",
        b'{"token":7}',
        b'{"token":""}',
        b'{"token":"a b"}',
        b'{"token":"a\\r\\nHost: other"}',
        b'{"token":"\\u00e9"}',
        b"[" * 100_000,
    ],
)
async def test_an_answer_without_a_usable_token_is_no_token(body: bytes) -> None:
    with pytest.raises(Unseen) as raised:
        await fetched(body)

    assert raised.value.reason is Reason.CREDENTIALS


async def test_each_scope_is_asked_for_behind_the_realms_own_query() -> None:
    asked: list[Question] = []

    async def ask(question: Question, _: str) -> Answer:
        asked.append(question)
        return Answer(200, {}, b'{"token":"abc"}')

    await fetch(ask, CHALLENGE, None, secure=True)

    assert asked[0].url == (
        "https://auth/token?kind=x&service=tests&scope=a%3Ab%3Apull&scope=c%3Ad%3Apull"
    )
