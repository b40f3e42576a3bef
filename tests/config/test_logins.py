"""Does the configuration refuse what no registry can be shown, or reached by?"""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from exporter.config.registry import RegistrySettings
from exporter.config.secrets import NoSecret, credentials


@pytest.mark.parametrize("username", ["a\nb", "a\r\nHost: b", "a\0", "\ud800", "\x1b[31m"])
def test_a_user_name_that_nothing_can_carry_is_refused_by_its_key(username: str) -> None:
    with pytest.raises(ValidationError) as raised:
        RegistrySettings(url="https://a", username=username, password_env="P")

    assert "username" in str(raised.value.errors())


@pytest.mark.parametrize("port", ["0", "65536", "99999", "99999999999", "9" * 5000])
@pytest.mark.parametrize("key", ["url", "aliases"])
def test_a_port_that_nobody_has_is_refused(key: str, port: str) -> None:
    values = {"url": "https://a"} | (
        {"url": f"https://a:{port}"} if key == "url" else {"aliases": (f"a:{port}",)}
    )

    with pytest.raises(ValidationError, match="a port is a number from 1 to 65535"):
        RegistrySettings(**values)  # type: ignore[arg-type]


@given(st.text(st.characters(exclude_categories=()), max_size=20))
def test_any_variable_is_a_secret_that_can_be_shown_or_refused_without_being_repeated(
    text: str,
) -> None:
    registry = RegistrySettings(url="https://a", identity_token_env="TOKEN")
    try:
        found = credentials(registry, {"TOKEN": text}).identity_token
    except NoSecret as refused:
        told = str(refused)
    else:
        assert found == text
        told = text
    told.encode()
    assert all(character.isprintable() for character in told)


def test_a_variable_of_absurd_length_is_no_secret() -> None:
    registry = RegistrySettings(url="https://a", identity_token_env="TOKEN")

    with pytest.raises(NoSecret, match="more than 65536 characters"):
        credentials(registry, {"TOKEN": "x" * 70_000})
