"""What does a web configuration file ask for? TLS, users, headers, in exporter-toolkit's format.

Source: exporter-toolkit docs/web-configuration.md. What is not offered here is refused by name:
an ignored key would be a door that somebody believes to be locked.
"""

from __future__ import annotations

import os
import ssl
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal

import bcrypt
import pydantic

from exporter.oci.digest import Malformed
from exporter.screen import plain
from exporter.sources.marked import read, spell

if TYPE_CHECKING:
    import pydantic_core

_BCRYPT: Final = r"^\$2[aby]\$(0[4-9]|1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}$"
_SETTINGS: Final = 29
"""Characters of a bcrypt hash before the hash itself: version, cost and salt."""
_DEAREST: Final = 17
"""The highest bcrypt cost: one more takes longer than an answer may."""
_LARGEST: Final = 1 << 20
"""Bytes of the file."""
_MOST_VALUES: Final = 10_000
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_NO_HASH: Final = "not a bcrypt hash (htpasswd -nBC 10 NAME makes one)"
_ONE_OF: Final = "give {0}_file or {0}, one of them"
_UNOFFERED: Final = {
    "cipher_suites": "cannot be chosen here: OpenSSL's own are offered; leave it out",
    "curve_preferences": "cannot be chosen here: OpenSSL's own are offered; leave it out",
    "prefer_server_cipher_suites": "cannot be chosen here: OpenSSL decides; leave it out",
    "rate_limit": "is not offered here: limit requests in a reverse proxy",
}
"""Keys that the format knows and that mean nothing here."""
_CLIENTS: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Inline:
    """PEM that stands in the configuration itself; it may be a key, so it is never shown."""

    pem: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Tls:
    """How the server proves who it is, and what it asks of clients."""

    certificate: Path | Inline
    key: Path | Inline
    client_authority: Path | Inline | None
    """Whose certificates clients must, or may, present."""
    client_certificate: ssl.VerifyMode
    client_names: frozenset[str]
    """Of which a client's certificate must hold one; empty: any that verifies."""
    minimum: ssl.TLSVersion
    maximum: ssl.TLSVersion

    @property
    def files(self) -> tuple[Path, ...]:
        """What must be read again when it changes."""
        named = (self.certificate, self.key, self.client_authority)
        return tuple(each for each in named if isinstance(each, Path))


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What is asked for; without a file, plain HTTP for everybody."""

    tls: Tls | None = None
    users: Mapping[str, bytes] = field(default_factory=dict)
    """bcrypt hashes by name; empty lets everybody in."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """What every answer has beside, or instead of, its own headers."""


def _header(name: str) -> Any:
    """Return a field for one header's value, which must not begin another header."""
    return pydantic.Field(default=None, alias=name, pattern=r"^[\x20-\x7e]+$")


class _Tls(pydantic.BaseModel, extra="forbid", strict=True):
    cert_file: str | None = None
    cert: str | None = None
    key_file: str | None = None
    key: str | None = None
    client_ca_file: str | None = None
    client_ca: str | None = None
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    client_allowed_sans: tuple[str, ...] = pydantic.Field(default=(), strict=False)
    min_version: Literal["TLS12", "TLS13"] = "TLS12"
    max_version: Literal["TLS12", "TLS13"] = "TLS13"

    @pydantic.model_validator(mode="after")
    def _agrees(self) -> _Tls:
        for name in ("cert", "key"):
            if bool(getattr(self, name)) is bool(getattr(self, f"{name}_file")):
                raise ValueError(_ONE_OF.format(name))
        if self.client_ca and self.client_ca_file:
            raise ValueError(_ONE_OF.format("client_ca"))
        authority = self.client_ca or self.client_ca_file
        if (self.client_auth_type != "NoClientCert") != bool(authority):
            raise ValueError("client_ca_file and a client_auth_type that verifies belong together")
        if self.client_allowed_sans and self.client_auth_type != "RequireAndVerifyClientCert":
            raise ValueError(
                "client_allowed_sans needs client_auth_type RequireAndVerifyClientCert"
            )
        if self.min_version > self.max_version:
            raise ValueError("min_version is newer than max_version")
        return self


