"""Quay's API v1 (quay/quay of 2026-08-21, `endpoints/api/repository.py`, run).

It lists the repositories of a namespace that the token's user may read, and those that are public.
All of them are seen by an administrator of the organization. A member sees whether it is a proxy
cache (`endpoints/api/organization.py`): there HEAD and GET of a tag create it and move its expiry,
by which quota eviction chooses (run), so its repositories are not listed without consent.
"""

from dataclasses import dataclass, replace
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import Pulls
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


class _QuayProxyCache(msgspec.Struct, gc=False):
    upstream_registry: str = ""


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
        listing = await self._without_cached(listing, name, subject)
        return listing if await self._is_admin(quoted) else in_part(listing, subject, _IN_PART)

    async def _without_cached(
        self, listing: Listing[Repository], name: str, subject: str
    ) -> Listing[Repository]:
        """Return a list without what reads would change: in a proxy cache that no part names."""
        limits = self.api.limits
        named = tuple(each for each in listing.entries if limits.proxied(each))
        if limits.pulls is not Pulls.ASK or len(named) == len(listing.entries):
            return listing
        if not await self._caches(quote(name, safe="")):
            return listing
        words = f"{name} is a proxy cache, and reads move the expiry by which it evicts"
        way = f"name {name}/* in parts with role: proxy, or set pulls: accept"
        gap = Gap(Scope.REGISTRY, subject, Reason.CONSENT, f"{words}; {way}")
        return replace(listing, entries=named, gaps=(*listing.gaps, gap))

    async def _caches(self, quoted: str) -> bool:
        """Is it a proxy cache? Where Quay has none, it does not know the question either."""
        subject = "proxycache"
        try:
            response = await self.api.get(f"/api/v1/organization/{quoted}/proxycache", subject)
            return bool(decoded(response, _QuayProxyCache, subject).upstream_registry)
        except Unseen:
            return False

    async def _is_admin(self, quoted: str) -> bool:
        subject = "organization"
        try:
            response = await self.api.get(f"/api/v1/organization/{quoted}", subject)
            return decoded(response, _QuayOrganization, subject).is_admin
        except Unseen:
            return False
