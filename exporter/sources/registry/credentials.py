"""With what name and secret is a registry asked: given words, docker's files, or a helper?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Login:
    """One way to prove who asks. Secrets stay out of its `repr`."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth2 refresh token that a token server turns into access tokens."""
    registry_token: str = field(default="", repr=False)
    """An access token to be shown as it is."""


class Credentials(Protocol):
    """Where logins come from."""

    async def find(self, host: str, repository: str) -> Login | None:
        """Return the login for a repository (empty: the registry as a whole), None for nobody.

        Raises `Unseen` with `CREDENTIALS` where a helper or a file could not be used.
        """
        ...


@dataclass(frozen=True, slots=True)
class Fixed:
    """The same login for the whole registry; None asks as nobody."""

    login: Login | None = None

    async def find(self, host: str, repository: str) -> Login | None:  # noqa: ARG002 - protocol
        """Return the login, whatever is asked."""
        return self.login


ANONYMOUS = Fixed()
"""Asks as nobody."""
