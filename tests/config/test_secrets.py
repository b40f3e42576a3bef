"""Are secrets read only from where the settings say, whole, and never shown?"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.config.registry import RegistrySettings
from exporter.config.secrets import Credentials, NoSecret, credentials

if TYPE_CHECKING:
    from collections.abc import Callable

    Keep = Callable[[bytes], Path]


@pytest.fixture
def keep(tmp_path: Path) -> Keep:
    def write(body: bytes) -> Path:
        path = tmp_path / "secret"
        path.write_bytes(body)
        return path

    return write


def test_a_registry_without_secrets_is_asked_as_nobody() -> None:
    assert credentials(RegistrySettings(url="https://a"), {}) == Credentials()


def test_secrets_come_from_files_and_variables(keep: Keep) -> None:
    path = keep(b" hunter 2 \r\n")
    named = RegistrySettings(url="https://a", username_env="NAME", password_file=path)
    token = RegistrySettings(url="https://a", identity_token_env="TOKEN")

    assert credentials(named, {"NAME": "reader"}) == Credentials("reader", " hunter 2 ")
    assert credentials(token, {"TOKEN": "t"}) == Credentials(identity_token="t")


def test_a_rotated_secret_is_seen_at_the_next_look(keep: Keep) -> None:
    path = keep(b"old")
    registry = RegistrySettings(url="https://a", username="u", password_file=path)
    before = credentials(registry, {})
    keep(b"new")

    assert (before.password, credentials(registry, {}).password) == ("old", "new")


@pytest.mark.parametrize(
    ("body", "told"),
    [
        (b"", "password_file: its value is empty or not set"),
        (b"\n", "password_file: its value is empty or not set"),
        (b"one\ntwo", "password_file: its value has more than one line"),
        (b"hunter2\xff", "is not UTF-8 text"),
        (b"x" * 70_000, "is no secret: more than 65536 bytes"),
    ],
)
def test_what_is_no_secret_is_refused_without_being_repeated(
    keep: Keep, body: bytes, told: str
) -> None:
    registry = RegistrySettings(url="https://a", username="u", password_file=keep(body))

    with pytest.raises(NoSecret) as caught:
        credentials(registry, {})

    assert told in str(caught.value)
    assert "hunter2" not in str(caught.value)


def test_a_secret_that_is_not_there_is_told_by_its_key() -> None:
    lost = RegistrySettings(
        url="https://a", username_file=Path("/no/such"), password_env="PASSWORD"
    )
    unset = RegistrySettings(url="https://a", username="u", password_env="PASSWORD")

    with pytest.raises(NoSecret, match="username_file: /no/such cannot be read: No such file"):
        credentials(lost, {})
    with pytest.raises(NoSecret, match="password_env: its value is empty or not set"):
        credentials(unset, {"OTHER": "x"})


def test_no_secret_shows_when_credentials_are_printed() -> None:
    assert repr(Credentials("u", "hunter2", "hunter3")) == "Credentials(username='u')"
