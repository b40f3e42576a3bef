"""Pages of lists: their union, and the signs of missing entries."""

import re
from collections.abc import Container
from dataclasses import dataclass, field
from typing import Any, Final, Protocol
from urllib.parse import urljoin, urlsplit

from exporter.facts.gap import Gap, Reason, Scope
from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.messages import LIST_BYTES, BodyEnd, Response
from exporter.sources.registry.names import NameCollector, NameReader
from exporter.sources.registry.responses import check_content

_MOST_PAGES: Final = 5_000
_MOST_BYTES: Final = 4 * LIST_BYTES
"""Maximum bytes of all pages of a list: 100,000 of the longest names are 26 MB."""

# The Link header (RFC 8288).
_START: Final = re.compile(r"[ \t,]*+")
_ESCAPED: Final = re.compile(r"\\(.)")
_TARGET: Final = re.compile(r"<([^<>]*+)>")
_PARAMETER: Final = re.compile(
    r'[ \t]*+;[ \t]*+(?:([^\s=;,"<>]++)[ \t]*+(?:=[ \t]*+("(?:[^"\\]|\\.)*+"|[^\s;,"<>]*+))?+)?+'
)
_END: Final = re.compile(r"[ \t]*+(?:,[ \t,]*+|\Z)")
_MOST_CHARACTERS: Final = 8192
_UNREADABLE: Final = "a Link header that cannot be read"


@dataclass(frozen=True, slots=True)
class ListPage:
    """One page of a list."""

    names: NameCollector[Any]
    """Its names, and which of them are new."""
    size: int = 0
    """Bytes."""
    onward: str = ""
    """Query of the next page; empty at the end."""
    fault: str = ""
    """Why the next page cannot be requested, although there is one."""
    doubt: tuple[Reason, str] | None = None
    """Why the account may not see all entries."""


class PageSource(Protocol):
    """Source of pages."""

    async def page(self, query: str, most: int, known: Container[str]) -> ListPage:
        """Return one page with at most `most` names that are not `known`. Raises `Unseen`."""
        ...

    def beyond(self, names: NameCollector[Any]) -> str:
        """Return the query of a page after a last page that may not be the last; or nothing."""
        ...


@dataclass(slots=True)
class PagedList:
    """Union of the pages."""

    entries: dict[str, None] = field(default_factory=dict)
    """Names in order, each once."""
    refused: list[tuple[str, str]] = field(default_factory=list)
    """The first invalid entries, with the reason for each."""
    refusals: int = 0
    """Number of invalid entries."""
    ends: list[str] = field(default_factory=list)
    """Last entry of each page that has a next one."""
    faults: list[tuple[Reason, str]] = field(default_factory=list)
    size: int = 0
    """Bytes of all pages."""

    def add(self, page: ListPage) -> None:
        """Add a page."""
        self.entries.update(page.names.found)
        self.size += page.size
        self.refusals += page.names.refusals
        if page.doubt is not None and page.doubt not in self.faults:
            self.faults.append(page.doubt)
        self.refused = self.refused or page.names.refused  # enough to show what kind they are of


async def walk(pages: PageSource, query: str, most: int) -> PagedList:
    """Follow the pages to the end, to `most` entries, or to a fault.

    Raises `Unseen` if the first page could not be read.
    """
    walked, asked = PagedList(), {query}
    while True:
        try:
            page = await pages.page(query, most - len(walked.entries), walked.entries)
        except Unseen as unseen:
            if not walked.entries:
                raise
            walked.faults.append((unseen.reason, f"after {len(walked.entries)}: {unseen.detail}"))
            return walked
        walked.add(page)
        query = page.onward or (pages.beyond(page.names) if page.names.found else "")
        if fault := _fault(page, walked, most, asked):
            walked.faults.append(fault)
            return walked
        if not query:
            return walked
        asked.add(query)
        if page.names.last:
            walked.ends.append(page.names.last)


