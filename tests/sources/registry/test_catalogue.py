"""Is a catalogue complete, or does it say that it is not?"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import parse_qs, quote, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.snapshot import RegistryPart, Role
from exporter.oci.reference import Repository
from exporter.ports import Listing, Unseen
from exporter.sources.registry.catalogue import Order, order, overlooked, repositories
from exporter.sources.registry.limits import RequestLimits
from exporter.sources.registry.messages import Request, Response
from exporter.sources.registry.signs import Signs
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.catalogues import MODELS, Model, Panic, folders_2, keys_3
from tests.sources.registry.speaking import QUICK, handed, registry_at

if TYPE_CHECKING:
    from exporter.sources.registry.session import Session

ADDRESS: Final = "https://registry.example"


def answer(status: int, document: object, **headers: str) -> Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    kind = {"content-type": "application/json; charset=utf-8"}
    return Response(status, kind | named, json.dumps(document).encode())


@dataclass
class Lists:
    """A line to a registry that lists by a model."""

    names: set[str]
    model: Model
    most: int = 1000
    """`catalog.maxentries`."""
    limits: RequestLimits = field(default_factory=RequestLimits)
    address: str = ADDRESS
    signs: Signs = Signs("registry.example")  # noqa: RUF009 - a frozen value
    asked: list[str] = field(default_factory=list)

    async def send(self, question: Request) -> Response:
        self.asked.append(question.path)
        parts = urlsplit(question.path)
        if question.endpoint == "catalog":
            query = {name: values[0] for name, values in parse_qs(parts.query).items()}
            return await handed(question, self.page(int(query["n"]), query.get("last", "")))
        name = parts.path.removeprefix("/v2/").removesuffix("/tags/list")
        if question.endpoint == "tags":
            return answer(200 if name in self.names else 404, {"tags": None})
        detail = "unknown tag=pullproof-asks-who-collects-here"
        told: object = detail if self.model is not folders_2 else {"Tag": detail.split("=")[1]}
        return answer(404, {"errors": [{"code": "MANIFEST_UNKNOWN", "detail": told}]})

    def page(self, size: int, last: str) -> Response:
        if size > self.most:
            return answer(400, {"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]})
        try:
            listed = self.model(self.names, size, last)
        except Panic as panic:
            raise Unseen("/v2/_catalog", Reason.RESET, "dropped") from panic
        link = (
            f'</v2/_catalog?last={quote(listed.entries[-1], safe="")}&n={size}>; rel="next"'
            if listed.more
            else ""
        )
        return answer(200, {"repositories": listed.entries}, link=link)


async def listed(line: Lists | Says, **limits: int) -> Listing[Repository]:
    return await repositories(cast("Session", replace(line, limits=RequestLimits(**limits))))


PARTS: Final = st.sampled_from(["a", "b", "1", "2a", "a-b", "a.b", "a0", "b-1"])
NAMES: Final = st.sets(
    st.lists(PARTS, min_size=1, max_size=3).map("/".join), min_size=1, max_size=12
)


@given(NAMES, st.sampled_from(MODELS), st.integers(1, 13), st.sampled_from([13, 1000]))
async def test_every_repository_is_listed_or_the_gap_is_told(
    names: set[str], model: Model, size: int, most: int
) -> None:
    try:
        listing = await listed(Lists(names, model, most=most), page_entries=size)
    except Unseen:  # it panics whatever the size of its first page
        return
    assert set(listing.entries) <= names
    assert listing.gaps or set(listing.entries) == names


@given(NAMES, st.integers(1, 13))
async def test_on_a_file_system_2_8_is_listed_whole(names: set[str], size: int) -> None:
    listing = await listed(Lists(names, folders_2), page_entries=size)

    assert listing.complete
    assert set(listing.entries) == names


@given(NAMES, st.sampled_from(MODELS))
async def test_what_fits_on_one_page_is_listed_without_a_doubt(
    names: set[str], model: Model
) -> None:
    line = Lists(names, model)

    listing = await listed(line)

    assert set(listing.entries) == names
    assert (listing.complete, len(line.asked)) == (True, 1)


async def test_a_page_that_was_cut_off_without_a_link_is_looked_behind() -> None:
    listing = await listed(Lists({"foo", "foo/1bar", "foo/bar", "zz"}, folders_2), page_entries=1)

    assert sorted(listing.entries) == ["foo", "foo/1bar", "foo/bar", "zz"]


async def test_what_object_keys_hide_is_found_by_name_and_the_rest_told() -> None:
    listing = await listed(Lists({"foo", "foo-bar", "foo/in"}, keys_3), page_entries=1)

    assert set(listing.entries) == {"foo", "foo-bar"}
    assert [gap.reason for gap in listing.gaps] == [Reason.INCOMPLETE_LIST]


async def test_one_name_found_behind_a_page_end_makes_all_doubtful() -> None:
    there = answer(200, {"tags": None})

    listing = await listed(Says([page("foo-bar", link="/x?last=foo-bar"), page(), there]))

    assert listing.entries == ("foo-bar", "foo")
    assert [gap.reason for gap in listing.gaps] == [Reason.INCOMPLETE_LIST]


async def test_a_page_size_that_is_refused_is_made_smaller() -> None:
    line = Lists({f"app{n}" for n in range(150)}, folders_2, most=100)

    listing = await listed(line)

    assert len(listing.entries) == 150
    assert line.asked[:2] == ["/v2/_catalog?n=1000", "/v2/_catalog?n=100"]


@dataclass
class Says:
    """A line to a registry that says this to each question in turn."""

    answers: list[Response | Unseen]
    limits: RequestLimits = field(default_factory=RequestLimits)
    address: str = ADDRESS

    async def send(self, question: Request) -> Response:
        said = self.answers.pop(0)
        if isinstance(said, Unseen):
            raise said
        return await handed(question, said)


def page(*names: str, link: str = "") -> Response:
    return answer(200, {"repositories": names}, link=f'<{link}>; rel="next"' if link else "")


@pytest.mark.parametrize("names", [None, []])
async def test_no_repositories_are_none(names: list[str] | None) -> None:
    assert await listed(Says([answer(200, {"repositories": names})])) == Listing(())


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([page("a", link="/x?last=a"), page("b", link="/x?last=a")], "circles"),
        ([page("a", link="/x?last=a"), page("a", link="/x?last=b")], "circles"),
        ([page("a", link="/x?n=1000")], "circles"),
        ([page("a", link="https://elsewhere/?last=a")], "another host"),
        ([page("a", link="/x")], "without a query"),
    ],
)
async def test_pages_that_lead_nowhere_leave_a_gap(answers: list[Response], words: str) -> None:
    listing = await listed(Says([*answers]))

    assert "a" in listing.entries
    (gap,) = listing.gaps
    assert (gap.scope, gap.subject, gap.reason) == (
        Scope.REGISTRY,
        "_catalog",
        Reason.INCOMPLETE_LIST,
    )
    assert words in gap.detail


async def test_a_later_page_that_fails_keeps_the_ones_before_and_says_why() -> None:
    failure = Unseen("x", Reason.TIMEOUT, "too slow")

    listing = await listed(Says([page("a", link="/x?last=a"), failure]))

    assert listing == Listing(
        (Repository("a"),), (Gap(Scope.REGISTRY, "_catalog", Reason.TIMEOUT, "after 1: too slow"),)
    )


async def test_more_repositories_than_allowed_are_cut_with_a_gap() -> None:
    listing = await listed(Says([page("a", "b", "c")]), repositories=2)

    assert [gap.reason for gap in listing.gaps] == [Reason.TOO_LARGE]


async def test_a_name_that_is_none_leaves_a_gap_of_its_own() -> None:
    listing = await listed(Says([page("a", "B?", "c")]))

    assert listing.entries == ("a", "c")
    assert [(gap.scope, gap.reason) for gap in listing.gaps] == [
        (Scope.REPOSITORY, Reason.MALFORMED)
    ]


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        (answer(404, {}), Reason.UNSUPPORTED),
        (answer(405, {"errors": [{"code": "UNSUPPORTED"}]}), Reason.UNSUPPORTED),
        (answer(200, {}), Reason.MALFORMED),
        (answer(200, {"repositories": "a"}), Reason.MALFORMED),
        (answer(200, {"repositories": [1]}), Reason.MALFORMED),
        (answer(200, []), Reason.MALFORMED),
        (Response(200, {"content-type": "application/json"}, b"\xff{"), Reason.MALFORMED),
        (Response(200, {"content-type": "text/plain"}, b"{}"), Reason.NOT_A_REGISTRY),
        (answer(400, {"errors": [{"code": "PAGINATION_NUMBER_INVALID"}]}), Reason.UNSUPPORTED),
        (Unseen("x", Reason.DENIED), Reason.DENIED),
    ],
)
async def test_a_catalogue_that_is_none_is_unseen(said: Response | Unseen, reason: Reason) -> None:
    with pytest.raises(Unseen) as raised:
        await listed(Says([said] * 4))

    assert raised.value.reason is reason


async def test_a_doubtful_name_that_cannot_be_asked_for_leaves_a_gap() -> None:
    denied = Unseen("x", Reason.DENIED, "403")

    listing = await listed(Says([page("foo/1bar", link="/x?last=foo"), page(), denied]))

    assert [gap.detail for gap in listing.gaps] == ["foo: 403"]


def test_names_that_a_page_end_may_hide_begin_it() -> None:
    hidden = [("team/a", "-"), ("team/a-b", "."), ("team/a-b.c", "/")]
    assert list(overlooked("team/a-b.c/1d/e")) == hidden
    assert list(overlooked("team/app")) == []


@pytest.mark.parametrize(
    ("names", "shown"),
    [
        (["foo-bar", "foo"], Order.KEYS),
        (["foo", "foo-bar"], Order.FOLDERS),
        (["foo/in", "foo-bar"], Order.FOLDERS),
        (["foo-bar", "foo/in"], Order.UNCLEAR),
        (["a", "b"], Order.UNCLEAR),
        (["a", "a-b", "c.d", "c"], Order.KEYS),
    ],
)
def test_the_order_of_names_shows_how_storage_is_walked(names: list[str], shown: Order) -> None:
    assert order(names) is shown


async def test_no_name_of_a_pull_through_cache_is_looked_for_behind_the_end_of_a_page() -> None:
    asked: list[str] = []
    pages = {False: "prox/foo-bar", True: "team/app"}

    def said(request: Asked) -> Answer:
        asked.append(request.target)
        if not request.target.startswith("/v2/_catalog"):
            return Answer(404, b'{"errors":[{"code":"NAME_UNKNOWN"}]}')
        last = "last=" in request.target
        more = {} if last else {"Link": '</v2/_catalog?last=prox%2Ffoo-bar&n=1>; rel="next"'}
        body = json.dumps({"repositories": [pages[last]]}).encode()
        return Answer(200, body, {"Content-Type": "application/json", **more})

    parts = (RegistryPart(("prox/*",), Role.PROXY),)
    with serving(said) as url:
        async with registry_at(url, replace(QUICK, parts=parts)) as registry:
            listed = await registry.repositories()

    assert set(listed.entries) == {"prox/foo-bar", "team/app"}
    assert not [each for each in asked if "/v2/prox/" in each]
    assert not [each for each in listed.gaps if "pull-through" in each.detail]
