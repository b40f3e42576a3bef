"""GitLab's container registry API v4 (`doc/api/container_registry.md`, read; its finder, read).

A group is listed with its subgroups, and whole, to whoever may read container images in it
(Reporter, `ContainerRepositoriesFinder`); so is a project.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.oci.reference import Repository
from exporter.ports import Listing
from exporter.sources.registry.lists.api import NotFound
from exporter.sources.registry.lists.pages import ItemList, NamespaceList, within

_LARGEST_PAGE: Final = 100


class _GitLabRepository(msgspec.Struct, gc=False):
    path: str
    """`group/project/name`."""


_ITEMS: Final = ItemList(list[_GitLabRepository], lambda each: each.path, "x-total")
"""X-Total is left out of lists of more than 10,000."""


@dataclass(frozen=True, slots=True)
class GitLabList(NamespaceList):
    """Repositories of groups and projects."""

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of a group, or else of a project. Raises `Unseen`."""
        try:
            return await self._of("groups", name, most)
        except NotFound:
            return await self._of("projects", name, most)

    async def _of(self, kind: str, name: str, most: int) -> Listing[Repository]:
        place = f"/api/v4/{kind}/{quote(name, safe='')}/registry/repositories"
        return await self.listed(f"{place}?per_page={_LARGEST_PAGE}", within(name), most, _ITEMS)
