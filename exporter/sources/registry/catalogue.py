"""Which repositories has a registry, in spite of what its catalogue's paging loses?

distribution continues a catalogue behind the last name in one order (component by component) but
walks its storage in another, and what the two disagree on is lost at the end of a page:
`foo` behind `foo/1bar` on any storage, `foo` and all below it behind `foo-bar` on S3 (3.0, 3.1).
2.8 ends the list there without a Link; 3.x skips, or drops the connection.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from exporter.facts.gap import Gap, Reason, Scope
from exporter.oci.digest import Malformed
from exporter.oci.reference import Repository, repository
from exporter.sources import Listing, Unseen
from exporter.sources.registry.answers import refusal
from exporter.sources.registry.line import Line
from exporter.sources.registry.paging import LIST_BYTES, Page, Walked, decoded, turned, walk
from exporter.sources.registry.question import CATALOG_SCOPE, Answer, Question

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.sources.registry.limits import Limits

_PATH: Final = "/v2/_catalog"
_SMALLER: Final = (100, 10)
"""Page sizes to try where the first is refused, or where a page makes the registry panic."""
_ROUND: Final = 50
"""A page whose length divides by this may have been cut off by a limit that was not stated."""
_MOST_DOUBTS: Final = 1_000
_OK, _BAD_REQUEST = 200, 400
_NONE: Final = frozenset({404, 405, 501})


async def repositories(line: Line, limits: Limits) -> Listing[Repository]:
    """Return the repositories that are listed, and those that paging is known to leave out.

    Raises `Unseen` where there is no catalogue at all, or none for us.
    """
    catalogue = _Catalogue(line, limits.page_entries)
    walked = await walk(catalogue, f"n={limits.page_entries}", limits.repositories)
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


def walked_by_key(entries: Iterable[str]) -> bool:
    """Does `foo` come after `foo-bar`? So does a flat walk over object keys list them."""
    behind: set[str] = set()
    for entry in entries:
        if entry in behind:
            return True
        behind.update(entry[:at] for at, character in enumerate(entry) if character in "-.")
    return False


class _List(msgspec.Struct):
    repositories: list[str] | None


@dataclass(slots=True)
class _Catalogue:
    line: Line
    size: int
    """Entries that are asked for per page."""

    async def page(self, query: str) -> Page:
        """Return one page; another size is tried where the registry cannot give this one."""
        answer, failure = None, None
        for size in (0, *_SMALLER):
            try:
                answer = await self.line.ask(_question(_resized(query, size)))
            except Unseen as unseen:
                if unseen.reason is not Reason.RESET:
                    raise
                failure = unseen
                continue
            if answer.status != _BAD_REQUEST:
                self.size = size or self.size
                return _page(answer, self.line.address + _PATH)
        raise failure or refusal(_answered(answer), _PATH)

    def beyond(self, page: Page) -> str:
        """Look behind a full last page: 2.8 may have left out the Link."""
        count = len(page.entries)
        if not count or (count != self.size and count % _ROUND):
            return ""
        return f"n={self.size}&last={quote(page.entries[-1], safe='')}"


def _answered(answer: Answer | None) -> Answer:
    return answer or Answer(_BAD_REQUEST, {})


def _question(query: str) -> Question:
    path = f"{_PATH}?{query}"
    return Question("catalog", _PATH, path, scope=CATALOG_SCOPE, most=LIST_BYTES)


def _page(answer: Answer, asked: str) -> Page:
    if answer.status in _NONE:
        raise Unseen(_PATH, Reason.UNSUPPORTED, f"{answer.status}: it has no catalogue")
    if answer.status != _OK:
        raise refusal(answer, _PATH)
    listed = decoded(answer, _PATH, _List)
    return turned(answer, listed.repositories or (), asked)


def _resized(query: str, size: int) -> str:
    """Return a query with another page size; 0 leaves it as it is."""
    if not size:
        return query
    return urlencode([*((k, v) for k, v in parse_qsl(query) if k != "n"), ("n", str(size))])


async def _look_for_lost(line: Line, walked: Walked) -> None:
    """Ask for each name that the end of a page may have hidden, and add those that are there."""
    doubtful = [name for last in walked.ends for name in overlooked(last)]
    wanted = [name for name in dict.fromkeys(doubtful) if name not in walked.entries]
    flat = walked_by_key(walked.entries)
    for name in wanted[:_MOST_DOUBTS]:
        try:
            repository(name)
            path = f"/v2/{name}/tags/list"
            scope = f"repository:{name}:pull"
            answer = await line.ask(Question("tags", name, path, scope, name, most=LIST_BYTES))
        except Malformed:
            continue
        except Unseen as unseen:
            walked.faults.append((Reason.INCOMPLETE_LIST, f"{name}: {unseen.detail}"))
            continue
        if answer.status == _OK:
            walked.entries[name] = None
            flat = flat or any(last.startswith((f"{name}-", f"{name}.")) for last in walked.ends)
    if flat or len(wanted) > _MOST_DOUBTS:
        words = "listed by object keys, where the end of a page hides repositories"
        walked.faults.append((Reason.INCOMPLETE_LIST, words))
