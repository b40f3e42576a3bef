"""Harbor's API v2.0 (`api/v2.0/swagger.yaml` of 2.15.2, and its handlers, read).

A project is listed to whoever may list its repositories, whole or not at all. Without a project
Harbor lists what the account may see, and says so nowhere: only a system administrator sees all.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.lists.api import decoded
from exporter.sources.registry.lists.pages import ItemList, NamespaceList, in_part, within

_API: Final = "/api/v2.0"
_LARGEST_PAGE: Final = 100
_IN_PART: Final = (
    "Harbor lists what the account may see: name its projects (repositories.namespaces), "
    "or use a system robot with catalog: read and from: catalog"
)


class _HarborRepository(msgspec.Struct, gc=False):
    name: str
    """With its project: `team/app`."""


class _HarborUser(msgspec.Struct, gc=False):
    sysadmin_flag: bool = False


_ITEMS: Final = ItemList(list[_HarborRepository], lambda each: each.name, "x-total-count")


@dataclass(frozen=True, slots=True)
class HarborList(NamespaceList):
    """Repositories of projects; without any, all that the account may see."""

    async def repositories(self) -> Listing[Repository]:
        """Return what is listed, and what may be left out. Raises `Unseen`."""
        if self.namespaces:
            return await NamespaceList.repositories(self)
        await self.api.login()
        most = self.api.limits.repositories
        every = await self._at(f"{_API}/repositories", "_catalog", most)
        return every if await self._sees_all() else in_part(every, "_catalog", _IN_PART)

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of a project. Raises `Unseen`."""
        path = f"{_API}/projects/{quote(name, safe='')}/repositories"
        return await self._at(path, within(name), most)

    async def _at(self, path: str, subject: str, most: int) -> Listing[Repository]:
        return await self.listed(f"{path}?page_size={_LARGEST_PAGE}", subject, most, _ITEMS)

    async def _sees_all(self) -> bool:
        """Is it a system administrator? A robot has no user to ask about (412)."""
        subject = "users/current"
        try:
            response = await self.api.get(f"{_API}/users/current", subject)
            return decoded(response, _HarborUser, subject).sysadmin_flag
        except Unseen:
            return False
