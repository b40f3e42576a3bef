"""Gitea's packages API, which Forgejo has too (Gitea 1.26.0, run; `routers/api/v1/packages`).

An owner's packages are listed to whoever may read them, all or none. Each version is an entry.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.oci.reference import Repository
from exporter.ports import Listing
from exporter.sources.registry.lists.api import decoded
from exporter.sources.registry.lists.pages import (
    ApiList,
    Entries,
    NamespaceList,
    stated_total,
    within,
)
from exporter.sources.registry.messages import Response

_LARGEST_PAGE: Final = 50
"""Its default for `MAX_RESPONSE_ITEMS`."""


class _GiteaPackage(msgspec.Struct, gc=False):
    name: str
    """Without its owner."""


@dataclass(frozen=True, slots=True)
class GiteaList(NamespaceList):
    """Repositories of users and organizations."""

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of an owner. Raises `Unseen`."""
        subject = within(name)

        def read(response: Response) -> Entries:
            found = decoded(response, list[_GiteaPackage], subject)
            names = [f"{name.lower()}/{each.name}" for each in found]
            return Entries(names, stated_total(response, "x-total-count"), several=True)

        path = f"/api/v1/packages/{quote(name, safe='')}?type=container&limit={_LARGEST_PAGE}"
        return await ApiList(self.api, subject, path, read).repositories(most)