def as_listing(walked: PagedList, subject: str) -> Listing[Repository]:
    """Return the listed repositories, with gaps for what may be missing."""
    gaps = [Gap(Scope.REGISTRY, subject, reason, words) for reason, words in walked.faults]
    gaps += [Gap(Scope.REPOSITORY, name, Reason.MALFORMED, why) for name, why in walked.refused]
    if more := walked.refusals - len(walked.refused):
        words = f"{more:,} more entries are not repository names"
        gaps.append(Gap(Scope.REGISTRY, subject, Reason.MALFORMED, words))
    return Listing(tuple(map(Repository, walked.entries)), tuple(gaps))


def _fault(
    page: ListPage, walked: PagedList, most: int, asked: set[str]
) -> tuple[Reason, str] | None:
    if page.names.cut:
        return (Reason.TOO_LARGE, f"more than {most} entries")
    if walked.size > _MOST_BYTES:
        return (Reason.TOO_LARGE, f"more than {_MOST_BYTES} bytes")
    if page.onward and len(asked) >= _MOST_PAGES:  # empty ones too, which may go on for ever
        return (Reason.TOO_LARGE, f"more than {_MOST_PAGES} pages")
    if page.fault:
        return (Reason.INCOMPLETE_LIST, page.fault)
    stuck = page.names.count and not page.names.found
    if page.onward and (page.onward in asked or stuck):
        return (Reason.INCOMPLETE_LIST, "its pages go in circles")
    return None


def read_page(response: Response, names: NameReader[Any], subject: str, asked: str) -> ListPage:
    """Return the page of a response whose names were collected; `asked` is its address.

    Raises `Unseen` for anything but a list.
    """
    check_content(response, subject)
    if response.media_type and "json" not in response.media_type:
        words = f"a list of type {response.media_type[:80]}"
        raise Unseen(subject, Reason.NOT_A_REGISTRY, words)
    if response.end is BodyEnd.OVER:
        raise Unseen(subject, Reason.TOO_LARGE, f"a page of more than {LIST_BYTES} bytes")
    try:
        names.end()
    except Malformed as error:
        raise Unseen(subject, Reason.MALFORMED, f"not a valid list: {error}") from error
    try:
        onward = next_query(response.headers.get("link", ""), asked)
    except Malformed as error:
        return ListPage(names, response.received, fault=str(error), doubt=response.doubt)
    return ListPage(names, response.received, onward, doubt=response.doubt)


def next_query(header: str, asked: str) -> str:
    """Return the query of the next page; empty if there is none.

    `asked` is the address of this page. Only the query is used, so that no page is requested
    elsewhere, whatever path or scheme a proxy has written. Raises `Malformed` for a link to another
    host, without a query, or unparsable: the list may continue.
    """
    for target, relation in _links(header):
        if "next" not in relation.lower().split():
            continue
        try:
            there, here = urlsplit(urljoin(asked, target)), urlsplit(asked)
        except ValueError as error:
            raise Malformed("a link to no address") from error
        if there.hostname != here.hostname:
            raise Malformed("a link to another host")
        if not there.query:
            raise Malformed("a link without a query")
        return there.query
    return ""


def _links(header: str) -> list[tuple[str, str]]:
    """Return the target and relations of each link. Raises `Malformed` for any rest.

    Only the first `rel` of a link counts (RFC 8288, section 3.3).
    """
    if len(header) > _MOST_CHARACTERS:
        raise Malformed(_UNREADABLE)
    found: list[tuple[str, str]] = []
    at = _match(_START, header, 0).end()
    while at < len(header):
        target, relation = _match(_TARGET, header, at), None
        at = target.end()
        while parameter := _PARAMETER.match(header, at):
            at = parameter.end()
            if relation is None and (parameter[1] or "").lower() == "rel":
                relation = _unquoted(parameter[2] or "")
        at = _match(_END, header, at).end()
        found.append((target[1], relation or ""))
    return found


def _match(pattern: re.Pattern[str], header: str, at: int) -> re.Match[str]:
    if found := pattern.match(header, at):
        return found
    raise Malformed(_UNREADABLE)


def _unquoted(value: str) -> str:
    return _ESCAPED.sub(r"\1", value[1:-1]) if value.startswith('"') else value
