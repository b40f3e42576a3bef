"""How does the server prove who it is, and whom of its clients does it believe?"""

from __future__ import annotations

import ipaddress
import ssl
import stat
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, Final

from exporter.oci.digest import Malformed
from exporter.publish.web.config import Inline, Tls
from exporter.screen import plain

_LARGEST: Final = 1 << 20
"""Bytes of a certificate's file, with all that it is signed by."""


def server_context(tls: Tls) -> ssl.SSLContext:
    """Load certificate, key and authority; raise `Malformed` naming what cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version, context.maximum_version = tls.minimum, tls.maximum
    with ExitStack() as stack:
        certificate = stack.enter_context(_file(tls.certificate, "cert"))
        key = stack.enter_context(_file(tls.key, "key"))
        try:
            context.load_cert_chain(certificate, key, password=_refuse)
        except (OSError, ValueError) as error:
            told = f"{_named(tls.certificate, 'cert')}, {_named(tls.key, 'key')}"
            raise Malformed(plain(f"{told}: {_why(error)}")) from error
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
            context.load_verify_locations(_regular(authority))
    except (OSError, ValueError, TypeError) as error:  # TypeError: text that is not ASCII
        raise Malformed(plain(f"{_named(authority, 'client_ca')}: {_why(error)}")) from error


@contextmanager
def _file(pem: Path | Inline, key: str) -> Iterator[Path]:
    """Have PEM in a file, which is the only way that OpenSSL takes it; only we can read it."""
    with ExitStack() as stack:
        try:
            found = _regular(pem) if isinstance(pem, Path) else _written(pem, stack)
        except (OSError, ValueError) as error:
            raise Malformed(plain(f"{_named(pem, key)}: {_why(error)}")) from error
        yield found


def _written(pem: Inline, stack: ExitStack) -> Path:
    kept = NamedTemporaryFile(prefix="pullproof-", suffix=".pem")  # noqa: SIM115 - the stack ends it
    file = stack.enter_context(kept)
    file.write(pem.pem.encode())
    file.flush()
    return Path(file.name)


def _regular(path: Path) -> Path:
    """Return a path if a regular file is there; OpenSSL would wait for ever at a named pipe."""
    status = path.stat()
    if not stat.S_ISREG(status.st_mode):
        raise ValueError("not a file")
    if status.st_size > _LARGEST:
        raise ValueError("more than 1 MiB; is it the right file?")
    return path


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
    return str(reason or error or type(error).__name__)
