"""Docker Hub's API (`docs.docker.com/reference/api/hub/latest`, read 2026-11).

It lists public repositories to everybody, and private ones to those who may read them. What it
leaves out it leaves out in silence ("a normal 200 with no indication"). So a list is whole only if
it is that of the login's own namespace, and a private repository in it shows that the token may see
these: an organization's token with the scope `scope-repository-list`, or a user's own.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import quote

import msgspec

from exporter.oci.reference import Repository
from exporter.ports import Listing
from exporter.sources.registry.lists.api import ApiSession, decoded, read_secret
from exporter.sources.registry.lists.by_namespace import NamespaceList, in_part, within
from exporter.sources.registry.lists.pages import ApiList, Entries
from exporter.sources.registry.messages import Request, Response

_LARGEST_PAGE: Final = 100
_IN_PART: Final = (
    "Docker Hub hides private repositories without a word: nothing proves that the token sees them "
    "all (an organization's token with scope-repository-list and its name as username does, "
    "where one repository is private)"
)


class _HubRepository(msgspec.Struct, gc=False):
    name: str
    is_private: bool = False


class _HubRepositories(msgspec.Struct, gc=False):
    count: int
    results: list[_HubRepository]


class _HubToken(msgspec.Struct, gc=False):
    access_token: str


def exchange(identifier: str, secret: Callable[[], str]) -> Callable[[ApiSession], Awaitable[str]]:
    """Return what turns a user's or an organization's token into one for the API.

    Raises `Unseen`, as `secret` does.
    """

    async def authorize(api: ApiSession) -> str:
        shown = {"identifier": identifier, "secret": await read_secret(secret)}
        request = Request(
            "token",
            "token for the API",
            path="/v2/auth/token",
            form=json.dumps(shown),
            form_type="application/json",
        )
        token = decoded(await api.answered(request), _HubToken, request.subject).access_token
        return f"Bearer {await read_secret(lambda: token)}"

    return authorize


@dataclass(frozen=True, slots=True)
class DockerHubList(NamespaceList):
    """Repositories of organizations and users."""

    identifier: str = ""
    """The owner of the token; empty without a token."""

    async def namespace(self, name: str, most: int) -> Listing[Repository]:
        """Return the repositories of an organization or a user. Raises `Unseen`."""
        subject = within(name)
        private = False

        def read(response: Response) -> Entries:
            nonlocal private
            found = decoded(response, _HubRepositories, subject)
            private = private or any(each.is_private for each in found.results)
            return Entries([f"{name}/{each.name}" for each in found.results], found.count)

        path = f"/v2/namespaces/{quote(name, safe='')}/repositories"
        query = f"?page_size={_LARGEST_PAGE}&ordering=name"
        listing = await ApiList(self.api, subject, path + query, read).repositories(most)
        whole = private and name == self.identifier
        return listing if whole else in_part(listing, subject, _IN_PART)
