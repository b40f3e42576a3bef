"""Does the simulator agree with recorded repositories that a real zot collected?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.holdings import holdings
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.paths import removed
from exporter.judge.gc.zot import collected, giving_up
from exporter.sources.storage.filesystem import read
from tests.judge.gc import zot_cases
from tests.judge.gc.zot_cases import DELAY, OLD, REPOSITORY, Case, Left

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.inventory import Inventory

_NOW: Final = 1_800_000_000
CASES: Final = zot_cases.read()


def kept(inventory: Inventory, case: Case, mode: Mode) -> Left:
    """Predict what is left of a repository."""
    assert inventory.layouts
    before = (_NOW - DELAY) * 1_000_000_000
    removal = collected(inventory, inventory.layouts, mode, before).removal
    gone = {each.removeprefix(f"{REPOSITORY}/") for each in removed(inventory, removal)}
    lost = {inventory.digests.text(each) for _, batch in removal.manifests for each in batch}
    paths, entries = zot_cases.listed(case.tree)
    files = [each for each in paths if each not in gone]
    whole = files or not gone  # a repository without any file goes
    return files, [each for each in entries if whole and each[0] not in lost]


@pytest.mark.parametrize("mode", Mode)
@pytest.mark.parametrize("case", CASES, ids=lambda case: f"seed-{case.seed}")
def test_the_simulator_agrees_with_a_recorded_collection_of_zot(
    case: Case, mode: Mode, tmp_path: Path
) -> None:
    zot_cases.plant(tmp_path, case.tree, _NOW)

    inventory = read(str(tmp_path))

    assert inventory.blind == ()
    assert inventory.layouts
    files, entries = kept(inventory, case, mode)
    assert files == case.left[mode][0]
    # Where it gives up at the files, it has dropped entries without a file before.
    assert inventory.layouts.stuck or entries == case.left[mode][1]


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"seed-{case.seed}")
def test_what_counts_as_reclaimable_is_what_zot_removes(case: Case, tmp_path: Path) -> None:
    old = {path: (content, OLD) for path, (content, _) in case.tree.items()}
    zot_cases.plant(tmp_path, old, _NOW)
    inventory = read(str(tmp_path))
    assert inventory.layouts

    told = holdings(inventory).reclaimable(_NOW * 10**9, _NOW * 10**9)

    removal = collected(inventory, inventory.layouts, Mode.DELETE_UNTAGGED).removal
    paths = removed(inventory, removal)
    sizes = sum(len(old[each.removeprefix(f"{REPOSITORY}/")][0]) for each in paths)
    # What a tag names that has lost all of its children is no waste, although zot removes it.
    gave_up = list(giving_up(inventory, inventory.layouts, Mode.DELETE_UNTAGGED))
    assert gave_up or told.untagged + told.orphaned <= sizes
