"""What do the pages of a list add up to, and what shows that something is left out?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol, TypeVar

import msgspec

from exporter.facts.gap import Reason
from exporter.oci.digest import Malformed
from exporter.sources import Unseen
from exporter.sources.registry.answers import check_whole
from exporter.sources.registry.links import next_query

if TYPE_CHECKING:
    from collections.abc import Sequence

    from exporter.sources.registry.question import Answer

_MOST_PAGES: Final = 5_000


@dataclass(frozen=True, slots=True)
class Page:
    """One page of a list."""

    entries: tuple[str, ...]
    onward: str = ""
    """The query of the next one; empty at the end."""
    fault: str = ""
    """Why the next page cannot be asked for, although there is one."""


class Pages(Protocol):
    """Where pages come from."""

    async def page(self, query: str) -> Page:
        """Return one page. Raises `Unseen`."""
        ...

    def beyond(self, page: Page) -> str:
        """Return the query that looks behind a last page which may not be the last; or nothing."""
        ...


@dataclass(slots=True)
class Walked:
    """What the pages added up to."""

    entries: dict[str, None] = field(default_factory=dict)
    """In the order in which they came, each once."""
    ends: list[str] = field(default_factory=list)
    """The last entry of each page that another one was asked for behind."""
    faults: list[tuple[Reason, str]] = field(default_factory=list)


async def walk(pages: Pages, query: str, most: int) -> Walked:
    """Follow the pages to the end, to `most` entries, or to where they go wrong.

    Raises `Unseen` where not even the first one could be read.
    """
    walked, asked = Walked(), {query}
    while True:
        try:
            page = await pages.page(query)
        except Unseen as unseen:
            if not walked.entries:
                raise
            walked.faults.append((unseen.reason, f"after {len(walked.entries)}: {unseen.detail}"))
            return walked
        before = len(walked.entries)
        walked.entries.update(dict.fromkeys(page.entries))
        stuck = len(walked.entries) == before
        query = page.onward or ("" if stuck else pages.beyond(page))
        if fault := _fault(page, walked, most, asked, stuck=stuck):
            walked.faults.append(fault)
            return walked
        if not query:
            return walked
        asked.add(query)
        walked.ends.extend(page.entries[-1:])


def _fault(
    page: Page, walked: Walked, most: int, asked: set[str], *, stuck: bool
) -> tuple[Reason, str] | None:
    if len(walked.entries) > most:
        return (Reason.TOO_LARGE, f"more than {most} entries")
    if page.onward and len(asked) >= _MOST_PAGES:  # empty ones too, which may go on for ever
        return (Reason.TOO_LARGE, f"more than {_MOST_PAGES} pages")
    if page.fault:
        return (Reason.INCOMPLETE_LIST, page.fault)
    if page.onward and (page.onward in asked or (stuck and page.entries)):
        return (Reason.INCOMPLETE_LIST, "its pages go in circles")
    return None


Document = TypeVar("Document", bound=msgspec.Struct)


def decoded(answer: Answer, subject: str, shape: type[Document]) -> Document:
    """Read a page's body. Raises `Unseen` for anything that is no list."""
    check_whole(answer, subject)
    if answer.media_type and "json" not in answer.media_type:
        words = f"a list of type {answer.media_type[:80]}"
        raise Unseen(subject, Reason.NOT_A_REGISTRY, words)
    try:
        return msgspec.json.decode(answer.body, type=shape)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise Unseen(subject, Reason.MALFORMED, "a list that no specification describes") from error


def turned(answer: Answer, entries: Sequence[str], asked: str) -> Page:
    """Return a page with its way onward; `asked` is its own address."""
    try:
        return Page(tuple(entries), next_query(answer.headers.get("link", ""), asked))
    except Malformed as error:
        return Page(tuple(entries), fault=str(error))
