"""GitHub's packages API (REST, version 2022-11-28, read), which lists what GHCR holds.

It lists "packages readable by the user" and does not say where it leaves some out. All are seen by
an owner of the organization, and by the user whose packages they are, with a classic token that may
read packages; a fine-grained one is shown public packages alone.
"""

from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.lists.api import decoded
from exporter.sources.registry.lists.pages import ItemList, NamespaceList, in_part, within
from exporter.sources.registry.messages import Response

_LARGEST_PAGE: Final = 100
_SCOPES: Final = frozenset({"read:packages", "write:packages", "delete:packages"})
_IN_PART: Final = (
    "GitHub lists what the token may read: all to a classic token of an organization's owner with "
    "read:packages and read:org, or of the user who owns the packages"
)


class _GitHubPackage(msgspec.Struct, gc=False):
    name: str
    """Without its owner."""


class _GitHubAccount(msgspec.Struct, gc=False):
    login: str
    type: str = ""
    """`User` or `Organization`."""


class _GitHubMembership(msgspec.Struct, gc=False):
    state: str
    role: str


@dataclass(frozen=True, slots=True)
class GitHubList(NamespaceList):
    """Repositories of organizations and users."""

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of an owner. Raises `Unseen`."""
        subject, quoted = within(name), quote(name, safe="")

        account = await self.api.get(f"/users/{quoted}", subject)
        group = decoded(account, _GitHubAccount, subject).type == "Organization"
        path = f"/{'orgs' if group else 'users'}/{quoted}/packages?package_type=container"
        items = ItemList(list[_GitHubPackage], lambda each: f"{name}/{each.name}".lower())
        listing = await self.listed(f"{path}&per_page={_LARGEST_PAGE}", subject, most, items)
        sees_all = await (self._is_owner(quoted) if group else self._is_user(name))
        return listing if sees_all else in_part(listing, subject, _IN_PART)

    async def _is_owner(self, quoted: str) -> bool:
        """Does the token belong to an owner of an organization?"""
        subject = "user/memberships"
        try:
            response = await self.api.get(f"/user/memberships/orgs/{quoted}", subject)
            found = decoded(response, _GitHubMembership, subject)
        except Unseen:
            return False
        return (found.state, found.role) == ("active", "admin") and _reads_packages(response)

    async def _is_user(self, name: str) -> bool:
        """Does the token belong to this user?"""
        try:
            response = await self.api.get("/user", "user")
            found = decoded(response, _GitHubAccount, "user")
        except Unseen:
            return False
        return found.login.lower() == name.lower() and _reads_packages(response)


def _reads_packages(response: Response) -> bool:
    """May the token read packages? Only of classic ones GitHub says what they may."""
    scopes = response.headers.get("x-oauth-scopes", "").split(",")
    return not _SCOPES.isdisjoint(scope.strip() for scope in scopes)
