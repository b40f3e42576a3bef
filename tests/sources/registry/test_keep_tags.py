"""Does a tag come to point at the very bytes, and is nothing else ever written?"""

from __future__ import annotations

import asyncio
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.oci.links import OCI_INDEX
from exporter.oci.reference import Repository, Tag
from exporter.ports import Unseen
from exporter.sources.registry.client import Client
from exporter.sources.registry.distribution import Distribution
from exporter.sources.registry.keep_tags import TagWriter, WritingClient
from exporter.sources.registry.messages import Request
from tests.parts.http import Answer, Asked, serving
from tests.sources.registry.speaking import QUICK
from tests.worlds import two_platforms

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

APP, KEEP = Repository("app"), Tag("keep-1")
MADE = two_platforms("app")
UNKNOWN = Answer(
    404, b'{"errors":[{"code":"MANIFEST_UNKNOWN"}]}', {"Content-Type": "application/json"}
)
FOUND = Answer(
    200, MADE.body, {"Content-Type": OCI_INDEX, "Docker-Content-Digest": str(MADE.digest)}
)


class Shelf:
    """A registry with one manifest and what was put beside it."""

    def __init__(self, put: Callable[[Asked], Answer] | None = None) -> None:
        self.tags: dict[str, Answer] = {}
        self.asked: list[Asked] = []
        self._put = put

    def answer(self, asked: Asked) -> Answer:
        self.asked.append(asked)
        name = asked.target.rpartition("/")[2]
        if asked.method == "PUT":
            if self._put is not None:
                return self._put(asked)
            self.tags[name] = FOUND
            return Answer(201)
        return FOUND if name == MADE.digest else self.tags.get(name, UNKNOWN)

    @property
    def written(self) -> list[Asked]:
        return [each for each in self.asked if each.method not in ("GET", "HEAD")]


@contextmanager
def tagged(shelf: Shelf) -> Iterator[None]:
    async def add(url: str) -> None:
        async with TagWriter.open("r", url, limits=QUICK, environ={}) as tagger:
            await tagger.add_tag(APP, MADE.digest, KEEP)

    with serving(shelf.answer) as url:
        asyncio.run(add(url))
        yield


def refused(shelf: Shelf) -> Unseen:
    with pytest.raises(Unseen) as caught, tagged(shelf):
        pass
    return caught.value


def test_the_very_bytes_are_put_under_the_tag_with_their_own_type() -> None:
    shelf = Shelf()

    with tagged(shelf):
        (put,) = shelf.written

    assert (put.method, put.target) == ("PUT", "/v2/app/manifests/keep-1")
    assert put.body == MADE.body
    assert put.headers["Content-Type"] == OCI_INDEX
    assert shelf.asked[-1].method == "HEAD"


def test_a_tag_that_points_there_already_is_not_written_again() -> None:
    shelf = Shelf()
    shelf.tags[KEEP] = FOUND

    with tagged(shelf):
        assert shelf.written == []


def test_a_tag_that_points_elsewhere_by_now_is_left_alone() -> None:
    other = two_platforms("other")
    head = {"Content-Type": OCI_INDEX, "Docker-Content-Digest": str(other.digest)}
    shelf = Shelf()
    shelf.tags[KEEP] = Answer(200, other.body, head)

    assert refused(shelf).reason is Reason.UNCONFIRMED
    assert shelf.written == []


def test_a_tag_that_does_not_resolve_afterwards_is_a_failure() -> None:
    shelf = Shelf(lambda _: Answer(201))

    assert refused(shelf).reason is Reason.WRONG_DIGEST


def test_a_registry_that_forbids_it_is_quoted() -> None:
    denied = Answer(403, b'{"errors":[{"code":"DENIED"}]}', {"Content-Type": "application/json"})

    failure = refused(Shelf(lambda _: denied))

    assert (failure.reason, failure.detail) == (Reason.DENIED, "403 DENIED")


def test_what_is_written_is_sent_nowhere_else() -> None:
    with serving(lambda _: Answer(201)) as elsewhere:
        onward = Answer(307, b"", {"Location": f"{elsewhere}/v2/app/manifests/keep-1"})

        assert refused(Shelf(lambda _: onward)).reason is Reason.REDIRECT


async def test_the_way_that_reads_refuses_to_write() -> None:
    async with Distribution.open("r", "http://127.0.0.1:9", limits=QUICK, environ={}) as reading:
        question = Request("manifest", "app:v1", "/v2/app/manifests/v1", method="PUT")

        with pytest.raises(AssertionError, match="only reads"):
            await reading._client.send(question, "")  # noqa: SLF001 - what the audit is handed


def test_only_a_pinner_is_carried_by_what_writes() -> None:
    assert TagWriter.way is WritingClient
    assert Distribution.way is Client
    assert not hasattr(Distribution, "pin")


def test_a_registry_that_takes_no_uploads_is_one_all_the_same() -> None:
    found = refused(Shelf(lambda _: Answer(405, b"", {"Allow": "GET, HEAD"})))

    assert found.reason is Reason.UNSUPPORTED
    assert "takes no uploads" in found.detail
