"""Lists of the repositories of namespaces: an owner's, a project's or a group's, by API.

Each says by what its API shows that a list is whole. Where that is not shown, a gap says so.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from typing import Any, Final, TypeVar
from urllib.parse import quote

import msgspec

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.registry_kind import Pulls
from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen, joined
from exporter.sources.registry.lists.api import ApiSession, NotFound, decoded
from exporter.sources.registry.lists.pages import ApiList, Entries, ItemList
from exporter.sources.registry.messages import Response

Document = TypeVar("Document")

_LARGEST_PAGE: Final = 100


@dataclass(frozen=True, slots=True)
class NamespaceList(ABC):
    """Lists the repositories of namespaces; implements `exporter.ports.RepositoryList`."""

    api: ApiSession
    namespaces: tuple[str, ...] = ()

    @abstractmethod
    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of one namespace, so many at most. Raises `Unseen`."""

    async def repositories(self) -> Listing[Repository]:
        """Return the lists of all together; one that cannot be had is a gap.

        Raises `Unseen` where there is no login.
        """
        await self.api.login()
        found: list[Listing[Repository]] = []
        for name in self.namespaces:
            left = self.api.limits.repositories - sum(len(each.entries) for each in found)
            try:
                found.append(await self.namespace(name, left))
            except Unseen as unseen:
                found.append(Listing((), (unseen.gap(Scope.REGISTRY),)))
        every = joined(*found)
        return replace(every, entries=tuple(dict.fromkeys(every.entries)))

    async def listed(
        self, path: str, subject: str, most: int, items: ItemList[Any]
    ) -> Listing[Repository]:
        """Return the list at a path. Raises `Unseen`."""
        pages = ApiList(self.api, subject, path, lambda page: items.entries(page, subject))
        return await pages.repositories(most)

    async def told(self, path: str, kind: type[Document]) -> Document:
        """Return what the API says of an account; nothing of it where that cannot be had."""
        try:
            return decoded(await self.api.get(path, path), kind, path)
        except Unseen:
            return kind()

    async def aclose(self) -> None:
        """Close every connection; a request afterwards opens another."""
        await self.api.aclose()


def within(namespace: str) -> str:
    """Return the subject of what concerns the list of one namespace."""
    return f"_catalog of {namespace}"


def in_part(listing: Listing[Repository], subject: str, words: str) -> Listing[Repository]:
    """Return a list that the account may see only in part."""
    gap = Gap(Scope.REGISTRY, subject, Reason.INCOMPLETE_LIST, words)
    return replace(listing, gaps=(*listing.gaps, gap))


_HARBOR_API: Final = "/api/v2.0"
_HARBOR_IN_PART: Final = (
    "Harbor lists what the account may see: name its projects (repositories.namespaces), "
    "or use a system robot with catalog: read and from: catalog"
)


class _HarborRepository(msgspec.Struct, gc=False):
    name: str
    """With its project: `team/app`."""


class _HarborUser(msgspec.Struct, gc=False):
    sysadmin_flag: bool = False


_HARBOR_ITEMS: Final = ItemList(list[_HarborRepository], lambda each: each.name, "x-total-count")


