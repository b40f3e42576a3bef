"""Does the simulator agree with real collectors on trees that nobody has seen before?"""

from __future__ import annotations

import datetime as dt
import os
from typing import TYPE_CHECKING, Final

import pytest

from exporter.facts.gap import Reason
from exporter.judge.gc.dialect import Mode
from exporter.judge.gc.outcome import Unpredictable
from exporter.judge.gc.simulate import simulate
from exporter.sources.storage.filesystem import read
from tests.judge.gc.collections import DIALECTS, disagreements, plant
from tests.judge.gc.live import collect
from tests.judge.gc.trees import tree
from tests.parts.needs import asset, program

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.inventory import Inventory

_TREES: Final = 100
_TODAY: Final = dt.datetime.now(dt.UTC).toordinal()  # noqa: TID251 - another seed every day
_SEED: Final = int(os.environ.get("GC_SEED", _TODAY * 1000))
"""`GC_SEED` brings back a failure of another day."""


@pytest.mark.real
@pytest.mark.parametrize("seed", range(_SEED, _SEED + _TREES))
def test_the_simulator_agrees_with_distribution_2(seed: int, tmp_path: Path) -> None:
    _compare("2", program("docker-registry"), seed, tmp_path)


@pytest.mark.real
@pytest.mark.parametrize("seed", range(_SEED, _SEED + _TREES))
def test_the_simulator_agrees_with_distribution_3(seed: int, tmp_path: Path) -> None:
    _compare("3", asset("registry"), seed, tmp_path)


def _compare(version: str, collector: str, seed: int, folder: Path) -> None:
    grown = tree(seed)
    for mode in Mode:
        root = folder / mode
        plant(root, grown.files, grown.folders)

        inventory = read(str(root))

        real = collect(collector, root, mode)
        if seed % 2 and holds_the_unreadable(inventory):
            assert isinstance(simulate(inventory, DIALECTS[version], mode), Unpredictable)
            continue
        assert disagreements(inventory, version, mode, real) == [], f"GC_SEED={seed}, {mode}"


def holds_the_unreadable(inventory: Inventory) -> bool:
    """Is there a manifest of which it cannot be said what a collector makes of it?"""
    return any(gap.reason is Reason.UNREADABLE for gap in inventory.gaps)
