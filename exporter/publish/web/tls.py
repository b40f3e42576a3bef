"""How does the server prove who it is?"""

from __future__ import annotations

import ssl
from typing import TYPE_CHECKING

from exporter.oci.digest import Malformed

if TYPE_CHECKING:
    from exporter.publish.web.config import Tls


def server_context(tls: Tls) -> ssl.SSLContext:
    """Load the files; raise `Malformed` naming those that cannot be used."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.minimum_version = tls.minimum
    try:
        context.load_cert_chain(tls.certificate, tls.key, password=_refuse)
    except (OSError, ValueError) as error:
        raise Malformed(f"{tls.certificate}, {tls.key}: {_why(error)}") from error
    if tls.client_authority:
        try:
            context.load_verify_locations(tls.client_authority)
        except OSError as error:
            raise Malformed(f"{tls.client_authority}: {_why(error)}") from error
    context.verify_mode = tls.client_certificate
    return context


def _refuse() -> str:
    """Stand in for the question at the terminal that OpenSSL would ask of an encrypted key."""
    raise ValueError("the key is encrypted")


def _why(error: Exception) -> str:
    reason = getattr(error, "reason", None) or getattr(error, "strerror", None)
    return str(reason or error)
