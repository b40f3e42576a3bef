"""The web configuration file, in exporter-toolkit's format: TLS, users and headers.

Source: exporter-toolkit docs/web-configuration.md. What is not offered here is refused by name:
an ignored key would be a door that somebody believes to be locked.
"""

import ipaddress
import os
import ssl
import stat
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Final, Literal

import bcrypt
import pydantic
from pydantic_core import ErrorDetails

from exporter.documents import read_document, read_regular, spell
from exporter.oci.digest import Malformed
from exporter.screen import plain

_BCRYPT: Final = r"^\$2[aby]\$(0[4-9]|1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}$"
_SETTINGS: Final = 29
"""Characters of a bcrypt hash before the hash itself: version, cost and salt."""
_DEAREST: Final = 17
"""The highest bcrypt cost: one more takes longer than an answer may."""
_LARGEST: Final = 1 << 20
"""Bytes of the file, and of each that it names."""
_TOO_LARGE: Final = "more than 1 MiB; is it the right file?"
_MOST_VALUES: Final = 10_000
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_NO_HASH: Final = "not a bcrypt hash (htpasswd -nBC 10 NAME makes one)"
_NO_SECTION: Final = "must be a section of keys"
_NO_CHOICE: Final = "cannot be chosen here: OpenSSL's own are offered; leave it out"
_NO_PEM: Final = "PEM is not read from this file: name its file in {}_file"
_UNOFFERED: Final = {
    "cipher_suites": _NO_CHOICE,
    "curve_preferences": _NO_CHOICE,
    "prefer_server_cipher_suites": "cannot be chosen here: OpenSSL decides; leave it out",
    "rate_limit": "is not offered here: limit requests in a reverse proxy",
    "http2": "HTTP/2 is not spoken here: leave it out, or false",
    **{key: _NO_PEM.format(key) for key in ("cert", "key", "client_ca")},
}
"""Keys of the format that are refused, or all but one of their values."""
_CLIENTS: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


def _beside(name: object, asked: pydantic.ValidationInfo[Path]) -> Path:
    """Relative paths start at the configuration file, wherever the process was started."""
    if not isinstance(name, str) or not name:
        raise ValueError("not the name of a file")
    return asked.context / name


_Beside = Annotated[Path, pydantic.BeforeValidator(_beside)]


class Tls(pydantic.BaseModel, extra="forbid", strict=True):
    """The server's certificate, and the certificates that it asks of clients."""

    cert_file: _Beside
    key_file: _Beside
    client_ca_file: _Beside | None = None
    """The authority of the certificates that clients must, or may, present."""
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    client_allowed_sans: frozenset[str] = pydantic.Field(default=frozenset(), strict=False)
    """A client's certificate must have one of these names; empty: any that verifies."""
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"

    @property
    def files(self) -> tuple[Path, ...]:
        """The files that must be read again when they change."""
        authority = (self.client_ca_file,) if self.client_ca_file else ()
        return (self.cert_file, self.key_file, *authority)

    @pydantic.model_validator(mode="after")
    def _agrees(self) -> "Tls":
        if (self.client_auth_type != "NoClientCert") != bool(self.client_ca_file):
            raise ValueError("client_ca_file and a client_auth_type that verifies belong together")
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError(
                "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert"
            )
        if self.min_version > self.max_version:
            raise ValueError("min_version is newer than max_version")
        return self


_Header = Literal[
    "Content-Security-Policy",
    "X-Frame-Options",
    "X-Content-Type-Options",
    "X-XSS-Protection",
    "Strict-Transport-Security",
]
_Line = Annotated[str, pydantic.Field(pattern=r"^[\x20-\x7e]+$")]
"""A header's value, which must not begin another header."""


class _Http(pydantic.BaseModel, extra="forbid", strict=True):
    http2: Literal[False] = False
    headers: dict[_Header, _Line] | None = None


def _comparable(hashed: str) -> str:
    """Return a bcrypt hash with which a password can be compared, and soon enough."""
    if int(hashed[4:6]) > _DEAREST:
        raise ValueError(f"a bcrypt cost over {_DEAREST} takes too long to compare; 10 is usual")
    try:
        bcrypt.hashpw(b"", f"$2b$04${hashed[7:_SETTINGS]}".encode())
    except ValueError:
        raise ValueError(_NO_HASH) from None
    return hashed


_Hash = Annotated[str, pydantic.Field(pattern=_BCRYPT), pydantic.AfterValidator(_comparable)]


