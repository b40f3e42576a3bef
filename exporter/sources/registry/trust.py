"""Whom does a TLS connection believe, and as whom does it present itself?"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Trust:
    """What is added to the system's certificate authorities, and the client's own certificate."""

    ca_file: Path | None = None
    """PEM file of further authorities: added to the system's, never instead of them."""
    certificate: Path | None = None
    """PEM file of a client certificate, shown to the registry itself only."""
    key: Path | None = None
    """Its private key; None where the certificate's file holds both."""
