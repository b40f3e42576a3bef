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
from exporter.sources.registry.lists.api import NotFound, decoded
from exporter.sources.registry.lists.pages import (
    ApiList,
    Entries,
    NamespaceList,
    stated_total,
    within,
)
from exporter.sources.registry.messages import Response

_LARGEST_PAGE: Final = 100


class _GitLabRepository(msgspec.Struct, gc=False):
    path: str
    """`group/project/name`."""


@dataclass(frozen=True, slots=True)
class GitLabList(NamespaceList):
    """Repositories of groups and projects."""

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of a group, or else of a project. Raises `Unseen`."""
        try:
            return await self._listed("groups", name, most)
        except NotFound:
            return await self._listed("projects", name, most)

    async def _listed(self, kind: str, name: str, most: int) -> Listing[Repository]:
        subject = within(name)

        def read(response: Response) -> Entries:
            found = decoded(response, list[_GitLabRepository], subject)
            # X-Total is left out of lists of more than 10,000.
            return Entries([each.path for each in found], stated_total(response, "x-total"))

        path = f"/api/v4/{kind}/{quote(name, safe='')}/registry/repositories"
        query = f"?per_page={_LARGEST_PAGE}"
        return await ApiList(self.api, subject, path + query, read).repositories(most)
