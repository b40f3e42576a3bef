"""What does a web configuration file ask for? TLS and users, in the exporter-toolkit's format.

Source: exporter-toolkit docs/web-configuration.md. What is not offered here is refused by name:
an ignored key would be a door that somebody believes to be locked.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final, Literal

import pydantic
import yaml

from exporter.oci.digest import Malformed

if TYPE_CHECKING:
    import pydantic_core

_BCRYPT: Final = r"^\$2[aby]\$(0[4-9]|1[0-9]|2[0-9]|3[01])\$[./A-Za-z0-9]{53}$"
_VERSIONS: Final = {"TLS12": ssl.TLSVersion.TLSv1_2, "TLS13": ssl.TLSVersion.TLSv1_3}
_CLIENTS: Final = {
    "NoClientCert": ssl.CERT_NONE,
    "VerifyClientCertIfGiven": ssl.CERT_OPTIONAL,
    "RequireAndVerifyClientCert": ssl.CERT_REQUIRED,
}


@dataclass(frozen=True, slots=True)
class Tls:
    """How the server proves who it is, and what it asks of clients."""

    certificate: Path
    key: Path
    client_authority: Path | None
    """Whose certificates clients must, or may, present."""
    client_certificate: ssl.VerifyMode
    minimum: ssl.TLSVersion

    @property
    def files(self) -> tuple[Path, ...]:
        """What must be read again when it changes."""
        optional = (self.client_authority,) if self.client_authority else ()
        return (self.certificate, self.key, *optional)


@dataclass(frozen=True, slots=True)
class WebConfig:
    """What is asked for; without a file, plain HTTP for everybody."""

    tls: Tls | None = None
    users: Mapping[str, bytes] = field(default_factory=dict)
    """bcrypt hashes by name; empty lets everybody in."""


class _Tls(pydantic.BaseModel, extra="forbid", strict=True):
    cert_file: Annotated[str, pydantic.Field(min_length=1)]
    key_file: Annotated[str, pydantic.Field(min_length=1)]
    client_ca_file: str | None = None
    client_auth_type: Literal[
        "NoClientCert", "VerifyClientCertIfGiven", "RequireAndVerifyClientCert"
    ] = "NoClientCert"
    min_version: Literal["TLS12", "TLS13"] = "TLS12"

    @pydantic.model_validator(mode="after")
    def _agrees(self) -> _Tls:
        if (self.client_auth_type != "NoClientCert") != bool(self.client_ca_file):
            raise ValueError("client_ca_file and a client_auth_type that verifies belong together")
        return self


class _File(pydantic.BaseModel, extra="forbid", strict=True):
    tls_server_config: _Tls | None = None
    basic_auth_users: dict[str, Annotated[str, pydantic.Field(pattern=_BCRYPT)]] | None = None


def load(path: Path) -> WebConfig:
    """Read a file; raise `Malformed` naming the file and every key that is wrong in it."""
    try:
        document = yaml.load(path.read_bytes(), yaml.CSafeLoader)
        asked = _File.model_validate({} if document is None else document)
    except OSError as error:
        raise Malformed(f"{path}: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise Malformed(f"{path}: not YAML: {' '.join(str(error).split())}") from error
    except pydantic.ValidationError as error:
        raise Malformed(f"{path}: {'; '.join(map(_complaint, error.errors()))}") from None
    users = {name: hashed.encode() for name, hashed in (asked.basic_auth_users or {}).items()}
    return WebConfig(_tls(asked.tls_server_config, path.parent), users)


def _tls(asked: _Tls | None, folder: Path) -> Tls | None:
    """Relative paths start at the configuration file, wherever the process was started."""
    if asked is None:
        return None
    authority = folder / asked.client_ca_file if asked.client_ca_file else None
    return Tls(
        folder / asked.cert_file,
        folder / asked.key_file,
        authority,
        _CLIENTS[asked.client_auth_type],
        _VERSIONS[asked.min_version],
    )


def _complaint(error: pydantic_core.ErrorDetails) -> str:
    """Say what is wrong with which key; never the value, which may be a secret."""
    where = ".".join(map(str, error["loc"]))
    what = {
        "extra_forbidden": "unknown key",
        "string_pattern_mismatch": "not a bcrypt hash (htpasswd -nBC 10 NAME makes one)",
        "missing": "must be given",
    }.get(error["type"], error["msg"].removeprefix("Value error, "))
    return f"{where}: {what}" if where else what