class WebConfig(pydantic.BaseModel, extra="forbid", strict=True):
    """A web configuration; without a file, plain HTTP for everybody."""

    tls: Tls | None = pydantic.Field(default=None, alias="tls_server_config")
    http: _Http | None = pydantic.Field(default=None, alias="http_server_config")
    basic_auth_users: dict[str, _Hash] | None = None

    @property
    def users(self) -> Mapping[str, bytes]:
        """The bcrypt hashes by name; empty lets everybody in."""
        return {name: hashed.encode() for name, hashed in (self.basic_auth_users or {}).items()}

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers of every answer, beside or instead of its own."""
        asked = (self.http and self.http.headers) or {}
        return {name: value for name, value in asked.items()}  # noqa: C416 - names of any kind


def load(path: Path) -> WebConfig:
    """Read a file; raise `Malformed`, one line that names the file and every key that is wrong."""
    try:
        body = read_regular(path, _LARGEST + 1)
        if len(body) > _LARGEST:
            raise Malformed(_TOO_LARGE)
        document = read_document(body, most=_MOST_VALUES)
        if document.faults:
            raise Malformed("; ".join(map(str, document.faults)))
        value = {} if document.value is None else document.value
        return WebConfig.model_validate(value, context=path.parent)
    except OSError as error:
        raise Malformed(plain(f"{path}: {error.strerror or error}")) from error
    except pydantic.ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise Malformed(plain(f"{path}: {'; '.join(map(_complaint, faults))}")) from None
    except ValueError as error:  # `Malformed` too, and a path that no file can have
        raise Malformed(plain(f"{path}: {error}")) from error


def _complaint(error: ErrorDetails) -> str:
    """Return the key and what is wrong with it; never the value, which may be a secret."""
    kind, path = error["type"], error["loc"]
    if kind == "literal_error" and path[-1] == "[key]":
        kind, path = "extra_forbidden", path[:-1]
    where = spell(path)
    unoffered = _UNOFFERED.get(str(path[-1])) if path else None
    if unoffered and kind in ("extra_forbidden", "literal_error"):
        return f"{where}: {unoffered}"
    hashes = path[:1] == ("basic_auth_users",)
    what = {
        "extra_forbidden": "unknown key",
        "string_pattern_mismatch": _NO_HASH if hashes else "not a line of printable characters",
        "missing": "must be given",
        "model_type": _NO_SECTION,
        "model_attributes_type": _NO_SECTION,
        "dict_type": _NO_SECTION,
    }.get(kind, error["msg"].removeprefix("Value error, "))
    return f"{where}: {what}" if where else what


def server_context(tls: Tls) -> ssl.SSLContext:
    """Load certificate, key and authority; raise `Malformed` naming what cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = _VERSIONS[tls.min_version]
    context.maximum_version = _VERSIONS[tls.max_version]
    pair = tls.cert_file, tls.key_file
    _use(pair, lambda: context.load_cert_chain(*pair, password=_refuse))
    if authority := tls.client_ca_file:
        _use((authority,), lambda: context.load_verify_locations(authority))
    context.verify_mode = _CLIENTS[tls.client_auth_type]
    return context


def _use(files: tuple[Path, ...], take: Callable[[], None]) -> None:
    """Have OpenSSL read files, after a look at them: it would wait for ever at a named pipe."""
    try:
        for each in files:
            _check(each.stat())
        take()
    except (OSError, ValueError) as error:
        reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
        why = reason or error or type(error).__name__
        raise Malformed(plain(f"{', '.join(map(str, files))}: {why}")) from error


def _check(status: os.stat_result) -> None:
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a file")
    if status.st_size > _LARGEST:
        raise ValueError(_TOO_LARGE)


def _refuse() -> str:
    """Raise `ValueError` in place of OpenSSL's question for the password of an encrypted key."""
    raise ValueError("the key is encrypted")


def holds(certificate: Mapping[str, Any] | None, names: frozenset[str]) -> bool:
    """Does a client's certificate hold one of these names (DNS, IP address, e-mail, URI)?

    `certificate` is as `ssl` decodes it.
    """
    entries = (certificate or {}).get("subjectAltName", ())
    held = {_address(value) if kind == "IP Address" else value for kind, value in entries}
    return not held.isdisjoint(map(_address, names))


def _address(name: str) -> str:
    """Write an IP address in the one usual way; leave every other name as it is."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name
