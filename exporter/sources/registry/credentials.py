"""Credentials for a registry: a user name with a secret, or a token."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from exporter.oci.digest import Malformed

LONGEST: Final = 65_536
"""Maximum characters of a name, a password or a token. Real tokens have some thousands."""
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Uncarried(Malformed):
    """A login that no header and no form can carry; the message never repeats it."""


@dataclass(frozen=True, slots=True)
class Login:
    """Credentials of one account. Secrets are not in its `repr`."""

    username: str = ""
    password: str = field(default="", repr=False)
    identity_token: str = field(default="", repr=False)
    """An OAuth2 refresh token, which a token server exchanges for access tokens."""
    registry_token: str = field(default="", repr=False)
    """An access token, sent as it is."""

    @property
    def basic(self) -> str:
        """The value of an Authorization header (RFC 7617)."""
        pair = f"{self.username}:{self.password}".encode()
        return f"Basic {base64.b64encode(pair).decode()}"


class LoginSource(Protocol):
    """Source of logins."""

    async def find(self, host: str, repository: str) -> Login | None:
        """Return the login for a repository (empty: the registry as a whole); None is anonymous.

        Raises `Unseen` with `CREDENTIALS` if a helper or a file cannot be used.
        """
        ...

    async def namespaces(self, host: str) -> tuple[str, ...]:
        """Return each `host/namespace` with a login of its own. Raises `Unseen`, as `find` does."""
        ...

    def forget(self, login: Login) -> None:
        """Drop a login that was accepted and is not any more: it has expired."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLogin:
    """Source of one login for the whole registry; None is anonymous."""

    login: Login | None = None

    async def find(self, host: str, repository: str) -> Login | None:  # noqa: ARG002 - protocol
        """Return the login."""
        return self.login

    async def namespaces(self, host: str) -> tuple[str, ...]:  # noqa: ARG002 - protocol
        """Return none."""
        return ()

    def forget(self, login: Login) -> None:
        """Do nothing: there is no other."""


ANONYMOUS: Final = FixedLogin()
"""Source without a login."""


def login_of(username: str, secret: str) -> Login:
    """Parse a pair of docker's helpers: no name, or `<token>`, means an identity token."""
    if username in ("", "<token>"):
        return Login(identity_token=secret)
    return Login(username, secret)


def carried(login: Login) -> Login:
    """Return a login that headers and forms can carry.

    Raises `Uncarried`, without its text, for a part that is not text, has a lone surrogate (which
    no encoding has) or more than `LONGEST` characters, and for a registry token that is not
    printable ASCII.
    """
    parts: Iterable[tuple[str, object]] = _parts(login)
    for what, text in parts:
        if not isinstance(text, str):
            raise Uncarried(f"{what} is not text")
        if len(text) > LONGEST:
            raise Uncarried(f"{what} has more than {LONGEST} characters")
        if _SURROGATE.search(text):
            raise Uncarried(f"{what} has a lone surrogate")
    token = login.registry_token
    if not (token.isascii() and token.isprintable()):
        raise Uncarried("the registry token has characters that a header cannot contain")
    return login


def presentable(login: Login) -> Login:
    """Return a login of our own: it fits a header, and has no control characters.

    They are forbidden in a name and a password (RFC 7617, section 2), and mistakes: the line end of
    a secret's file. Raises `Uncarried`, without its text.
    """
    carried(login)
    for what, text in _parts(login):
        if _CONTROL.search(text):
            raise Uncarried(f"{what} has a line break or another control character")
    return login


def _parts(login: Login) -> tuple[tuple[str, str], ...]:
    return (
        ("the user name", login.username),
        ("the password", login.password),
        ("the identity token", login.identity_token),
        ("the registry token", login.registry_token),
    )
