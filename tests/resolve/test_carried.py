"""Losses outlive a blind spell, under their own age; health does not."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, HASHED, HEADER, LAST_BYTE, Sighting, State, gone, unknown
from exporter.oci.platform import Platform
from exporter.resolve.confirm import carry, older
from tests import worlds
from tests.judge.scene import APP, BLIND, LOST, NOW, SHORT, Scene, scene

if TYPE_CHECKING:
    from exporter.facts.snapshot import Snapshot
    from exporter.oci.digest import Digest

INDEX = worlds.two_platforms("app")
AMD64, ARM64 = INDEX.children
LAYER = ARM64.layers[0].digest
BY_DESIGN = unknown(Reason.BY_DESIGN)


def seen(snapshot: Snapshot, digest: Digest) -> Sighting:
    return snapshot.sightings[APP, digest]


def only(scene_: Scene, *kept: Digest) -> Snapshot:
    """The snapshot of an audit that came no further than these."""
    places = {place: each for place, each in scene_.sightings.items() if place[1] in kept}
    read = {digest: each for digest, each in scene_.manifests.items() if digest in kept}
    return replace(
        scene_.snapshot(), sightings=places, manifests=read, config_platforms={}, taken_at=NOW + 900
    )


@pytest.mark.parametrize("lost", [LOST, SHORT])
def test_a_loss_stays_where_nothing_can_be_seen(lost: Sighting) -> None:
    before = scene(INDEX).turn(lost, LAYER).snapshot()

    now = carry(scene(INDEX).turn(BLIND, LAYER).snapshot(), before)

    assert seen(now, LAYER) == replace(lost, seen_at=NOW)


def test_its_age_is_that_of_its_proof() -> None:
    before = scene(INDEX).turn(replace(LOST, seen_at=7.0), LAYER).snapshot()

    assert seen(carry(scene(INDEX).turn(BLIND, LAYER).snapshot(), before), LAYER).seen_at == 7.0


@pytest.mark.parametrize("healthy", [HEADER, LAST_BYTE, HASHED])
def test_health_is_never_carried(healthy: Sighting) -> None:
    before = scene(INDEX).turn(healthy, LAYER).snapshot()

    assert seen(carry(scene(INDEX).turn(BLIND, LAYER).snapshot(), before), LAYER) == BLIND


@pytest.mark.parametrize("now", [LAST_BYTE, SHORT, BY_DESIGN])
def test_what_is_seen_now_stands(now: Sighting) -> None:
    before = scene(INDEX).lose(LAYER).snapshot()

    assert seen(carry(scene(INDEX).turn(now, LAYER).snapshot(), before), LAYER) == now


def test_without_a_blind_spot_nothing_changes() -> None:
    before = scene(INDEX).lose(LAYER).snapshot()
    now = scene(INDEX).snapshot()

    assert carry(now, before) is now
    assert carry(now, None) is now


def test_below_a_manifest_that_cannot_be_seen_losses_stay_and_the_rest_is_unknown() -> None:
    before = scene(INDEX).lose(LAYER).snapshot()
    blind = scene(INDEX).turn(BLIND, ARM64.digest)

    now = carry(only(blind, INDEX.digest, ARM64.digest, AMD64.digest), before)

    assert seen(now, LAYER) == replace(LOST, seen_at=NOW)
    assert seen(now, ARM64.digest) == BLIND
    hidden = seen(now, ARM64.config.digest)
    assert (hidden.state, hidden.reason) == (State.UNKNOWN, Reason.TIMEOUT)
    assert "parent manifest" in hidden.detail
    assert (APP, AMD64.config.digest) not in now.sightings


def test_below_an_index_that_cannot_be_seen_losses_stay_at_every_depth() -> None:
    top = worlds.index(INDEX)
    before = scene(top).lose(AMD64.digest, LAYER).snapshot()

    now = carry(only(scene(top).turn(BLIND, top.digest), top.digest), before)

    assert seen(now, AMD64.digest).state is State.MISSING
    assert seen(now, LAYER).state is State.MISSING
    assert (APP, AMD64.layers[0].digest) not in now.sightings
    assert now.manifests.keys() == {top.digest, INDEX.digest, ARM64.digest}


def test_the_body_from_before_is_enough_to_know_what_is_below() -> None:
    before = scene(INDEX).lose(ARM64.digest).snapshot()
    blind = only(scene(INDEX).turn(BLIND, INDEX.digest), INDEX.digest)

    now = carry(replace(blind, manifests={}), before)

    assert seen(now, ARM64.digest) == replace(LOST, seen_at=NOW)
    assert INDEX.digest in now.manifests


def test_without_an_audit_before_what_is_below_is_unknown_where_the_body_is_known() -> None:
    blind = only(scene(INDEX).turn(BLIND, INDEX.digest), INDEX.digest)

    now = carry(blind, None)

    assert seen(now, ARM64.digest).reason is Reason.TIMEOUT
    assert not [each for each in now.sightings.values() if each.state in GONE]
    assert carry(replace(blind, manifests={}), None).sightings == blind.sightings


def test_what_is_seen_on_another_way_is_not_hidden() -> None:
    before = scene(INDEX).lose(ARM64.digest).snapshot()
    blind = scene(INDEX).turn(BLIND, INDEX.digest)

    now = carry(only(blind, INDEX.digest, ARM64.digest), before)

    assert seen(now, ARM64.digest) == HASHED


def test_below_what_stays_lost_nothing_is_told() -> None:
    before = scene(INDEX).lose(ARM64.digest, LAYER).snapshot()

    now = carry(only(scene(INDEX).turn(BLIND, ARM64.digest), ARM64.digest), before)

    assert now.sightings.keys() == {(APP, ARM64.digest)}


def test_subjects_and_content_that_is_elsewhere_are_not_told_of() -> None:
    made = worlds.referrer(AMD64), worlds.windows("w"), worlds.inline("note")
    referrer, windows, inline = made
    blind = scene(referrer).tag(windows, "w").tag(inline, "note")

    now = carry(
        only(blind.turn(BLIND, *(each.digest for each in made)), *(each.digest for each in made)),
        None,
    )

    assert (APP, AMD64.digest) not in now.sightings
    assert (APP, windows.layers[0].digest) not in now.sightings
    assert (APP, inline.config.digest) not in now.sightings
    assert (APP, windows.layers[1].digest) in now.sightings
    assert (APP, inline.layers[0].digest) in now.sightings


def test_what_is_hidden_on_many_ways_is_told_of_once() -> None:
    top = INDEX
    for _ in range(60):
        top = worlds.index(top, worlds.Made(top.media_type, top.body, annotations={"again": "yes"}))
    seen_all, level = Scene(), top
    while level.children:
        seen_all.tag(worlds.Made(level.media_type, level.body), str(level.digest)[-9:])
        level = level.children[0]

    now = carry(only(seen_all.turn(BLIND, top.digest), top.digest), seen_all.snapshot())

    assert seen(now, ARM64.digest).reason is Reason.TIMEOUT


def test_the_platforms_that_configurations_stated_are_kept() -> None:
    before = scene(ARM64).lose(LAYER).snapshot()
    blind = scene(ARM64).turn(BLIND, ARM64.digest)

    now = carry(only(blind, ARM64.digest), before)

    assert now.config_platforms == {ARM64.config.digest: Platform("linux", "arm64")}


def test_the_earlier_sighting_wins_only_where_it_is_a_loss_and_now_is_blind() -> None:
    lost = gone(State.BROKEN, "0 of 9 bytes")

    assert older(BLIND, lost, 5.0) == replace(lost, seen_at=5.0)
    assert older(BLIND, None, 5.0) == BLIND
    assert older(BLIND, LAST_BYTE, 5.0) == BLIND
    assert older(LAST_BYTE, lost, 5.0) == LAST_BYTE
