"""Does a registry open a repository to the pull secrets of a pod, tried as a kubelet tries them?"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.snapshot import Admission
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Place
from exporter.ports import Unseen
from exporter.sources.registry.credentials import FixedLogin, Login
from exporter.sources.registry.manifests import head
from exporter.sources.registry.pull_secrets import PullSecretLogins
from exporter.sources.registry.session import Session

_REFUSED: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED})
_MOST_LOGINS: Final = 32
"""Logins that are tried for one image; each costs a request."""


@dataclass(frozen=True, slots=True)
class PullSecretCheck:
    """One registry, asked with other logins; implements `exporter.ports.CredentialCheck`."""

    session: Session
    secrets: Callable[[], Mapping[str, tuple[bytes, ...]]]
    """Which sets of pull secrets are there now, by their names?"""

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        """Try the logins for an image in turn, until one opens its repository.

        `host` is how the image's reference names the registry; what is at `place` is known to be
        there. What else a node may know (a credential provider, its runtime's settings) is not
        seen from here.
        """
        said = partial(Admission, login, place[0])
        secrets = self.secrets().get(login)
        if secrets is None:
            return said(None, Reason.CREDENTIALS, "its pull secrets could not be read")
        try:
            logins = await asyncio.to_thread(_logins, secrets, host, place[0])
        except Malformed as error:
            return said(False, Reason.CREDENTIALS, f"{error}: a kubelet pulls nothing with it")
        except Unseen as unseen:
            return said(None, unseen.reason, f"{unseen.subject}: {unseen.detail}")
        refused = Reason.UNAUTHORIZED
        for each in logins[:_MOST_LOGINS] or (None,):
            try:
                if await self._opens(each, place):
                    return said(True)
            except Unseen as unseen:
                if unseen.reason not in _REFUSED:
                    return said(None, unseen.reason, unseen.detail)
                refused = unseen.reason
            else:
                detail = "not found with these credentials, though it is there"
                return said(None, Reason.UNCONFIRMED, detail)
        if len(logins) > _MOST_LOGINS:
            return said(None, Reason.TOO_LARGE, f"more than {_MOST_LOGINS} logins for one registry")
        return said(False, refused, _told(len(logins), host))

    async def _opens(self, login: Login | None, place: Place) -> bool:
        session = self.session.of_other(FixedLogin(login))
        return isinstance(await head(session, *place), Digest)


def _logins(secrets: Iterable[bytes], host: str, repository: str) -> tuple[Login, ...]:
    """Read the secrets anew each time: they are not kept. It takes as long as they are large."""
    return PullSecretLogins.of(secrets).find(host, repository)


def _told(logins: int, host: str) -> str:
    if not logins:
        return f"no pull secret is for {host}, and nobody is let in without"
    return "the login is refused" if logins == 1 else f"each of {logins} logins is refused"
