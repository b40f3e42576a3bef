"""Tokens: the challenge of a registry, and the token that a server issues for a login.

Sources: RFC 9110, section 11.6.1 (WWW-Authenticate); distribution `docs/spec/auth/token.md` (GET)
and `oauth.md` (POST).
"""

import json
import re
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field, replace
from typing import Final, NamedTuple
from urllib.parse import urlencode
from urllib.request import parse_http_list

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.ports import Unseen
from exporter.sources.registry.address import Address
from exporter.sources.registry.credentials import Login
from exporter.sources.registry.messages import CATALOGUE_SCOPE, Request, Response

Send = Callable[[Request, str], Awaitable[Response]]
"""Sends a request with the value of an Authorization header."""

_WORD: Final = r"[!#$%&'*+.^_`|~0-9A-Za-z-]+"
_PARAMETER: Final = re.compile(rf"({_WORD})\s*=\s*(.*)", re.DOTALL)
_SCHEME: Final = re.compile(rf"({_WORD})(?:\s+(.*))?", re.DOTALL)
_MOST_BYTES: Final = 8192
_LONGEST_PART: Final = 4096
"""Characters of a realm, a service or a scope."""


class Challenge(NamedTuple):
    """One challenge: the parameters of a token, or Basic."""

    scheme: str
    """`bearer` or `basic`."""
    realm: str
    service: str = ""
    scope: str = ""
    """Scopes, separated by spaces."""


def parse_challenges(header: str) -> tuple[Challenge, ...]:
    """Return the Bearer and Basic challenges of one header, in order; others are left out.

    So are those with an oversized part: each is kept for a repository. One header may hold several
    challenges, and commas separate both them and the parameters of each.
    """
    found: list[tuple[str, dict[str, str]]] = []
    for item in parse_http_list(header[:_MOST_BYTES]):
        if not (parameter := _PARAMETER.fullmatch(item)) and (begun := _SCHEME.fullmatch(item)):
            found.append((begun[1].lower(), {}))
            parameter = _PARAMETER.fullmatch(begun[2] or "")
        if parameter and found:
            found[-1][1].setdefault(parameter[1].lower(), _unquoted(parameter[2].strip()))
    return tuple(
        challenge
        for scheme, each in found
        if scheme in ("bearer", "basic")
        and max(map(len, challenge := _challenge(scheme, each))) <= _LONGEST_PART
    )


def best_challenge(header: str) -> Challenge | None:
    """Return the challenge to answer: Bearer if it is offered, else Basic."""
    offered = sorted(parse_challenges(header), key=lambda each: each.scheme != "bearer")
    return offered[0] if offered else None


def _challenge(scheme: str, parts: dict[str, str]) -> Challenge:
    return Challenge(scheme, *(parts.get(name, "") for name in ("realm", "service", "scope")))


def _unquoted(value: str) -> str:
    """Strip the quotes; `parse_http_list` has removed the escapes within."""
    return value[1:-1] if len(value) > 1 and value[0] == value[-1] == '"' else value


_SHORTEST: Final = 60.0
"""Minimum lifetime of a token in seconds, and the default (token.md)."""
_LONGEST_LIFE: Final = 86_400.0
"""Maximum lifetime likewise: a revoked token is noticed by its 401 anyway."""
_NONSENSE: Final = 1e9
"""Seconds that are no lifetime: thirty years."""
_USED: Final = 0.9
"""Share of its lifetime for which a token is used."""
_LONGEST: Final = 256 * 2**10
"""Bytes of a response."""
_LONGEST_TOKEN: Final = 32 * 2**10
"""Characters of a token: no server takes a longer header, and very many are cached."""
_LONGEST_SUBJECT: Final = 300
"""Characters of a challenge that messages repeat."""
_BEARER: Final = re.compile(r"[A-Za-z0-9._~+/=:-]+")
_NOT_OFFERED: Final = frozenset({404, 405})
_BAD_REQUEST: Final = 400


@dataclass(frozen=True, slots=True)
class AccessToken:
    """A token from a token server."""

    text: str = field(repr=False)
    lasts: float
    """Lifetime in seconds."""
    scoped: bool = True
    """Is it for the requested scope? A server may know none for the catalogue."""