class _Headers(pydantic.BaseModel, extra="forbid", strict=True):
    """The ones that the format allows."""

    content_security_policy: str | None = _header("Content-Security-Policy")
    frame_options: str | None = _header("X-Frame-Options")
    content_type_options: str | None = _header("X-Content-Type-Options")
    xss_protection: str | None = _header("X-XSS-Protection")
    transport_security: str | None = _header("Strict-Transport-Security")


class _Http(pydantic.BaseModel, extra="forbid", strict=True):
    http2: bool = False
    headers: _Headers | None = None

    @pydantic.field_validator("http2")
    @classmethod
    def _is_not_spoken(cls, asked: bool) -> bool:  # noqa: FBT001 - the library calls it so
        if asked:
            raise ValueError("HTTP/2 is not spoken here: leave it out, or false")
        return asked


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


class _File(pydantic.BaseModel, extra="forbid", strict=True):
    tls_server_config: _Tls | None = None
    http_server_config: _Http | None = None
    basic_auth_users: dict[str, _Hash] | None = None


def load(path: Path) -> WebConfig:
    """Read a file; raise `Malformed`, one line that names the file and every key that is wrong."""
    try:
        marked = read(_bytes(path), most=_MOST_VALUES)
        if marked.faults:
            raise Malformed("; ".join(map(str, marked.faults)))
        asked = _File.model_validate({} if marked.value is None else marked.value)
    except OSError as error:
        raise Malformed(plain(f"{path}: {error.strerror or error}")) from error
    except pydantic.ValidationError as error:
        faults = error.errors(include_url=False, include_input=False)
        raise Malformed(plain(f"{path}: {'; '.join(map(_complaint, faults))}")) from None
    except ValueError as error:  # `Malformed` too, and a path that no file can have
        raise Malformed(plain(f"{path}: {error}")) from error
    users = {name: hashed.encode() for name, hashed in (asked.basic_auth_users or {}).items()}
    served = asked.http_server_config
    headers = served.headers.model_dump(by_alias=True) if served and served.headers else {}
    return WebConfig(
        _tls(asked.tls_server_config, path.parent),
        users,
        {name: value for name, value in headers.items() if value is not None},
    )


def _bytes(path: Path) -> bytes:
    """Read the file; whatever stands in its place must not keep the process waiting."""
    # Without O_NONBLOCK opening a named pipe waits for somebody who writes into it.
    opened = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    if not stat.S_ISREG(os.fstat(opened).st_mode):
        os.close(opened)
        raise Malformed("not a file")
    with os.fdopen(opened, "rb") as file:
        body = file.read(_LARGEST + 1)
    if len(body) > _LARGEST:
        raise Malformed("more than 1 MiB; is it the right file?")
    return body


def _tls(asked: _Tls | None, folder: Path) -> Tls | None:
    """Relative paths start at the configuration file, wherever the process was started."""
    if asked is None:
        return None
    certificate = _pem(asked.cert_file, asked.cert, folder)
    key = _pem(asked.key_file, asked.key, folder)
    if certificate is None or key is None:
        raise RuntimeError("was checked when the file was read")
    return Tls(
        certificate,
        key,
        _pem(asked.client_ca_file, asked.client_ca, folder),
        _CLIENTS[asked.client_auth_type],
        frozenset(asked.client_allowed_sans),
        _VERSIONS[asked.min_version],
        _VERSIONS[asked.max_version],
    )


def _pem(file: str | None, inline: str | None, folder: Path) -> Path | Inline | None:
    if inline:
        return Inline(inline)
    return folder / file if file else None


def _complaint(error: pydantic_core.ErrorDetails) -> str:
    """Say what is wrong with which key; never the value, which may be a secret."""
    where = spell(error["loc"])
    unoffered = _UNOFFERED.get(str(error["loc"][-1])) if error["loc"] else None
    if unoffered and error["type"] == "extra_forbidden":
        return f"{where}: {unoffered}"
    what = {
        "extra_forbidden": "unknown key",
        "string_pattern_mismatch": _NO_HASH
        if error["loc"][:1] == ("basic_auth_users",)
        else "not a line of printable characters",
        "missing": "must be given",
        "model_type": "must be a section of keys",
        "model_attributes_type": "must be a section of keys",
        "dict_type": "must be a section of keys",
    }.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{where}: {what}" if where else what
