"""What holds for every storage, whatever is in it?"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts import inventory as module
from exporter.facts.holdings import Holdings
from exporter.judge.gc.breakage import lacking_content, losses, tag_targets
from exporter.judge.gc.dialect import DIALECTS, DISTRIBUTION_3, Dialect, Mode
from exporter.judge.gc.outcome import Aborted, Completed
from exporter.judge.gc.paths import removed
from exporter.judge.gc.simulate import simulate
from tests.judge.gc.inventories import Held, World, digest, worlds
from tests.judge.gc.narration import log

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory

_EVER = 1 << 62
_DIALECTS = st.sampled_from(sorted(DIALECTS.values(), key=lambda dialect: dialect.name))
_MODES = st.sampled_from(list(Mode))


def _texts(inventory: Inventory, outcome: object) -> object:
    """An outcome in words, so that two inventories can be compared."""
    if isinstance(outcome, Completed):
        return sorted(removed(inventory, outcome.removal)), int(outcome.kept.sum())
    assert isinstance(outcome, Aborted)
    return outcome.messages


@given(worlds(), _DIALECTS, _MODES)
def test_the_order_of_facts_changes_nothing(world: World, dialect: Dialect, mode: Mode) -> None:
    forwards, backwards = world.inventory(), world.inventory(backwards=True)

    outcomes = [simulate(each, dialect, mode) for each in (forwards, backwards)]

    assert _texts(forwards, outcomes[0]) == _texts(backwards, outcomes[1])
    assert list(log(forwards, outcomes[0])) == list(log(backwards, outcomes[1]))


@given(worlds())
def test_tags_lack_content_where_anything_below_them_is_not_stored(world: World) -> None:
    def lacks(word: str, held: Held) -> bool:
        if word not in world.stored:
            return True
        if word not in held.manifests:  # a child that only another repository has
            return word not in held.layers
        if word.startswith("image"):
            return not world.stored.issuperset(world.references[word])
        return any(lacks(each, held) for each in world.references[word])

    tags = ((word, held) for held in world.repositories.values() for word in held.tags.values())

    assert lacking_content(world.inventory()) == sum(lacks(*each) for each in tags)


@given(worlds(), _DIALECTS, _MODES)
def test_what_is_printed_is_what_is_planned(world: World, dialect: Dialect, mode: Mode) -> None:
    """Marking by arrays and step by step are two ways to the same end."""
    inventory = world.inventory()
    plan = simulate(inventory, dialect, mode)
    if not isinstance(plan, Completed):
        return
    lines = list(log(inventory, plan))

    marked = {line.rstrip().rpartition(" ")[2] for line in lines if ": marking " in line}

    kept = {inventory.digests.text(int(each)) for each in plan.kept.nonzero()[0]}
    assert marked == kept


@given(worlds(), _DIALECTS, _MODES)
def test_a_second_collection_finds_no_blob_and_no_manifest(
    world: World, dialect: Dialect, mode: Mode
) -> None:
    inventory = world.inventory()
    plan = simulate(inventory, dialect, mode)
    if not isinstance(plan, Completed):
        return

    left = _without(world, inventory, plan).inventory()

    again = simulate(left, dialect, mode)
    assert isinstance(again, Completed)
    assert sum(len(digests) for _, digests in again.removal.manifests) == 0
    if dialect is not DISTRIBUTION_3 or mode is Mode.PLAIN:
        assert len(again.removal.blobs) == 0


def _without(world: World, inventory: Inventory, plan: Completed) -> World:
    """The storage after a collection."""
    gone = {inventory.digests.text(each) for each in plan.removal.blobs.tolist()}
    unlinked = {
        (inventory.repositories[at], inventory.digests.text(each))
        for at, digests in plan.removal.manifests
        for each in digests.tolist()
    }
    unread = {
        (inventory.repositories[at], inventory.digests.text(each))
        for at, digests in plan.removal.layer_links
        for each in digests.tolist()
    }

    def kept(name: str, held: Held) -> Held:
        return replace(
            held,
            manifests=frozenset(w for w in held.manifests if (name, digest(w)) not in unlinked),
            layers=frozenset(w for w in held.layers if (name, digest(w)) not in unread),
        )

    return replace(
        world,
        stored=frozenset(word for word in world.stored if digest(word) not in gone),
        repositories={name: kept(name, held) for name, held in world.repositories.items()},
    )


@given(worlds())
def test_nothing_reclaimable_is_reachable_from_a_tag(world: World) -> None:
    inventory = world.inventory()

    reached = Holdings(inventory).tagged

    assert not reached[Holdings(inventory).orphaned_blobs(_EVER)].any()
    stored, kept = (
        Holdings(inventory).stored_bytes,
        int(inventory.sizes[inventory.stored & reached].sum()),
    )
    sums = Holdings(inventory).reclaimable(_EVER, _EVER)
    assert sums.untagged + sums.orphaned + kept == stored
    assert sums.orphaned == stored - Holdings(inventory).referenced_bytes


@given(worlds())
def test_nothing_young_is_reclaimable(world: World) -> None:
    sums = Holdings(world.inventory()).reclaimable(blobs_before=0, uploads_before=0)

    assert (sums.untagged, sums.orphaned, sums.stale_uploads) == (0, 0, 0)


@given(worlds())
def test_exclusive_bytes_are_counted_once_and_logical_ones_as_often_as_held(world: World) -> None:
    def named(word: str) -> set[str]:
        return {word, *world.references[word]} & world.stored if word in world.stored else set()

    content = {
        name: set[str]().union(*map(named, held.manifests))
        for name, held in world.repositories.items()
    }

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "_AT_ONCE", 3)
        shares = Holdings(world.inventory()).shares()

    for share in shares:
        own = content[share.repository]
        others = set[str]().union(*(each for at, each in content.items() if at != share.repository))
        assert share.logical == sum(map(len, own))
        assert share.exclusive == sum(map(len, own - others))


@given(worlds(), _DIALECTS, _MODES)
def test_a_tag_on_every_child_leaves_no_victims(world: World, dialect: Dialect, mode: Mode) -> None:
    repositories = {name: _all_tagged(held) for name, held in world.repositories.items()}
    protected = replace(world, repositories=repositories)
    inventory = protected.inventory()

    plan = simulate(inventory, dialect, mode)

    assert isinstance(plan, Completed)
    assert not [*losses(inventory, plan.removal, tag_targets(inventory))]


def _all_tagged(held: Held) -> Held:
    keeping = {f"keep-{at}": word for at, word in enumerate(sorted(held.manifests))}
    return replace(held, tags={**held.tags, **keeping}, has_tags=True)


@given(worlds(), _MODES)
def test_an_empty_removal_has_no_victims(world: World, mode: Mode) -> None:
    inventory = world.inventory()
    outcome = simulate(inventory, DISTRIBUTION_3, mode)
    if isinstance(outcome, Completed) and not list(removed(inventory, outcome.removal)):
        assert not [*losses(inventory, outcome.removal, tag_targets(inventory))]
        assert np.count_nonzero(inventory.stored & ~outcome.kept) == 0
