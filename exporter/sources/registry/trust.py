"""Certificates: trusted authorities, and the client's own certificate."""

import ssl
from dataclasses import dataclass, field
from pathlib import Path

from exporter.facts.gap import Reason
from exporter.ports import Unseen


@dataclass(frozen=True, slots=True)
class Trust:
    """Authorities beside the system's, and the client's own certificate."""

    ca_file: Path | None = None
    """PEM file of further authorities, in addition to the system's."""
    certificate: Path | None = None
    """PEM file of a client certificate, sent to the registry alone."""
    key: Path | None = None
    """Its private key; None if it is in the certificate's file."""
    verified: bool = True
    """Are certificates verified: of the registry, its token server and its store?"""

    def contexts(self) -> tuple[ssl.SSLContext, ssl.SSLContext]:
        """Return the contexts for the registry, and for token servers and object stores.

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
    """TLS contexts, made at the first use: their files may appear only then."""

    trust: Trust
    _made: tuple[ssl.SSLContext, ssl.SSLContext] | None = field(default=None, init=False)

    def __getitem__(self, index: int) -> ssl.SSLContext:
        """Return the context for the registry (0), or for others (1). Raises `Unseen`."""
        if self._made is None:
            self._made = self.trust.contexts()
        return self._made[index]


def _refuse() -> str:
    """Raise, in place of OpenSSL's prompt for the password of an encrypted key."""
    raise ValueError("the private key is encrypted")


def _unusable(path: Path | None, error: OSError | ValueError) -> Unseen:
    if isinstance(error, ssl.SSLError):
        return Unseen(str(path), Reason.UNREADABLE, "no certificate, or not the key to it")
    words = error.strerror if isinstance(error, OSError) else str(error)
    return Unseen(str(path), Reason.UNREADABLE, words or "unreadable")
