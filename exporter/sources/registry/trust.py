"""Certificates: the authorities that a TLS connection trusts, and the client's own."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from exporter.facts.gap import Reason
from exporter.ports import Unseen


@dataclass(frozen=True, slots=True)
class Trust:
    """Authorities beside the system's, and the client's own certificate."""

    ca_file: Path | None = None
    """PEM file of further authorities: added to the system's, never instead of them."""
    certificate: Path | None = None
    """PEM file of a client certificate, shown to the registry itself only."""
    key: Path | None = None
    """Its private key; None where the certificate's file holds both."""
    verified: bool = True
    """Whether certificates are checked at all: of the registry, its token server and its store."""

    def contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return how the registry itself is met, and how token servers and object stores are.

        Raises `Unseen` for a file that cannot be used.
        """
        others = self._context(None)
        home = others if self.certificate is None else self._context(self.certificate)
        return home, others

    def _context(self, certificate: Path | None) -> ssl.SSLContext:
        context = ssl.create_default_context()
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        if not self.verified:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        try:
            if path := self.ca_file:
                context.load_verify_locations(path)
            if path := certificate:
                context.load_cert_chain(path, self.key, password=_refuse)
        except (OSError, ValueError) as error:  # ssl.SSLError, for no certificate, is one
            raise _unusable(path, error) from error
        return context


@dataclass(slots=True)
class Contexts:
    """The contexts of a trust, made when the first is used: its files may be there only then."""

    trust: Trust
    _made: tuple[ssl.SSLContext, ssl.SSLContext] | None = field(default=None, init=False)

    def __getitem__(self, index: int) -> ssl.SSLContext:
        """Return how the registry is met (0), or others are (1). Raises `Unseen`."""
        if self._made is None:
            self._made = self.trust.contexts()
        return self._made[index]


def _refuse() -> str:
    """Answer OpenSSL, which would otherwise ask the terminal for an encrypted key's password."""
    raise ValueError("the private key is encrypted")


def _unusable(path: Path | None, error: OSError | ValueError) -> Unseen:
    if isinstance(error, ssl.SSLError):
        return Unseen(str(path), Reason.UNREADABLE, "no certificate, or not the key to it")
    words = error.strerror if isinstance(error, OSError) else str(error)
    return Unseen(str(path), Reason.UNREADABLE, words or "unreadable")
