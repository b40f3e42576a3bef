"""Catalogue of a registry, with the names that its paging loses.

distribution continues a catalogue after the last name in one order (component by component) but
walks its storage in another. Names on which these differ are lost at the end of a page: `foo` after
`foo/1bar` on any storage, `foo` and everything below it after `foo-bar` on S3 (3.0, 3.1). 2.8 ends
the list there without a Link; 3.x skips, or drops the connection.
"""

import asyncio
from bisect import bisect_left
from collections.abc import Container, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from itertools import islice
from typing import Final
from urllib.parse import parse_qsl, quote, urlencode

from exporter.facts.gap import Reason
from exporter.facts.registry_kind import Collector
from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository, repository, tag
from exporter.ports import Listing, Unseen
from exporter.sources.registry.messages import Response, for_list
from exporter.sources.registry.names import NameCollector, NameReader
from exporter.sources.registry.paging import ListPage, PagedList, as_listing, read_page, walk
from exporter.sources.registry.recognition import recognise
from exporter.sources.registry.responses import refusal
from exporter.sources.registry.session import Session

_PATH: Final = "/v2/_catalog"
_SMALLER: Final = (100, 99, 10)
"""Page sizes to try where the first is refused, or where it makes the registry panic: whether it
does depends on the very name that a page ends with."""
_ROUND: Final = 50
"""A page whose length is a multiple of this may be cut by a limit that was not stated."""
_MOST_CUTS: Final = 16
"""Maximum places of one name that are tried."""
_MOST_DOUBTS: Final = 1_000
_OK, _BAD_REQUEST = 200, 400
_NONE: Final = frozenset({404, 405, 501})


async def repositories(session: Session) -> Listing[Repository]:
    """Return the listed repositories, and those that paging is known to lose.

    Raises `Unseen` if there is no catalogue, or no right to list it.
    """
    size = session.limits.page_entries
    walked = await walk(_Catalogue(session, size), f"n={size}", session.limits.repositories)
    if walked.ends:
        await _look_for_lost(session, walked)
    return as_listing(walked, "_catalog")


def overlooked(last: str) -> Iterator[tuple[str, str]]:
    """Yield the names that may be lost after a page that ends with this one.

    Storage is walked with `foo/1bar` before `foo`, since digits sort before the `_` of the folders
    beside it; on S3 also with `foo-bar` and `foo.bar` before `foo`. `last` is the name of a
    repository, so the derived names are short.
    """
    for position, character in enumerate(last):
        if character in "-." or (character == "/" and last[position + 1 : position + 2].isdigit()):
            yield last[:position], character


class Order(Enum):
    """Order in which a registry walks its storage, as far as a list of names shows it."""

    FOLDERS = "folders"
    """`foo` and all below it before `foo-bar`: as folders sort, and as names do."""
    KEYS = "keys"
    """`foo` after `foo-bar`: a flat walk over object keys, since `-` sorts before `/`."""
    UNCLEAR = "unclear"


def order(names: Iterable[str]) -> Order:
    """Return the order, by names that begin with another name and continue with `-` or `.`."""
    listed = {name: at for at, name in enumerate(names)}
    ordered, shown = sorted(listed), Order.UNCLEAR
    for name, at in listed.items():
        for cut in _cuts(name):
            if listed.get(cut, -1) > at:
                return Order.KEYS
            below = bisect_left(ordered, f"{cut}/")
            inside = below < len(ordered) and ordered[below].startswith(f"{cut}/")
            if cut in listed or (inside and listed[ordered[below]] < at):
                shown = Order.FOLDERS
    return shown


def _cuts(name: str) -> Iterator[str]:
    """Yield what stands before the first few `-` and `.` of a name: more would tell no more."""
    ends = (name[:at] for at, character in enumerate(name) if character in "-.")
    return islice(ends, _MOST_CUTS)


