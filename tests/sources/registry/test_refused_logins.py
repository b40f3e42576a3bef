"""A wrong login and one without the right to something are told apart, and only one is locked."""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts.counting import Counting, checked
from tests.parts.http import Answer, Asked

if TYPE_CHECKING:
    from pathlib import Path

JSON: Final = {"Content-Type": "application/json"}
REFUSED: Final = b'{"errors":[{"code":"UNAUTHORIZED"}]}'
RIGHT: Final = f"Basic {base64.b64encode(b'robot:right').decode()}"


@dataclass
class Refusing(Counting):
    """A registry that shows what was named to nobody, and the rest to the robot."""

    kind: str = "unknown"
    denied: frozenset[str] = frozenset()
    """What paths begin with that the robot may not see."""
    tokens: bool = True
    """Bearer; else Basic."""
    lenient: bool = False
    """Does its token server give everybody a token, as Harbor's, unless no scope is asked for?"""
    basic_catalogue: bool = False
    """Does its catalogue take Basic alone, as Harbor's?"""
    guesses: list[str] = field(default_factory=list)
    """The logins that were shown, to whomever."""

    def answer(self, asked: Asked) -> Answer:
        path, shown = asked.target.partition("?")[0], asked.headers.get("Authorization", "")
        if shown.startswith("Basic") and shown != RIGHT:
            self.guesses.append(shown)
        if path == "/token":
            known = shown == RIGHT or (self.lenient and "scope=" in asked.target)
            who = b"robot" if shown == RIGHT else b"nobody"
            return Answer(200, b'{"token":"%s"}' % who) if known else Answer(401, REFUSED)
        basic = not self.tokens or (self.basic_catalogue and path == "/v2/_catalog")
        wanted = RIGHT if basic else "Bearer robot"
        if shown != wanted or path.startswith(tuple(self.denied)):
            service = "harbor-registry" if self.lenient else "s"
            bearer = f'Bearer realm="{self.url}/token",service="{service}"'
            challenge = 'Basic realm="r"' if basic else bearer
            return Answer(401, REFUSED, {**JSON, "Www-Authenticate": challenge})
        return self._said(asked, path)


WORLDS: Final = {
    "tokens": {},
    "basic": {"tokens": False},
    "tokens for wrong logins too": {"lenient": True},
    "as Harbor": {"lenient": True, "basic_catalogue": True},
}


NAMED: Final = {"listed": ["team/app", "team/other"]}


@pytest.mark.parametrize("denied", ["/v2/_catalog", "/v2/team/other"])
@pytest.mark.parametrize("world", WORLDS)
def test_a_login_that_may_not_see_one_thing_is_shown_for_the_rest(
    world: str, denied: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Refusing(denied=frozenset({denied}), **WORLDS[world])
    assert checked(registry, tmp_path, "right", repositories=NAMED) == 3
    said = "".join(capsys.readouterr())
    assert "team/app:v1" in said
    assert "present" in said
    assert "the login is right, and does not grant this" in said


@pytest.mark.parametrize("world", WORLDS)
def test_a_wrong_login_is_said_to_be_wrong_and_is_shown_a_few_times_only(
    world: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    registry = Refusing(**WORLDS[world])
    assert checked(registry, tmp_path, "wrong", repositories=NAMED) == 3
    said = "".join(capsys.readouterr())
    assert "not accept the login" in said
    assert "; docker login" in said
    assert len(registry.guesses) <= 4
