"""How does the server prove who it is, and whom of its clients does it believe?"""

from __future__ import annotations

import ipaddress
import ssl
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING, Any

from exporter.oci.digest import Malformed
from exporter.publish.web.config import Inline

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from exporter.publish.web.config import Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """Load certificate, key and authority; raise `Malformed` naming what cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version, context.maximum_version = tls.minimum, tls.maximum
    with ExitStack() as stack:
        certificate, key = (stack.enter_context(_file(each)) for each in (tls.certificate, tls.key))
        try:
            context.load_cert_chain(certificate, key, password=_refuse)
        except (OSError, ValueError) as error:
            told = f"{_named(tls.certificate, 'cert')}, {_named(tls.key, 'key')}"
            raise Malformed(f"{told}: {_why(error)}") from error
    if tls.client_authority:
        _trust(context, tls.client_authority)
    context.verify_mode = tls.client_certificate
    return context


def holds(certificate: Mapping[str, Any] | None, names: frozenset[str]) -> bool:
    """Does a client's certificate hold one of these names (DNS, IP address, e-mail, URI)?

    `certificate` is as `ssl` decodes it.
    """
    entries = (certificate or {}).get("subjectAltName", ())
    held = {_address(value) if kind == "IP Address" else value for kind, value in entries}
    return not held.isdisjoint(map(_address, names))


def _trust(context: ssl.SSLContext, authority: Path | Inline) -> None:
    try:
        if isinstance(authority, Inline):
            context.load_verify_locations(cadata=authority.pem)
        else:
            context.load_verify_locations(authority)
    except (OSError, ValueError) as error:
        raise Malformed(f"{_named(authority, 'client_ca')}: {_why(error)}") from error


@contextmanager
def _file(pem: Path | Inline) -> Iterator[Path]:
    """Have PEM in a file, which is the only way that OpenSSL takes it; only we can read it."""
    if isinstance(pem, Path):
        yield pem
        return
    try:
        file = NamedTemporaryFile("w", prefix="pullproof-", suffix=".pem")  # noqa: SIM115 - below
    except OSError as error:
        raise Malformed(f"cert, key: no room for a file: {_why(error)}") from error
    with file:
        file.write(pem.pem)
        file.flush()
        yield Path(file.name)


def _named(pem: Path | Inline, key: str) -> str:
    return key if isinstance(pem, Inline) else str(pem)


def _address(name: str) -> str:
    """Write an IP address in the one usual way; leave every other name as it is."""
    try:
        return str(ipaddress.ip_address(name))
    except ValueError:
        return name


def _refuse() -> str:
    """Stand in for the question at the terminal that OpenSSL would ask of an encrypted key."""
    raise ValueError("the key is encrypted")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or error)
