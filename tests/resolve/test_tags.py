"""A tag is resolved once, twice where it seems gone, and again at the end of an audit."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import HEADER, Sighting, State, gone, unknown
from exporter.facts.snapshot import Root, Snapshot
from exporter.facts.use import Nodes, ReferenceClass
from exporter.oci.platform import Platform
from exporter.oci.reference import Tag
from exporter.ports import Listing
from exporter.resolve.scope import WantedImage
from exporter.resolve.seals import seal
from exporter.resolve.tags import Answer, resolve, resolve_again, roots, tag_names
from exporter.resolve.target import AuditLimits
from tests import worlds
from tests.fakes import APP, NO_MANIFEST, NOW, TRUTH, Fake, cut_list, target, turns

if TYPE_CHECKING:
    from exporter.oci.digest import Digest

V1 = Tag("v1")
IMAGE, NEWER = worlds.image("app"), worlds.image("newer")
METHOD = AuditLimits(width=2, confirm_after=0.0)
LOST = gone(State.MISSING, "MANIFEST_UNKNOWN")
BLIND = unknown(Reason.TIMEOUT)
LIVE = ReferenceClass.LIVE
AMD64 = frozenset({Platform("linux", "amd64")})


async def resolved(registry: Fake, *tags: str) -> dict[str, Answer]:
    answers = await resolve(registry, [(APP, Tag(tag)) for tag in tags or ("v1",)], METHOD)
    return {tag: answer for (_, tag), answer in answers.items()}


async def test_each_tag_is_asked_for_once() -> None:
    registry = Fake()
    registry.push(IMAGE, "v1")
    registry.push(NEWER, "v2")

    answers = await resolved(registry, "v1", "v2")

    assert answers == {"v1": (IMAGE.digest, HEADER), "v2": (NEWER.digest, HEADER)}
    assert registry.counted() == {("HEAD", "tag"): 2}


async def test_a_tag_that_is_denied_twice_is_missing() -> None:
    registry = Fake()
    registry.push(IMAGE, "v2")

    assert (await resolved(registry))["v1"] == (None, LOST)
    assert registry.asked_about("v1") == 2


async def test_a_tag_that_seems_gone_is_asked_for_again_after_a_pause() -> None:
    registry = Fake()
    looks = resolve(registry, [(APP, V1)], AuditLimits(confirm_after=3600))
    waiting = asyncio.create_task(looks)
    await turns()

    assert registry.asked_about("v1") == 1
    waiting.cancel()


async def test_a_dangling_tag_says_to_what_it_points() -> None:
    registry = Fake()
    registry.push(IMAGE, "v1")
    registry.sweep(IMAGE.digest)

    assert (await resolved(registry))["v1"] == (IMAGE.digest, LOST)


async def test_a_tag_that_is_denied_once_is_there() -> None:
    registry = Fake()
    registry.push(IMAGE, "v1")
    registry.spoil("v1", NO_MANIFEST, TRUTH)

    assert (await resolved(registry))["v1"] == (IMAGE.digest, HEADER)


@pytest.mark.parametrize("reason", Reason)
async def test_a_tag_that_cannot_be_asked_is_unknown_for_that_reason(reason: Reason) -> None:
    registry = Fake()
    registry.spoil("v1", reason)
    registry.spoil("v2", NO_MANIFEST, reason)

    answers = await resolved(registry, "v1", "v2")

    for digest, seen in answers.values():
        assert (digest, seen.state, seen.reason) == (None, State.UNKNOWN, reason)
    assert registry.asked_about("v1") == 1


def wanted(*, used: bool = False) -> WantedImage:
    return WantedImage(APP, V1, LIVE, Nodes(AMD64), used)


def before(seen: Sighting = HEADER) -> Snapshot:
    root = Root(APP, V1, IMAGE.digest, seen, LIVE)
    return Snapshot("registry.example", NOW, roots=(root,))


def start(
    answer: Answer, *, used: bool = False, shown: bool = True, last: Snapshot | None = None
) -> Root | None:
    """Where the walk starts for v1, or None where there is no such tag."""
    listings = {APP: Listing((V1,)) if shown else Listing((), cut_list().gaps)}
    known = {V1: last.roots[0]} if last else {}
    made = roots([wanted(used=used)], {(APP, V1): answer}, listings, lambda _: known, NOW)
    return made[0] if made else None


def test_a_tag_starts_where_it_leads() -> None:
    assert start((IMAGE.digest, HEADER)) == Root(APP, V1, IMAGE.digest, HEADER, LIVE, AMD64)
    assert start((NEWER.digest, HEADER), last=before()) == Root(
        APP, V1, NEWER.digest, HEADER, LIVE, AMD64
    )


def test_a_pinned_digest_starts_at_itself() -> None:
    pin = WantedImage(APP, IMAGE.digest, LIVE, Nodes(AMD64), used=True)

    assert roots([pin], {}, {}, lambda _: {}, 0.0) == (
        Root(APP, None, IMAGE.digest, HEADER, LIVE, AMD64),
    )
    assert tag_names([pin, wanted()]) == [(APP, V1)]


def test_a_tag_that_cannot_be_asked_starts_where_it_led_before() -> None:
    assert start((None, BLIND), last=before()) == Root(APP, V1, IMAGE.digest, BLIND, LIVE, AMD64)
    assert start((None, BLIND)) == Root(APP, V1, None, BLIND, LIVE, AMD64)


def test_a_tag_that_was_lost_stays_lost_while_it_cannot_be_asked() -> None:
    root = start((None, BLIND), last=before(LOST))

    assert root is not None
    assert root.sighting == replace(LOST, seen_at=NOW)
    again = start((None, BLIND), last=before(replace(LOST, seen_at=7.0)))
    assert again is not None
    assert again.sighting.seen_at == 7.0


def test_a_tag_that_is_gone_is_lost_where_a_list_shows_it_or_somebody_names_it() -> None:
    for known in ({"shown": True}, {"shown": False, "used": True}):
        root = start((None, LOST), last=before(), **known)
        assert root is not None
        assert (root.digest, root.sighting) == (None, LOST)


def test_a_tag_that_nothing_shows_and_that_is_not_there_was_deleted() -> None:
    assert start((None, LOST), shown=False) is None
    assert start((None, LOST), shown=False, last=before()) is None


def test_a_tag_that_no_list_shows_and_that_dangles_is_lost() -> None:
    root = start((IMAGE.digest, LOST), shown=False)

    assert root is not None
    assert root.sighting == LOST


def test_a_tag_that_was_lost_before_is_not_found_by_a_list_with_gaps() -> None:
    root = start((None, LOST), shown=False, last=before(LOST))

    assert root is not None
    assert root.sighting == replace(LOST, seen_at=NOW)


def test_a_tag_that_no_list_shows_and_that_cannot_be_asked_stays() -> None:
    root = start((None, BLIND), shown=False, last=before())

    assert root is not None
    assert (root.digest, root.sighting) == (IMAGE.digest, BLIND)


def test_a_seal_tells_which_tags_point_where() -> None:
    tags = [Tag(name) for name in ("a", "b", "c", "d")]
    led = (IMAGE.digest, IMAGE.digest, NEWER.digest, None)
    answers: dict[tuple[str, str], Answer] = {
        (APP, tag): (digest, HEADER if digest else LOST)
        for tag, digest in zip(tags, led, strict=True)
    }

    sealed = seal(APP, tags, answers)  # type: ignore[arg-type] # plain names

    assert sealed is not None
    assert sealed.tags.keys() == {IMAGE.digest, NEWER.digest}
    assert sealed.pointing_at(IMAGE.digest) == ("a", "b")
    assert sealed.pointing_at(NEWER.digest) == ("c",)
    assert sealed.pointing_at(worlds.image("x").digest) == ()


@pytest.mark.parametrize("answers", [{}, {(APP, V1): (None, BLIND)}])
def test_one_tag_that_is_not_resolved_leaves_a_repository_open(answers: dict) -> None:  # type: ignore[type-arg] # as above
    assert seal(APP, [V1], answers) is None
    assert seal(APP, [], answers) is not None


IMAGE, NEWER = worlds.image("app"), worlds.image("newer")
LOST = gone(State.MISSING, "MANIFEST_UNKNOWN")
OLD_LOSS = replace(LOST, seen_at=7.0)
BLIND = unknown(Reason.TIMEOUT)
AT_V1 = (APP, "v1")


def root(seen: Sighting = HEADER, digest: Digest | None = IMAGE.digest) -> Root:
    return Root(APP, Tag("v1"), digest, seen, ReferenceClass.LIVE)


def stocked() -> Fake:
    registry = Fake()
    registry.push(IMAGE, "v1")
    return registry


async def settled(
    registry: Fake, was: Root, *, used: bool = False, claimed: bool = False
) -> Root | None:
    named = frozenset({was} if used else ())
    now = await resolve_again(target(registry), [was], named, {AT_V1} if claimed else set())
    return now[was]


async def test_a_tag_that_leads_where_it_led_is_told_of() -> None:
    registry = stocked()

    assert await settled(registry, root()) == root()
    assert registry.counted() == {("HEAD", "tag"): 1, ("GET", "tag"): 1}


async def test_a_tag_that_could_not_be_asked_and_leads_there_still_is_seen_now() -> None:
    assert await settled(stocked(), root(BLIND)) == root()
    assert await settled(stocked(), root(OLD_LOSS)) == root()


@pytest.mark.parametrize("was", [root(digest=NEWER.digest), root(LOST, None), root(BLIND, None)])
async def test_of_a_tag_that_moved_nothing_is_claimed(was: Root) -> None:
    now = await settled(stocked(), was, claimed=True)

    assert now is not None
    assert (now.digest, now.sighting.state) == (None, State.UNKNOWN)
    assert now.sighting.reason is Reason.UNCONFIRMED


@pytest.mark.parametrize("was", [root(), root(LOST, None), root(OLD_LOSS)])
async def test_a_tag_that_was_deleted_is_none(was: Root) -> None:
    registry = stocked()
    registry.untag("v1")

    assert await settled(registry, was) is None
    assert await settled(registry, was, claimed=True) is None


async def test_a_repository_that_went_has_no_tags() -> None:
    assert await settled(Fake(), root()) is None


async def test_a_tag_that_was_deleted_and_that_somebody_names_is_lost() -> None:
    registry = stocked()
    registry.untag("v1")

    now = await settled(registry, root(), used=True)

    assert now == root(LOST, None)
    assert not registry.counted()["GET", "tags"]


async def test_a_tag_that_leads_nowhere_and_is_listed_is_lost() -> None:
    registry = stocked()
    registry.spoil("v1", NO_MANIFEST)

    assert await settled(registry, root()) == root(LOST, None)


async def test_a_tag_that_dangles_is_lost_whatever_a_list_shows() -> None:
    registry = stocked()
    registry.sweep(IMAGE.digest)
    registry.spoil("*", Listing(()))

    assert await settled(registry, root()) == root(LOST)


async def test_a_tag_that_is_denied_once_leads_where_it_led() -> None:
    registry = stocked()
    registry.spoil("v1", NO_MANIFEST, TRUTH)

    assert await settled(registry, root()) == root()


@pytest.mark.parametrize("listing", [cut_list(), Reason.DENIED])
async def test_a_list_with_gaps_neither_finds_a_loss_again_nor_makes_one(
    listing: Reason | Listing[str],
) -> None:
    registry = stocked()
    registry.untag("v1")
    registry.spoil("*", listing)

    assert await settled(registry, root(OLD_LOSS, None)) == root(OLD_LOSS, None)
    assert await settled(registry, root()) is None


@pytest.mark.parametrize("was", [root(), root(BLIND), root(OLD_LOSS)])
@pytest.mark.parametrize("reason", [Reason.RESET, Reason.RATE_LIMITED])
async def test_where_it_cannot_be_resolved_only_an_old_claim_stands(
    was: Root, reason: Reason
) -> None:
    registry = stocked()
    registry.spoil("v1", reason)

    assert await settled(registry, was, claimed=True) is was
    now = await settled(registry, was)
    assert now is not None
    assert (now.digest, now.sighting.reason) == (None, reason)
    assert not registry.counted()["GET", "tags"]


async def test_a_pinned_digest_cannot_move() -> None:
    pin = replace(root(), tag=None)
    registry = stocked()

    assert await resolve_again(target(registry), [pin], frozenset(), set()) == {}
    assert not registry.asked


async def test_of_a_tag_whose_bytes_cannot_be_read_only_what_was_told_before_is_told() -> None:
    registry = stocked()
    registry.spoil("v1", TRUTH, Reason.TIMEOUT, TRUTH, Reason.TIMEOUT)

    now = await settled(registry, root())

    assert now is not None
    assert (now.digest, now.sighting.reason) == (None, Reason.TIMEOUT)
    assert await settled(registry, root(OLD_LOSS), claimed=True) == root(OLD_LOSS)
