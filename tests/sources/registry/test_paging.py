from __future__ import annotations

from itertools import count

from exporter.facts.gap import Reason
from exporter.sources.registry.names import NameReader
from exporter.sources.registry.paging import ListPage, walk


class Endless:
    """Each page leads to one that was not asked for yet."""

    def __init__(self, *, empty: bool) -> None:
        self.empty = empty
        self.numbers = count()

    async def page(self, query: str, *_: object) -> ListPage:
        names = NameReader("tags", str, 1)
        names.found = {} if self.empty and query else {query: None}
        return ListPage(names, onward=f"last={next(self.numbers)}")

    def beyond(self, names: NameReader[str]) -> str:
        raise AssertionError(names)


async def test_pages_that_never_end_are_cut_whether_or_not_they_hold_anything() -> None:
    for empty in (False, True):
        walked = await walk(Endless(empty=empty), "", 10_000)

        assert walked.faults == [(Reason.TOO_LARGE, "more than 5000 pages")]
