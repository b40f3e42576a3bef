"""Gitea's packages API, which Forgejo has too (Gitea 1.26.0, run; `routers/api/v1/packages`).

An owner's packages are listed to whoever may read them, all or none. Each version is an entry.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.oci.reference import Repository
from exporter.ports import Listing
from exporter.sources.registry.lists.pages import ItemList, NamespaceList, within

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
        path = f"/api/v1/packages/{quote(name, safe='')}?type=container&limit={_LARGEST_PAGE}"
        owner = name.lower()
        items = ItemList(
            list[_GiteaPackage], lambda each: f"{owner}/{each.name}", "x-total-count", several=True
        )
        return await self.listed(path, within(name), most, items)
