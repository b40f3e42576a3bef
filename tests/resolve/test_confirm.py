"""One failed read is no loss: two looks must agree, and a neighbour must be good between them."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import HEADER, Proof, Sighting, State, unknown
from exporter.oci.digest import Digest
from exporter.ports import Absent, Wrong
from exporter.resolve.confirm import Suspect, confirm, settle, suspicion
from exporter.resolve.target import AuditLimits
from tests import worlds
from tests.fakes import APP, NO_MANIFEST, TRUTH, Answer, Fake, turns

if TYPE_CHECKING:
    from exporter.oci.reference import Place

METHOD = AuditLimits(confirm_after=0.0)
GONE = suspicion(Absent("BLOB_UNKNOWN"))
SHORT = suspicion(Wrong("0 of 9 bytes"))
IMAGE = worlds.image("app")
ABOVE, BELOW = (APP, IMAGE.digest), (APP, IMAGE.layers[0].digest)


def test_a_denial_makes_missing_and_bad_bytes_make_broken() -> None:
    revision = Digest.of(b"x")

    assert Suspect(State.MISSING, "BLOB_UNKNOWN") == GONE
    assert Suspect(State.BROKEN, "0 of 9 bytes") == SHORT
    assert suspicion(Absent("MANIFEST_UNKNOWN", revision)).digest == revision


def test_two_looks_that_agree_beside_a_good_neighbour_are_a_loss() -> None:
    assert settle(GONE, GONE, neighbour=True) == Sighting(
        State.MISSING, Proof.CONFIRMED, None, "BLOB_UNKNOWN"
    )
    assert settle(SHORT, SHORT, neighbour=True) == Sighting(
        State.BROKEN, Proof.CONFIRMED, None, "0 of 9 bytes"
    )


def test_a_body_that_is_cut_at_another_byte_each_time_is_cut_on_its_way() -> None:
    seen = settle(SHORT, suspicion(Wrong("1 of 9 bytes")), neighbour=True)

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.UNCONFIRMED)


def test_other_bytes_each_time_are_not_those_that_are_stored() -> None:
    one, two = (suspicion(Wrong(f"hashes to {name}", mismatch=True)) for name in "xy")

    assert settle(one, one, neighbour=True).corrupt
    seen = settle(one, two, neighbour=True)
    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.UNCONFIRMED)
    assert seen.detail == "first hashes to x, then hashes to y"


@pytest.mark.parametrize("second", [HEADER, unknown(Reason.RESET)])
@pytest.mark.parametrize("neighbour", [True, False])
def test_a_second_look_that_suspects_nothing_stands(second: Sighting, *, neighbour: bool) -> None:
    assert settle(GONE, second, neighbour=neighbour) is second


@pytest.mark.parametrize(
    ("first", "second", "neighbour"),
    [(GONE, GONE, False), (SHORT, SHORT, False), (GONE, SHORT, True), (SHORT, GONE, True)],
)
def test_what_does_not_agree_is_unconfirmed(
    first: Suspect, second: Suspect, *, neighbour: bool
) -> None:
    seen = settle(first, second, neighbour=neighbour)

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.UNCONFIRMED)
    assert first.detail in seen.detail


async def confirmed(registry: Fake, second: Sighting | Suspect = GONE) -> Sighting:
    async def again(place: Place) -> Sighting | Suspect:
        registry.asked.append(("AGAIN", "blob", *place))
        return second

    seen = await confirm({BELOW: GONE}, again, {BELOW: ABOVE}, registry, METHOD)
    return seen[BELOW]


async def test_the_neighbour_is_read_whole_before_the_second_look() -> None:
    registry = Fake()
    registry.push(IMAGE)

    assert (await confirmed(registry)).state is State.MISSING
    assert [(method, name) for method, _, _, name in registry.asked] == [
        ("GET", IMAGE.digest),
        ("AGAIN", BELOW[1]),
    ]


@pytest.mark.parametrize("answer", [NO_MANIFEST, Wrong("1 of 9 bytes"), *Reason])
async def test_a_neighbour_that_cannot_be_read_confirms_nothing(answer: Answer) -> None:
    registry = Fake()
    registry.push(IMAGE)
    registry.spoil(IMAGE.digest, answer)

    seen = await confirmed(registry)

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.UNCONFIRMED)


async def test_a_root_stands_for_itself() -> None:
    async def again(_: Place) -> Suspect:
        return GONE

    seen = await confirm({BELOW: GONE}, again, {}, Fake(), METHOD)

    assert seen[BELOW].state is State.MISSING


async def test_a_pause_comes_first() -> None:
    registry = Fake()
    registry.push(IMAGE)

    async def again(_: Place) -> Suspect:
        raise AssertionError

    looks = confirm({BELOW: GONE}, again, {BELOW: ABOVE}, registry, AuditLimits(confirm_after=3600))
    waiting = asyncio.create_task(looks)
    await turns()

    assert not registry.asked
    waiting.cancel()


async def test_one_neighbour_of_many_suspects_is_read_once() -> None:
    registry = Fake()
    registry.push(IMAGE)
    suspects = {(APP, blob.digest): GONE for blob in IMAGE.blobs}

    async def again(_: Place) -> Suspect:
        return GONE

    await confirm(suspects, again, dict.fromkeys(suspects, ABOVE), registry, METHOD)

    assert registry.counted() == {("GET", "manifest"): 1}


async def test_without_suspects_nothing_is_asked() -> None:
    registry = Fake()
    registry.spoil(IMAGE.digest, TRUTH)

    assert await confirm({}, registry.ping, {}, registry, METHOD) == {}  # type: ignore[arg-type] # never called
    assert not registry.asked
