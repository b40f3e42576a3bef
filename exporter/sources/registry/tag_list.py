"""Tags of a repository.

No page size is requested: 2.8, 3.0 and 3.1 then send all tags at once, and 3.0 would skip a tag if
the last one of a page was deleted in between. No request shows the tags that 3.1 hides on S3 (those
that begin with another tag's name); only the order of its list reveals them.
"""

from collections.abc import Container, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.oci.reference import Repository, Tag, tag
from exporter.ports import Absent, Listing
from exporter.sources.registry.messages import for_list
from exporter.sources.registry.names import NameCollector, NameReader
from exporter.sources.registry.paging import ListPage, PagedList, read_page, walk
from exporter.sources.registry.responses import refusal
from exporter.sources.registry.session import Session

_OK: Final = 200
_DENIALS: Final = frozenset({401, 404})
"""Statuses that may prove that the repository does not exist."""
_HIDDEN: Final = "distribution 3.1 on S3 hides tags that begin with another tag's name"


async def tags(session: Session, repository: Repository) -> Listing[Tag] | Absent:
    """Return the listed tags; an empty list, `null` and no list are no tags.

    Raises `Unseen` if the first page could not be read.
    """
    pages = _Tags(session, repository)
    walked = await walk(pages, "", session.limits.tags)
    if pages.absent is not None:
        return pages.absent
    faults = [*walked.faults, *_refused(walked)]
    gaps = (Gap(Scope.REPOSITORY, repository, reason, words) for reason, words in faults)
    return Listing(tuple(map(Tag, walked.entries)), tuple(gaps))


async def answers(session: Session, repository: Repository) -> bool:
    """Is the body of the repository's first page complete? Raises `Unseen`."""
    pages = _Tags(session, repository)
    return bool(await pages.page("?n=1", 1, ())) or pages.absent is not None


def _refused(walked: PagedList) -> Iterator[tuple[Reason, str]]:
    """Log entries that are no tags, once."""
    if walked.refusals:
        more = f", and {walked.refusals - 1:,} more" if walked.refusals > 1 else ""
        yield Reason.MALFORMED, walked.refused[0][1] + more


def unsorted(tags: Sequence[Tag]) -> bool:
    """Is the list unsorted? 2.x never sorts; 3.x does, except for the flat walk of 3.1 on S3."""
    return any(before > after for before, after in pairwise(tags))


def with_hidden(listing: Listing[Tag], repository: Repository) -> Listing[Tag]:
    """Return a list with the gap of a flat walk over object keys."""
    gap = Gap(Scope.REPOSITORY, repository, Reason.INCOMPLETE_LIST, _HIDDEN)
    return replace(listing, gaps=(*listing.gaps, gap))


@dataclass(slots=True)
class _Tags:
    session: Session
    repository: Repository
    absent: Absent | None = None
    """The registry denied the repository."""

    async def page(self, query: str, most: int, known: Container[str]) -> ListPage:
        """Return one page. Raises `Unseen`."""
        path = f"/v2/{self.repository}/tags/list"
        names = NameReader("tags", tag, most, known)
        asked = f"{path}?{query}" if query else path
        response = await self.session.send(for_list(asked, names, self.repository))
        if response.status in _DENIALS and not query:
            self.absent = await self.session.absence(response, self.repository)
            return ListPage(names)
        if response.status != _OK:
            raise refusal(response, self.repository)
        return read_page(response, names, self.repository, self.session.address + path)

    def beyond(self, names: NameCollector[Tag]) -> str:  # noqa: ARG002 - protocol
        """Return nothing: a missing Link is the end."""
        return ""
