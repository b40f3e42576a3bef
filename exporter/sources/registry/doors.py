"""Does a registry open a repository to the pull secrets of a pod, tried as a kubelet tries them?"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.facts.admission import Admission
from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.sources import Unseen
from exporter.sources.registry.credentials import Credentials, Fixed
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.keyring import Keyring

if TYPE_CHECKING:
    from exporter.oci.reference import Place

_REFUSED: Final = frozenset({Reason.UNAUTHORIZED, Reason.DENIED})


@dataclass(frozen=True, slots=True)
class Doors:
    """One registry, asked with other credentials than the exporter's own."""

    opened: Callable[[Credentials], Distribution]
    """Opens the registry with some credentials."""
    keyrings: Callable[[], Mapping[str, Keyring]]
    """Which sets of credentials are there now, by their names?"""

    async def admits(self, login: str, host: str, place: Place) -> Admission:
        """Try the logins for an image in turn, until one opens its repository.

        `host` is how the image's reference names the registry; what is at `place` is known to be
        there. What else a node may know (a credential provider, its runtime's settings) is not
        seen from here.
        """
        repository, _ = place
        keyring = self.keyrings().get(login)
        if keyring is None:
            detail = "its pull secrets could not be read"
            return Admission(login, repository, None, Reason.CREDENTIALS, detail)
        tried = keyring.find(host, repository) or (None,)
        refused = Reason.UNAUTHORIZED
        for each in tried:
            try:
                admitted = await self._opens(Fixed(each), place)
            except Unseen as unseen:
                if unseen.reason not in _REFUSED:
                    return Admission(login, repository, None, unseen.reason, unseen.detail)
                refused = unseen.reason
                continue
            if admitted:
                return Admission(login, repository, admitted=True)
            detail = "not found with these credentials, though it is there"
            return Admission(login, repository, None, Reason.UNCONFIRMED, detail)
        detail = _told(len(tried)) if tried != (None,) else f"no pull secret is for {host}"
        return Admission(login, repository, admitted=False, reason=refused, detail=detail)

    async def _opens(self, credentials: Credentials, place: Place) -> bool:
        async with self.opened(credentials) as registry:
            return isinstance(await registry.head(*place), Digest)


def _told(count: int) -> str:
    return "the login was refused" if count == 1 else f"each of {count} logins was refused"