@dataclass(frozen=True, slots=True)
class HarborList(NamespaceList):
    """Repositories of projects; without any, all that the account may see.

    Harbor's API v2.0 (`api/v2.0/swagger.yaml` of 2.15.2, and its handlers, read). A project is
    listed to whoever may list its repositories, whole or not at all. Without a project Harbor lists
    what the account may see, and says so nowhere: only a system administrator sees all.
    """

    async def repositories(self) -> Listing[Repository]:
        """Return what is listed, and what may be left out. Raises `Unseen`."""
        if self.namespaces:
            return await NamespaceList.repositories(self)
        await self.api.login()
        most = self.api.limits.repositories
        every = await self._at(f"{_HARBOR_API}/repositories", "_catalog", most)
        return every if await self._sees_all() else in_part(every, "_catalog", _HARBOR_IN_PART)

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of a project. Raises `Unseen`."""
        await self.api.login(name)
        path = f"{_HARBOR_API}/projects/{quote(name, safe='')}/repositories"
        return await self._at(path, within(name), most)

    async def _at(self, path: str, subject: str, most: int) -> Listing[Repository]:
        return await self.listed(f"{path}?page_size={_LARGEST_PAGE}", subject, most, _HARBOR_ITEMS)

    async def _sees_all(self) -> bool:
        """Is it a system administrator? A robot has no user to ask about (412)."""
        return (await self.told(f"{_HARBOR_API}/users/current", _HarborUser)).sysadmin_flag


class _GitLabRepository(msgspec.Struct, gc=False):
    path: str
    """`group/project/name`."""


_GITLAB_ITEMS: Final = ItemList(list[_GitLabRepository], lambda each: each.path, "x-total")
"""X-Total is left out of lists of more than 10,000."""


@dataclass(frozen=True, slots=True)
class GitLabList(NamespaceList):
    """Repositories of groups and projects.

    GitLab's container registry API v4 (`doc/api/container_registry.md`, read; its finder, read).
    A group is listed with its subgroups, and whole, to whoever may read container images in it
    (Reporter, `ContainerRepositoriesFinder`); so is a project.
    """

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of a group, or else of a project. Raises `Unseen`."""
        try:
            return await self._of("groups", name, most)
        except NotFound:
            return await self._of("projects", name, most)

    async def _of(self, kind: str, name: str, most: int) -> Listing[Repository]:
        place = f"/api/v4/{kind}/{quote(name, safe='')}/registry/repositories"
        return await self.listed(
            f"{place}?per_page={_LARGEST_PAGE}", within(name), most, _GITLAB_ITEMS
        )


_GITEA_PAGE: Final = 50
"""Its default for `MAX_RESPONSE_ITEMS`."""


class _GiteaPackage(msgspec.Struct, gc=False):
    name: str
    """Without its owner."""


@dataclass(frozen=True, slots=True)
class GiteaList(NamespaceList):
    """Repositories of users and organizations.

    Gitea's packages API, which Forgejo has too (Gitea 1.26.0, run; `routers/api/v1/packages`).
    An owner's packages are listed to whoever may read them, all or none. Each version is an entry.
    """

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of an owner. Raises `Unseen`."""
        await self.api.login(name)
        path = f"/api/v1/packages/{quote(name, safe='')}?type=container&limit={_GITEA_PAGE}"
        owner = name.lower()
        items = ItemList(
            list[_GiteaPackage], lambda each: f"{owner}/{each.name}", "x-total-count", several=True
        )
        return await self.listed(path, within(name), most, items)


_GITHUB_SCOPES: Final = frozenset({"read:packages", "write:packages", "delete:packages"})
_GITHUB_IN_PART: Final = (
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
    """Repositories of organizations and users.

    GitHub's packages API (REST, version 2022-11-28, read), which lists what GHCR holds: "packages
    readable by the user". It does not say where it leaves some out. All are seen by an owner of the
    organization, and by the user whose packages they are, with a classic token that may read
    packages; a fine-grained one is shown public packages alone.
    """

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of an owner. Raises `Unseen`."""
        subject, quoted = within(name), quote(name, safe="")

        account = await self.api.get(f"/users/{quoted}", subject)
        group = decoded(account, _GitHubAccount, subject).type == "Organization"
        path = f"/{'orgs' if group else 'users'}/{quoted}/packages?package_type=container"
        items = ItemList(list[_GitHubPackage], lambda each: f"{name}/{each.name}".lower())
        listing = await self.listed(f"{path}&per_page={_LARGEST_PAGE}", subject, most, items)
        sees_all = await (self._is_owner(quoted) if group else self._is_user(name))
        return listing if sees_all else in_part(listing, subject, _GITHUB_IN_PART)

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
    return not _GITHUB_SCOPES.isdisjoint(scope.strip() for scope in scopes)


_QUAY_IN_PART: Final = (
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
    """Repositories of organizations and users.

    Quay's API v1 (quay/quay of 2026-08-21, `endpoints/api/repository.py`, run) lists the
    repositories of a namespace that the token's user may read, and those that are public. All of
    them are seen by an administrator of the organization. A member sees whether it is a proxy cache
    (`endpoints/api/organization.py`): there HEAD and GET of a tag create it and move its expiry, by
    which quota eviction chooses (run), so its repositories are not listed without consent.
    """

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
        return listing if await self._is_admin(quoted) else in_part(listing, subject, _QUAY_IN_PART)

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
        path = f"/api/v1/organization/{quoted}/proxycache"
        return bool((await self.told(path, _QuayProxyCache)).upstream_registry)

    async def _is_admin(self, quoted: str) -> bool:
        return (await self.told(f"/api/v1/organization/{quoted}", _QuayOrganization)).is_admin
