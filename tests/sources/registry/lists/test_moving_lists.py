"""A law: a complete list has all that was there from its first request to its last."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import count
from typing import TYPE_CHECKING, cast
from urllib.parse import parse_qs, urlsplit

from hypothesis import example, given
from hypothesis import strategies as st

from exporter.ports import Unseen
from exporter.sources.registry.lists.pages import ApiList, Entries
from exporter.sources.registry.messages import Response

if TYPE_CHECKING:
    from exporter.sources.registry.lists.api import ApiSession

PER_PAGE = 3


@dataclass
class Moving:
    """An API whose repositories come and go between two requests; no name comes twice."""

    changes: Iterator[tuple[str, int]]
    names: list[str]
    counts: bool
    always: set[str] = field(init=False)

    def __post_init__(self) -> None:
        self.always = set(self.names)
        self.new = (f"new{number}" for number in count())

    async def get(self, path: str, subject: str) -> Response:
        assert subject
        page = int(parse_qs(urlsplit(path).query)["page"][0])
        shown = self.names[(page - 1) * PER_PAGE : page * PER_PAGE]
        body = {"names": shown, "total": len(self.names) if self.counts else None}
        self.change()
        return Response(200, {}, json.dumps(body).encode())

    def change(self) -> None:
        what, where = next(self.changes, ("nothing", 0))
        if what == "first":
            self.names.insert(0, next(self.new))
        elif what == "last":
            self.names.append(next(self.new))
        elif what == "gone" and self.names:
            self.always.discard(self.names.pop(where % len(self.names)))


def read(response: Response) -> Entries:
    document = json.loads(response.body)
    return Entries(document["names"], document["total"])


CHANGES = st.lists(
    st.tuples(st.sampled_from(["nothing", "nothing", "first", "last", "gone"]), st.integers(0, 9)),
    max_size=20,
)


@example(changes=[("gone", 0)], size=4, counts=False)
@example(changes=[("gone", 0)], size=4, counts=True)
@given(changes=CHANGES, size=st.integers(0, 10), counts=st.booleans())
async def test_a_complete_list_leaves_out_nothing_that_was_there_all_along(
    changes: list[tuple[str, int]],
    size: int,
    counts: bool,  # noqa: FBT001 - a row of the table
) -> None:
    moving = Moving(iter(changes), [f"app{number}" for number in range(size)], counts)
    asked = ApiList(cast("ApiSession", moving), "_catalog", "/list", read)

    try:
        listing = await asked.repositories(1000)
    except Unseen:
        return

    if listing.complete:
        assert moving.always <= set(listing.entries)
    if not changes:
        assert listing.complete
