"""Who may do what? A token server, as registries that speak Bearer have one beside them.

Docker Registry v2 authentication (distribution, `docs/spec/auth/token.md`, `jwt.md`, `oauth.md`).
"""

from __future__ import annotations

import base64
import json
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qs, urlsplit

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.parts.http import Answer, Asked, serving

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from tests.parts.certificates import Authority

ISSUER: Final = "tests"
SERVICE: Final = "registry.tests"
USER: Final = "robot"
PASSWORD: Final = "not-a-secret"
REFRESH: Final = "refresh-of-robot"
"""The identity token that a login would have left behind."""
_ISSUED: Final = 1_704_067_200
_EXPIRES: Final = 4_102_444_800
"""Until 2100, for the registry; the client is told `expires_in`."""


@dataclass(frozen=True, slots=True)
class Tokens:
    """A token server that is up. Whoever is not USER gets a token that allows nothing."""

    realm: str
    bundle: Path
    """The certificates that the registry trusts to sign tokens."""
    _signer: _Signer
    asked: list[Asked]
    """Every request so far."""
    denied: set[str]
    """Repositories for which nobody is granted anything."""

    def bearer(self, *scopes: str) -> str:
        """An Authorization header's value that allows everything the scopes name."""
        return f"Bearer {self._signer.token(scopes)}"


@contextmanager
def token_server(authority: Authority) -> Iterator[Tokens]:
    """Run a token server whose tokens the authority's certificate vouches for."""
    signer, asked, denied = _signer(authority), list[Asked](), set[str]()

    def answer(request: Asked) -> Answer:
        asked.append(request)
        who, scopes = _claim(request)
        if who is None:
            return Answer(401, b'{"errors":[{"code":"UNAUTHORIZED"}]}')
        granted = [scope for scope in scopes if who and scope.split(":")[1] not in denied]
        document = {"token": signer.token(granted), "expires_in": 300}
        document |= {"access_token": document["token"], "refresh_token": REFRESH}
        return Answer(200, json.dumps(document).encode(), {"Content-Type": "application/json"})

    with serving(answer) as url:
        yield Tokens(f"{url}/token", authority.certificate, signer, asked, denied)


def _claim(request: Asked) -> tuple[str | None, list[str]]:
    """Who asks (nobody: empty; a liar: None) for which scopes?"""
    if request.method == "POST":
        form = parse_qs(request.body.decode())
        given = form.get("refresh_token", [""])[0], form.get("password", [""])[0]
        return USER if given in ((REFRESH, ""), ("", PASSWORD)) else None, _scopes(form)
    query = parse_qs(urlsplit(request.target).query)
    basic = request.headers.get("Authorization", "")
    if not basic:
        return "", _scopes(query)
    right = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    return USER if basic == right else None, _scopes(query)


def _scopes(fields: dict[str, list[str]]) -> list[str]:
    return [scope for value in fields.get("scope", []) for scope in value.split()]


@dataclass(frozen=True, slots=True)
class _Signer:
    key: rsa.RSAPrivateKey
    chain: str
    """The signing certificate, as the `x5c` header carries it."""

    def token(self, scopes: Iterable[str]) -> str:
        header = {"typ": "JWT", "alg": "RS256", "x5c": [self.chain]}
        claims = {"iss": ISSUER, "sub": USER, "aud": SERVICE, "jti": "1", "iat": _ISSUED}
        claims |= {"nbf": _ISSUED, "exp": _EXPIRES, "access": [_access(each) for each in scopes]}
        signed = ".".join(_base64(json.dumps(part).encode()) for part in (header, claims))
        signature = self.key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256())
        return f"{signed}.{_base64(signature)}"


def _signer(authority: Authority) -> _Signer:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    certificate = authority.sign("tokens", key).certificate.read_text()
    return _Signer(key, "".join(certificate.splitlines()[1:-1]))


def _access(scope: str) -> dict[str, object]:
    kind, name, actions = scope.split(":")
    return {"type": kind, "name": name, "actions": actions.split(",")}


def _base64(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
