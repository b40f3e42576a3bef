"""With what name and secret is a registry asked?"""

from __future__ import annotations

import base64
from dataclasses import dataclass, field
from typing import Final, Protocol


@dataclass(frozen=True, slots=True)
class Login:
    """One way to prove who asks. Secrets stay out of its `repr`."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth2 refresh token, which a token server turns into access tokens."""
    registry_token: str = field(default="", repr=False)
    """An access token, to be shown as it is."""

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617)."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


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


ANONYMOUS: Final = Fixed()
"""Asks as nobody."""


def login_of(username: str, secret: str) -> Login:
    """Read a pair as docker's helpers give it: no name, or `<token>`, means an identity token."""
    if username in ("", "<token>"):
        return Login(identity_token=secret)
    return Login(username, secret)
