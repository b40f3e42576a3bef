"""Which repositories has a registry, in spite of what its catalogue's paging loses?

distribution continues a catalogue behind the last name in one order (component by component) but
walks its storage in another, and what the two disagree on is lost at the end of a page:
`foo` behind `foo/1bar` on any storage, `foo` and all below it behind `foo-bar` on S3 (3.0, 3.1).
2.8 ends the list there without a Link; 3.x skips, or drops the connection.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.snapshot import Collector
from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository, repository
from exporter.sources import Listing, Unseen
from exporter.sources.registry.answers import refusal
from exporter.sources.registry.line import Line
from exporter.sources.registry.manifests import collector
from exporter.sources.registry.paging import Page, Walked, decoded, turned, walk
from exporter.sources.registry.question import Answer, for_catalogue, for_tags

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_PATH: Final = "/v2/_catalog"
_SMALLER: Final = (100, 99, 10)
"""Page sizes to try where the first is refused, or where it makes the registry panic: whether it
does depends on the very name that a page ends with."""
_ROUND: Final = 50
"""A page whose length divides by this may have been cut off by a limit that was not stated."""
_MOST_DOUBTS: Final = 1_000
_OK, _BAD_REQUEST = 200, 400
_NONE: Final = frozenset({404, 405, 501})


async def repositories(line: Line) -> Listing[Repository]:
    """Return the repositories that are listed, and those that paging is known to leave out.

    Raises `Unseen` where there is no catalogue at all, or none for us.
    """
    size = line.limits.page_entries
    walked = await walk(_Catalogue(line, size), f"n={size}", line.limits.repositories)
    if walked.ends:
        await _look_for_lost(line, walked)
    gaps = [Gap(Scope.REGISTRY, "_catalog", reason, words) for reason, words in walked.faults]
    names: list[Repository] = []
    for entry in walked.entries:
        try:
            names.append(repository(entry))
        except Malformed as error:
            gaps.append(Gap(Scope.REPOSITORY, entry[:80], Reason.MALFORMED, str(error)))
    return Listing(tuple(names), tuple(gaps))


def overlooked(last: str) -> Iterator[str]:
    """Which names may be lost behind a page that ends with this one?

    Storage is walked with `foo/1bar` before `foo`, since digits sort before the `_` of what lies
    beside it; on S3 also with `foo-bar` and `foo.bar` before `foo`.
    """
    for position, character in enumerate(last):
        if character in "-." or (character == "/" and last[position + 1 : position + 2].isdigit()):
            yield last[:position]


class Order(Enum):
    """In which order does a registry walk its storage, as far as a list of names shows?"""

    FOLDERS = "folders"
    """`foo` and all below it before `foo-bar`: as folders sort, and as names do."""
    KEYS = "keys"
    """`foo` after `foo-bar`: a flat walk over object keys, since `-` sorts before `/`."""
    UNCLEAR = "unclear"


def order(names: Iterable[str]) -> Order:
    """Tell the order by names of which one begins with another and goes on with `-` or `.`."""
    folders, cut, shown = set[str](), set[str](), Order.UNCLEAR
    for name in names:
        if name in cut:
            return Order.KEYS
        cuts = [name[:at] for at, character in enumerate(name) if character in "-."]
        if not folders.isdisjoint(cuts):
            shown = Order.FOLDERS
        cut.update(cuts)
        folders.add(name)
        folders.update(name[:at] for at, character in enumerate(name) if character == "/")
    return shown


class _List(msgspec.Struct):
    repositories: list[str] | None


@dataclass(slots=True)
class _Catalogue:
    line: Line
    size: int
    """Entries that are asked for per page."""

    async def page(self, query: str) -> Page:
        """Return one page; another size is tried where the registry cannot give this one."""
        failure = Unseen("_catalog", Reason.UNSUPPORTED, "no page size suits it")
        for size in (0, *_SMALLER):
            try:
                answer = await self.line.ask(for_catalogue(f"{_PATH}?{_resized(query, size)}"))
            except Unseen as unseen:
                if unseen.reason is not Reason.RESET:
                    raise
                failure = unseen
                continue
            if answer.status != _BAD_REQUEST:
                self.size = size or self.size
                return _page(answer, self.line.address + _PATH)
            failure = refusal(answer, "_catalog")
        raise failure

    def beyond(self, page: Page) -> str:
        """Look behind a full last page: 2.8 may have left out the Link."""
        count = len(page.entries)
        if not count or (count != self.size and count % _ROUND):
            return ""
        return f"n={self.size}&last={quote(page.entries[-1], safe='')}"


def _page(answer: Answer, asked: str) -> Page:
    if answer.status in _NONE:
        raise Unseen("_catalog", Reason.UNSUPPORTED, f"{answer.status}: it has no catalogue")
    if answer.status != _OK:
        raise refusal(answer, "_catalog")
    listed = decoded(answer, "_catalog", _List)
    return turned(answer, listed.repositories or (), asked)


def _resized(query: str, size: int) -> str:
    """Return a query with another page size; 0 leaves it as it is."""
    if not size:
        return query
    return urlencode([*((k, v) for k, v in parse_qsl(query) if k != "n"), ("n", str(size))])


async def _look_for_lost(line: Line, walked: Walked) -> None:
    """Ask for each name that the end of a page may have hidden, and add those that are there."""
    shown = order(walked.entries)
    doubtful = dict.fromkeys(name for last in walked.ends for name in overlooked(last))
    wanted = [name for name in doubtful if name not in walked.entries]
    for name in wanted[:_MOST_DOUBTS]:
        with suppress(Malformed):
            await _ask_for(line, repository(name), walked)
    if shown is Order.UNCLEAR and any(_behind(walked, name) for name in wanted):
        shown = Order.KEYS
    if len(wanted) > _MOST_DOUBTS or await _hides(line, walked, shown):
        words = "the ends of its pages hide repositories that no question brings to light"
        walked.faults.append((Reason.INCOMPLETE_LIST, words))


def _behind(walked: Walked, name: str) -> bool:
    """Was a name found that a page's end had hidden as object keys do?"""
    return name in walked.entries and any(
        last.startswith((f"{name}-", f"{name}.")) for last in walked.ends
    )


async def _ask_for(line: Line, name: Repository, walked: Walked) -> None:
    try:
        answer = await line.ask(for_tags(name, f"/v2/{name}/tags/list"))
    except Unseen as unseen:
        walked.faults.append((Reason.INCOMPLETE_LIST, f"{name}: {unseen.detail}"))
        return
    if answer.status == _OK:
        walked.entries[name] = None


async def _hides(line: Line, walked: Walked, shown: Order) -> bool:
    """May more be hidden behind a page's end than can be guessed? So it is on S3 with 3.0 and 3.1.

    What is below `foo` is lost with it behind `foo-bar`, and its names are anybody's guess.
    """
    if not any(character in last for last in walked.ends for character in "-."):
        return False
    if shown is not Order.UNCLEAR:
        return shown is Order.KEYS
    try:
        known = await collector(line, repository(next(iter(walked.entries))))
    except (Unseen, Malformed):
        return True
    return known is Collector.DISTRIBUTION_3
