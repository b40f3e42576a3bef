"""The name and the secret that a registry is shown."""

import base64
import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, Protocol

from exporter.oci.digest import Malformed

LONGEST: Final = 65_536
"""Characters of a name, a password or a token. Real tokens have some thousands at most."""
_SURROGATE: Final = re.compile(r"[\ud800-\udfff]")
_CONTROL: Final = re.compile(r"[\x00-\x1f\x7f-\x9f]")


class Uncarried(Malformed):
    """A login that no header and no form can carry; the message never repeats it."""


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


class LoginSource(Protocol):
    """Where logins come from."""

    async def find(self, host: str, repository: str) -> Login | None:
        """Return the login for a repository (empty: the registry as a whole); None is anonymous.

        Raises `Unseen` with `CREDENTIALS` where a helper or a file could not be used.
        """
        ...

    def forget(self, login: Login) -> None:
        """Keep a login no longer that was accepted and is not any more: it has expired."""
        ...


@dataclass(frozen=True, slots=True)
class FixedLogin:
    """The same login for the whole registry; None asks anonymously."""

    login: Login | None = None

    async def find(self, host: str, repository: str) -> Login | None:  # noqa: ARG002 - protocol
        """Return the login, whatever is asked."""
        return self.login

    def forget(self, login: Login) -> None:
        """There is no other."""


ANONYMOUS: Final = FixedLogin()
"""Asks anonymously."""


def login_of(username: str, secret: str) -> Login:
    """Read a pair as docker's helpers give it: no name, or `<token>`, means an identity token."""
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
    """Return a login that may be shown as our own: carried, and without control characters.

    They are forbidden in a name and a password (RFC 7617, section 2), and are there by mistake: a
    line end of the file that a secret came from. Raises `Uncarried`, without its text.
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
