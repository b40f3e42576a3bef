from __future__ import annotations

import json
import math
from contextlib import suppress
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.credentials import Login
from exporter.sources.registry.messages import Response
from exporter.sources.registry.tokens import AccessToken, Challenge, fetch

if TYPE_CHECKING:
    from exporter.sources.registry.messages import Request

CHALLENGE: Final = Challenge("bearer", "https://auth/token?kind=x", "tests", "a:b:pull c:d:pull")


async def fetched(body: bytes) -> AccessToken:
    async def ask(_: Request, __: str) -> Response:
        return Response(200, {}, body)

    return await fetch(ask, CHALLENGE, None, secure=True)


@pytest.mark.parametrize("name", ["token", "access_token"])
async def test_either_name_of_the_token_is_read(name: str) -> None:
    assert (await fetched(json.dumps({name: "abc"}).encode())).text == "abc"


@pytest.mark.parametrize(
    ("stated", "used"),
    [
        *((300, 270), (60, 54), (5, 54), (0, 54), (-1, 54), (None, 54), ("300", 54), (1e300, 54)),
        *((-int("9" * 4000), 54), (int("9" * 4000), 54), (-1e300, 54), (True, 54), (300.5, 270.45)),
        *((math.inf, 54), (-math.inf, 54), (math.nan, 54), ([300], 54), ({}, 54)),
        (1_000_000, 86_400 * 0.9),
    ],
)
async def test_a_token_is_used_for_nine_tenths_of_its_life(stated: object, used: float) -> None:
    token = await fetched(json.dumps({"token": "abc", "expires_in": stated}).encode())

    assert token.lasts == pytest.approx(used)


@given(st.binary(max_size=40) | st.from_regex(rb'\\{"token":"[a-z]+","expires_in":[-+0-9.eE]+\\}'))
@settings(deadline=None)
async def test_any_answer_gives_a_token_of_a_sane_life_or_none(body: bytes) -> None:
    with suppress(Unseen):
        token = await fetched(body)
        assert 54 <= token.lasts <= 86_400
        token.text.encode("ascii")


@given(st.text(st.characters(exclude_categories=()), max_size=40), st.text(max_size=20))
@settings(deadline=None)
async def test_any_realm_is_an_address_that_can_be_asked_or_refused(text: str, rest: str) -> None:
    asked: list[Request] = []

    async def ask(question: Request, _: str) -> Response:
        asked.append(question)
        return Response(404, {})

    for realm in (text, f"https://{text}", f"https://auth/{text}"):
        challenge = Challenge("bearer", realm, rest, text)
        with suppress(Unseen):
            await fetch(ask, challenge, Login("robot", "sesame"), secure=True)
    for question in asked:
        assert Address.parse(question.url).secure
        question.url.encode("ascii")
        question.form.encode("ascii")


@pytest.mark.parametrize("realm", ["https://a:99999/", "https://[", "https://x[]/", "https://a b/"])
async def test_a_realm_that_nobody_can_reach_is_refused(realm: str) -> None:
    async def ask(_: Request, __: str) -> Response:
        raise AssertionError("asked")

    with pytest.raises(Unseen, match="the realm is no address"):
        await fetch(ask, Challenge("bearer", realm), None, secure=True)


async def test_a_realms_fragment_does_not_swallow_what_is_asked_for() -> None:
    asked: list[Request] = []

    async def ask(question: Request, _: str) -> Response:
        asked.append(question)
        return Response(200, {}, b'{"token":"abc"}')

    await fetch(ask, Challenge("bearer", "https://auth/t#x", "tests"), None, secure=True)

    assert asked[0].url == "https://auth/t?service=tests"


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
        b'{"token":"abc","expires_in":' + b"9" * 5000 + b"}",
        b'{"token":"abc","x":' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"token":"abc\xff"}',
        b'{"token":"abc"}\xff',
        b'{"token":"\\ud800"}',
        b'{"token":"' + b"a" * 70_000 + b'"}',
    ],
)
async def test_an_answer_without_a_usable_token_is_no_token(body: bytes) -> None:
    with pytest.raises(Unseen) as raised:
        await fetched(body)

    assert raised.value.reason is Reason.CREDENTIALS


async def test_each_scope_is_asked_for_behind_the_realms_own_query() -> None:
    asked: list[Request] = []

    async def ask(question: Request, _: str) -> Response:
        asked.append(question)
        return Response(200, {}, b'{"token":"abc"}')

    await fetch(ask, CHALLENGE, None, secure=True)

    assert asked[0].url == (
        "https://auth/token?kind=x&service=tests&scope=a%3Ab%3Apull&scope=c%3Ad%3Apull"
    )


async def test_a_token_of_more_than_32_kib_is_none() -> None:
    fits = "x" * 32_768
    assert (await fetched(json.dumps({"token": fits}).encode())).text == fits

    with pytest.raises(Unseen, match="holds no token"):
        await fetched(json.dumps({"token": fits + "x"}).encode())
