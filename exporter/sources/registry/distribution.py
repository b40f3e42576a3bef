"""What does a registry of the distribution API list, and what does it really hand out?"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from exporter.sources import Tally
from exporter.sources.registry.credentials import ANONYMOUS
from exporter.sources.registry.limits import Limits
from exporter.sources.registry.trust import Trust

if TYPE_CHECKING:
    from collections.abc import Mapping

    from exporter.sources.registry.credentials import Credentials


class Distribution:
    """One registry, asked over HTTP; implements `exporter.sources.Registry`."""

    def __init__(self, name: str) -> None:
        self.name = name
        self.tally = Tally()
        """What was asked since it was opened."""

    @classmethod
    def open(
        cls,
        name: str,
        base_url: str,
        *,
        credentials: Credentials = ANONYMOUS,
        tls: Trust = Trust(),  # noqa: B008 - frozen value
        limits: Limits = Limits(),  # noqa: B008 - frozen value
        environ: Mapping[str, str] = os.environ,
    ) -> Self:
        """Make ready to ask a registry; nothing is connected before the first question.

        `base_url` is `https://host[:port]`, or `http://` where plain http was asked for;
        `environ` tells the proxies (HTTPS_PROXY, HTTP_PROXY, NO_PROXY).
        Raises `Malformed` for an address that is none, `Unseen` for certificates that cannot be
        read.
        """
        return cls(name)

    def reset(self) -> None:
        """Begin an audit: give a registry that counts as dead, and refused logins, another try."""

    async def __aenter__(self) -> Self:
        """Return the registry, open."""
        return self

    async def __aexit__(self, *_: object) -> None:
        """Close every connection."""
        await self.aclose()

    async def aclose(self) -> None:
        """Close every connection."""
