"""Pages of an API's list: followed to their end, and followed again where they may have moved.

A page that is asked for by its number begins so many entries after the first one of the list. An
entry that is deleted meanwhile moves the rest forward, and the first of the next page is never
shown. The next walk does not show the deleted one either: that is how it is noticed.
"""

from collections.abc import Callable, Container, Sequence
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar
from urllib.parse import quote

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository, repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.lists.api import ApiSession, decoded
from exporter.sources.registry.messages import Response
from exporter.sources.registry.names import NameCollector
from exporter.sources.registry.paging import ListPage, PagedList, as_listing, walk

_WALKS: Final = 4
_LONGEST_TOKEN: Final = 4096

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Entries:
    """The entries of one page of an API."""

    names: Sequence[str]
    """Names of repositories, one for each entry, as the API has them."""
    total: int | None = None
    """Entries of all pages, as the API states it."""
    onward: str | None = None
    """The token of the next page, where pages have no numbers; None or empty at the end."""
    several: bool = False
    """May several entries be of one repository?"""


@dataclass(frozen=True, slots=True)
class ItemList(Generic[Item]):
    """A list whose pages have numbers, each a JSON list of one kind of item."""

    kind: type[list[Item]]
    name: Callable[[Item], str]
    """Returns the repository of an item."""
    total: str = ""
    """The header that states how many items there are; empty where none does."""
    several: bool = False

    def entries(self, page: Response, subject: str) -> Entries:
        """Read a page. Raises `Unseen`."""
        names = list(map(self.name, decoded(page, self.kind, subject)))
        return Entries(names, stated_total(page, self.total), several=self.several)


@dataclass(frozen=True, slots=True)
class ApiList:
    """One list of an API."""

    api: ApiSession
    subject: str
    path: str
    """Path and query of its first page, without what selects the page."""
    read: Callable[[Response], Entries]
    """Raises `Unseen`."""
    token: str = ""
    """The parameter that takes the token of a page; empty where pages have numbers."""

    async def fetch(self, query: str) -> Response:
        """Return the page that a query selects, the first one where it is empty."""
        joint = "&" if "?" in self.path else "?"
        return await self.api.get(
            f"{self.path}{joint}{query}" if query else self.path, self.subject
        )

    async def repositories(self, most: int) -> Listing[Repository]:
        """Return what is listed, `most` repositories at most, and what may be left out.

        Raises `Unseen` where nothing at all could be listed.
        """
        return as_listing(await self._settled(most), self.subject)

    async def _settled(self, most: int) -> PagedList:
        """Walk until a walk is whole, and shows everything that the one before it did."""
        before: PagedList | None = None
        for _ in range(_WALKS):
            pages = _Pages(self)
            try:
                walked = await walk(pages, "" if self.token else "page=1", most)
            except Unseen as unseen:
                if before is None:
                    raise
                before.faults.append((unseen.reason, unseen.detail))
                return before
            if walked.faults:
                return walked
            kept = before is not None and before.entries.keys() <= walked.entries.keys()
            if pages.whole(walked) and (kept or self.token or pages.asked < 2):  # noqa: PLR2004 - one page cannot move
                return walked
            before = walked
        if before is None:
            raise AssertionError("a list is walked at least once")
        before.faults.append((Reason.INCOMPLETE_LIST, pages.doubt(before)))
        return before


@dataclass(slots=True)
class _Pages:
    """One walk; implements `paging.PageSource`."""

    list: ApiList
    asked: int = 0
    """Pages that came, an empty one at the end too."""
    came: int = 0
    """Entries of all pages."""
    total: int | None = None
    several: bool = False

    async def page(self, query: str, most: int, known: Container[str]) -> ListPage:
        """Return one page. Raises `Unseen`."""
        asked = self.list
        response = await asked.fetch(query)
        entries = asked.read(response)
        names = NameCollector(repository, most, known)
        try:
            for name in entries.names:
                names.add(name)
        except Malformed as error:
            raise Unseen(asked.subject, Reason.MALFORMED, str(error)) from error
        self.asked += 1
        self.came += len(entries.names)
        self.total, self.several = entries.total, entries.several
        if entries.several:
            names.count = 0  # a page of versions alone, with no new repository, goes in no circles
        return ListPage(names, response.received, self._onward(query, entries))

    def _onward(self, query: str, entries: Entries) -> str:
        """Return the query of the next page: by number up to an empty one, or to all entries.

        What a Link says is not followed. It may name another host, as where a server does not
        know its own address.
        """
        if self.list.token:
            return f"{self.list.token}={_token(entries, self.list)}" if entries.onward else ""
        if not entries.names or (self.total is not None and self.came >= self.total):
            return ""
        return f"page={int(query.removeprefix('page=')) + 1}"

    def beyond(self, names: NameCollector[Any]) -> str:  # noqa: ARG002 - protocol
        """Look no further."""
        return ""

    def whole(self, walked: PagedList) -> bool:
        """Did as many entries come as the API says that there are?"""
        return self.total is None or self._distinct(walked) == self.total

    def _distinct(self, walked: PagedList) -> int:
        return self.came if self.several else len(walked.entries) + walked.refusals

    def doubt(self, walked: PagedList) -> str:
        """Say why a list may leave something out."""
        if self.whole(walked):
            return "repositories were deleted while it was listed, each time"
        return f"{self._distinct(walked):,} of {self.total:,} entries came"


def _token(entries: Entries, asked: ApiList) -> str:
    token = entries.onward or ""
    if len(token) > _LONGEST_TOKEN:
        raise Unseen(asked.subject, Reason.MALFORMED, "the token of its next page is too long")
    return quote(token, safe="")


def stated_total(response: Response, header: str) -> int | None:
    """Return how many entries there are, as a header states it; None where it does not."""
    text = response.headers.get(header, "")
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 9 else None  # noqa: PLR2004 - more digits than any limit has
