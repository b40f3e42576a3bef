from __future__ import annotations

import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.registry.tokens import Challenge, best_challenge, parse_challenges

WORDS = st.text(string.ascii_letters + string.digits + "-._~", min_size=1, max_size=8)
VALUES = st.text(st.characters(codec="latin-1", exclude_characters="\r\n\0"), max_size=20)


def quoted(value: str) -> str:
    escaped = value.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def written(challenge: Challenge) -> str:
    parameters = {
        "realm": challenge.realm,
        "service": challenge.service,
        "scope": challenge.scope,
    }
    listed = ", ".join(f"{name}={quoted(value)}" for name, value in parameters.items())
    return f"{challenge.scheme} {listed}"


CHALLENGES = st.builds(Challenge, st.sampled_from(["bearer", "basic"]), VALUES, VALUES, VALUES)


@given(st.lists(CHALLENGES, max_size=4))
def test_what_is_written_is_read_however_many_share_a_header(challenges: list[Challenge]) -> None:
    assert list(parse_challenges(", ".join(map(written, challenges)))) == challenges


@given(st.text(max_size=200))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for challenge in parse_challenges(text):
        assert challenge.scheme in ("bearer", "basic")


@given(WORDS, st.lists(CHALLENGES, min_size=1, max_size=2))
def test_unknown_ways_are_left_out(word: str, challenges: list[Challenge]) -> None:
    header = f'X{word} realm="elsewhere", ' + ", ".join(map(written, challenges))

    assert list(parse_challenges(header)) == challenges


@pytest.mark.parametrize(
    ("header", "expected"),
    [
        (
            'Bearer realm="https://auth.docker.io/token",service="hub",scope="repository:a/b:pull"',
            Challenge(
                "bearer",
                "https://auth.docker.io/token",
                "hub",
                "repository:a/b:pull",
            ),
        ),
        ('BASIC Realm="registry, inner"', Challenge("basic", "registry, inner")),
        ("Bearer realm=https://a/t,service=s", Challenge("bearer", "https://a/t", "s")),
        ('Negotiate, Basic realm="r"', Challenge("basic", "r")),
        ('Negotiate YWJj==, Basic realm="r"', Challenge("basic", "r")),
        ('Bearer realm = "https://a" , error="invalid_token"', Challenge("bearer", "https://a")),
        ("Bearer", Challenge("bearer", "")),
    ],
)
def test_headers_of_real_registries_are_read(header: str, expected: Challenge) -> None:
    assert parse_challenges(header) == (expected,)


def test_a_token_is_preferred_to_a_password() -> None:
    header = 'Basic realm="gitea", Bearer realm="https://gitea/v2/token", service="s"'

    assert best_challenge(header) == Challenge("bearer", "https://gitea/v2/token", "s")
    assert best_challenge('Basic realm="x"') == Challenge("basic", "x")
    assert best_challenge("Negotiate") is None


@pytest.mark.parametrize("part", ["realm", "service", "scope"])
def test_a_challenge_with_a_part_of_more_than_4_kib_is_left_out(part: str) -> None:
    fits, long = (f'Bearer a=b, {part}="{"x" * size}"' for size in (4096, 4097))

    assert len(parse_challenges(fits)) == 1
    assert best_challenge(long) is None
    assert best_challenge(f'{long}, Basic realm="r"') == Challenge("basic", "r")
