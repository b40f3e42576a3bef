"""A tag that moved or went while it was looked at has lost nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import HEADER, Sighting, State, gone, unknown
from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass
from exporter.oci.reference import Tag
from exporter.ports import Listing
from exporter.resolve.steady import steady
from tests import worlds
from tests.fakes import APP, NO_MANIFEST, TRUTH, Fake, cut_list, target

if TYPE_CHECKING:
    from exporter.oci.digest import Digest

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
    now = await steady(target(registry), [was], named, {AT_V1} if claimed else set())
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

    assert await steady(target(registry), [pin], frozenset(), set()) == {}
    assert not registry.asked


async def test_of_a_tag_whose_bytes_cannot_be_read_only_what_was_told_before_is_told() -> None:
    registry = stocked()
    registry.spoil("v1", TRUTH, Reason.TIMEOUT, TRUTH, Reason.TIMEOUT)

    now = await settled(registry, root())

    assert now is not None
    assert (now.digest, now.sighting.reason) == (None, Reason.TIMEOUT)
    assert await settled(registry, root(OLD_LOSS), claimed=True) == root(OLD_LOSS)