@dataclass(slots=True)
class _Catalogue:
    session: Session
    size: int
    """Maximum entries per requested page."""

    async def page(self, query: str, most: int, known: Container[str]) -> ListPage:
        """Return one page; try another page size if the registry fails with this one."""
        failure = Unseen("_catalog", Reason.UNSUPPORTED, "no page size suits it")
        names = NameReader("repositories", repository, most, known)
        for size in (0, *_SMALLER):
            path = f"{_PATH}?{_resized(query, size)}"
            try:
                response = await self.session.send(for_list(path, names))
            except Unseen as unseen:
                if unseen.reason is not Reason.RESET:
                    raise
                failure = unseen
                continue
            if response.status != _BAD_REQUEST:
                self.size = size or self.size
                return _page(response, names, self.session.address + _PATH)
            failure = refusal(response, "_catalog")
        raise failure

    def beyond(self, names: NameCollector[Repository]) -> str:
        """Request the page after a full last page: 2.8 may have omitted the Link."""
        if not names.last or (names.count != self.size and names.count % _ROUND):
            return ""
        return f"n={self.size}&last={quote(names.last, safe='')}"


def _page(response: Response, names: NameReader[Repository], asked: str) -> ListPage:
    if response.status in _NONE:
        raise Unseen("_catalog", Reason.UNSUPPORTED, f"{response.status}: it has no catalogue")
    if response.status != _OK:
        raise refusal(response, "_catalog")
    return read_page(response, names, "_catalog", asked)


def _resized(query: str, size: int) -> str:
    """Return a query with another page size; 0 leaves it as it is."""
    if not size:
        return query
    return urlencode([*((k, v) for k, v in parse_qsl(query) if k != "n"), ("n", str(size))])


async def _look_for_lost(session: Session, walked: PagedList) -> None:
    """Request each name that the end of a page may have hidden, and add those that exist."""
    shown = await asyncio.to_thread(order, tuple(walked.entries))
    doubtful = _doubtful(walked)
    asked = list(doubtful)[:_MOST_DOUBTS]
    for name in asked:
        await _ask_for(session, Repository(name), walked)
    if shown is Order.UNCLEAR and any(
        name in walked.entries and doubtful[name] in "-." for name in asked
    ):
        shown = Order.KEYS  # a name was found that a page's end had hidden as object keys do
    if len(doubtful) > _MOST_DOUBTS or await _hides(session, walked, shown):
        words = "the ends of its pages hide repositories that no request brings to light"
        walked.faults.append((Reason.INCOMPLETE_LIST, words))


def _doubtful(walked: PagedList) -> dict[str, str]:
    """Return names that may be hidden and what cuts each: one more than are asked for at most."""
    found: dict[str, str] = {}
    for last in walked.ends:
        for name, cut in overlooked(last):
            if name not in walked.entries and _is_name(name):
                found[name] = found.get(name, cut) if cut == "/" else cut
                if len(found) > _MOST_DOUBTS:
                    return found
    return found


def _is_name(text: str) -> bool:
    with suppress(Malformed):
        return bool(repository(text))
    return False


async def _ask_for(session: Session, name: Repository, walked: PagedList) -> None:
    if session.limits.proxied(name):
        return  # nothing of it is looked at, listed or not
    names = NameReader("tags", tag, 0)
    try:
        response = await session.send(for_list(f"/v2/{name}/tags/list", names, name))
    except Unseen as unseen:
        walked.faults.append((Reason.INCOMPLETE_LIST, f"{name}: {unseen.detail}"))
        return
    if response.status == _OK:
        walked.entries[name] = None


async def _hides(session: Session, walked: PagedList, shown: Order) -> bool:
    """Can more names be lost after a page than can be derived? On S3 with 3.0 and 3.1.

    Everything below `foo` is lost with it after `foo-bar`.
    """
    if not any(character in last for last in walked.ends for character in "-."):
        return False
    if shown is not Order.UNCLEAR:
        return shown is Order.KEYS
    try:
        asked = (each for each in walked.entries if not session.limits.proxied(each))
        kind, _ = await recognise(session, repository(next(asked)))
    except (Unseen, Malformed, StopIteration):
        return True
    return kind.collector is Collector.DISTRIBUTION_3