async def fetch(
    send: Send, challenge: Challenge, login: Login | None, *, secure: bool
) -> AccessToken:
    """Request a token from a challenge's realm; `secure` refuses a realm without TLS.

    An identity token is posted, a name and a password are sent by Basic; if the server does not
    offer the one way, the other is tried. A server that refuses the catalogue's scope for any
    account (Quay: 400) is asked for a token without a scope. Raises `Unseen`.
    """
    realm = _realm(challenge, secure=secure)
    ways = [_got(realm, challenge, login)]
    if login is not None:
        ways.insert(0 if login.identity_token else 1, _posted(realm, challenge, login))
    response = await send(*ways[0])
    if response.status in _NOT_OFFERED and len(ways) > 1:
        response = await send(*ways[1])
    if response.status == _BAD_REQUEST and challenge.scope == CATALOGUE_SCOPE:
        found = await fetch(send, challenge._replace(scope=""), login, secure=secure)
        return replace(found, scoped=False)
    return _token(response, ways[0][0].subject)


def _realm(challenge: Challenge, *, secure: bool) -> str:
    """Return the address of the request, without a fragment."""
    try:
        realm = Address.parse(challenge.realm)
    except Malformed as error:
        raise Unseen("token", Reason.CREDENTIALS, "the realm is no address") from error
    if secure and not realm.secure:
        raise Unseen("token", Reason.CREDENTIALS, "the realm of a https registry is plain http")
    return realm.base + realm.target


def _got(realm: str, challenge: Challenge, login: Login | None) -> tuple[Request, str]:
    fields = [("service", challenge.service)] if challenge.service else []
    fields += [("scope", scope) for scope in challenge.scope.split()]
    if login is not None and login.username:
        fields.append(("account", login.username))
    joint = "&" if "?" in realm else "?"
    url = f"{realm}{joint}{urlencode(fields, errors='replace')}" if fields else realm
    return _request(challenge, url=url), _basic(login) if login else ""


def _basic(login: Login) -> str:
    """Send an identity token as a password, to a server that offers GET alone."""
    if login.identity_token:
        return Login(login.username or "<token>", login.identity_token).basic
    return login.basic


def _posted(realm: str, challenge: Challenge, login: Login) -> tuple[Request, str]:
    fields = {"service": challenge.service, "client_id": "pullproof", "scope": challenge.scope}
    if login.identity_token:
        fields |= {"grant_type": "refresh_token", "refresh_token": login.identity_token}
    else:
        secrets = {"username": login.username, "password": login.password}
        fields |= {"grant_type": "password", **secrets}
    return _request(challenge, url=realm, form=urlencode(fields, errors="replace")), ""


def _request(challenge: Challenge, *, url: str, form: str = "") -> Request:
    granted = challenge.scope or challenge.service or "the registry"
    subject = f"token for {granted[:_LONGEST_SUBJECT]}"
    return Request("token", subject, url=url, form=form, most=_LONGEST)


def _token(response: Response, subject: str) -> AccessToken:
    if response.status == 401:  # noqa: PLR2004 - HTTP's own number
        raise Unseen(subject, Reason.UNAUTHORIZED, "the token server does not accept the login")
    if not response.ok:
        # ACR and others answer 400 where the login or the scope does not please them.
        reason = Reason.DENIED if response.status in (400, 403) else Reason.CREDENTIALS
        raise Unseen(subject, reason, f"the token server answered {response.status}")
    try:
        document = json.loads(response.body)
        text = document.get("token") or document.get("access_token")
    except (ValueError, RecursionError, AttributeError):
        text = document = None
    if not isinstance(text, str) or len(text) > _LONGEST_TOKEN or not _BEARER.fullmatch(text):
        raise Unseen(subject, Reason.CREDENTIALS, "the token server's answer holds no token")
    return AccessToken(text, _lifetime(document.get("expires_in")) * _USED)


def _lifetime(stated: object) -> float:
    """Return the lifetime of a token in seconds, within the bounds."""
    if not isinstance(stated, int | float) or not 0 < stated < _NONSENSE:
        return _SHORTEST
    return min(max(_SHORTEST, float(stated)), _LONGEST_LIFE)
