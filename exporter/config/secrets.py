"""Credentials of a registry, read from files and environment variables."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from exporter.config.registry import EventsSettings, RegistrySettings
from exporter.config.repositories import RepositoriesSettings
from exporter.config.values import Section, unexpanded
from exporter.documents import read_regular

_LARGEST: Final = 65_536


class NoSecret(ValueError):
    """A secret that could not be read; the message never repeats one."""

    def __init__(self, key: str, text: str) -> None:
        """Name the key of the registry."""
        super().__init__(f"{key}: {text}")
        self.key = key
        self.text = text


@dataclass(frozen=True, slots=True)
class Credentials:
    """Credentials for a registry, each part optional; their repr shows none."""

    username: str | None = None
    password: str | None = field(default=None, repr=False)
    identity_token: str | None = field(default=None, repr=False)


def credentials(registry: RegistrySettings, environ: Mapping[str, str]) -> Credentials:
    """Read a registry's credentials. Raises `NoSecret` for an unreadable one.

    Nothing is cached: call it again for rotated secrets.
    """
    words = ("username", "password", "identity_token")
    held = {word: _secret(registry, word, environ) for word in words}
    return Credentials(**held)


def username(registry: RegistrySettings, environ: Mapping[str, str]) -> str | None:
    """Read the user name alone, likewise."""
    return _secret(registry, "username", environ)


def api_token(repositories: RepositoriesSettings, environ: Mapping[str, str]) -> str | None:
    """Read the token for a registry's API, likewise."""
    return _named(repositories, "api_token", environ)


def events_token(events: EventsSettings) -> str:
    """Read the token of senders of events, likewise."""
    return _usable("token_file", _content(events.token_file, "token_file"))


def _secret(registry: RegistrySettings, word: str, environ: Mapping[str, str]) -> str | None:
    found = _named(registry, word, environ)
    return registry.username if found is None and word == "username" else found


def _named(section: Section, word: str, environ: Mapping[str, str]) -> str | None:
    path, variable = getattr(section, f"{word}_file"), getattr(section, f"{word}_env")
    if path is not None:
        return _usable(f"{word}_file", _content(path, f"{word}_file"))
    if variable is not None:
        # The variable's name is not repeated: people put the secret itself there.
        return _usable(f"{word}_env", environ.get(variable, ""))
    return None


def _content(path: Path, key: str) -> str:
    try:
        body = read_regular(path, _LARGEST + 1)
    except OSError as error:
        raise NoSecret(key, f"{path} cannot be read: {error.strerror}{unexpanded(path)}") from error
    except ValueError as error:  # a lone surrogate in it, or NUL
        raise NoSecret(key, "not a valid path") from error
    if len(body) > _LARGEST:
        raise NoSecret(key, f"{path} is no secret: more than {_LARGEST} bytes")
    try:
        return body.decode("utf-8-sig").rstrip("\r\n")
    except UnicodeDecodeError:
        raise NoSecret(key, f"{path} is not UTF-8 text") from None


def _usable(key: str, text: str) -> str:
    if not text:
        raise NoSecret(key, "its value is empty or not set")
    if len(text) > _LARGEST:
        raise NoSecret(key, f"its value has more than {_LARGEST} characters")
    if not text.isprintable():
        raise NoSecret(key, "its value has more than one line, or is not text")
    return text
