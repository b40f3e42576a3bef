"""Quay's API v1 (quay/quay of 2026-08-21, `endpoints/api/repository.py`, read).

It lists the repositories of a namespace that the token's user may read, and those that are public.
All of them are seen by an administrator of the organization.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.lists.api import decoded
from exporter.sources.registry.lists.pages import ApiList, Entries, NamespaceList, in_part, within
from exporter.sources.registry.messages import Response

_IN_PART: Final = (
    "Quay lists what the token's user may read: all to an administrator of the organization, "
    "with a token of the scopes repo:read and org:admin"
)


class _QuayRepository(msgspec.Struct, gc=False):
    namespace: str
    name: str


class _QuayRepositories(msgspec.Struct, gc=False):
    repositories: list[_QuayRepository]
    next_page: str | None = None


class _QuayOrganization(msgspec.Struct, gc=False):
    is_admin: bool = False


@dataclass(frozen=True, slots=True)
class QuayList(NamespaceList):
    """Repositories of organizations and users."""

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of an organization or a user. Raises `Unseen`."""
        subject, quoted = within(name), quote(name, safe="")

        def read(response: Response) -> Entries:
            found = decoded(response, _QuayRepositories, subject)
            names = [f"{each.namespace}/{each.name}" for each in found.repositories]
            return Entries(names, onward=found.next_page)

        path = f"/api/v1/repository?namespace={quoted}&public=true"
        listing = await ApiList(self.api, subject, path, read, "next_page").repositories(most)
        return listing if await self._is_admin(quoted) else in_part(listing, subject, _IN_PART)

    async def _is_admin(self, quoted: str) -> bool:
        subject = "organization"
        try:
            response = await self.api.get(f"/api/v1/organization/{quoted}", subject)
            return decoded(response, _QuayOrganization, subject).is_admin
        except Unseen:
            return False
