"""Where things stand in a registry's folder, and what a reading of a damaged one says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.judge.gc.dialect import DIALECTS, Mode
from exporter.judge.gc.outcome import Unpredictable
from exporter.judge.gc.simulate import simulate

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.gap import Reason
    from exporter.facts.inventory import Inventory

REPOSITORY: Final = "team/app"


def v2(root: Path) -> Path:
    return root / "docker" / "registry" / "v2"


def gaps(inventory: Inventory) -> set[tuple[str, Reason]]:
    return {(gap.subject, gap.reason) for gap in inventory.gaps}


def is_refused(inventory: Inventory) -> bool:
    """Nothing may be foretold of it, under any rules."""
    return all(
        isinstance(simulate(inventory, dialect, mode), Unpredictable)
        for dialect in DIALECTS.values()
        for mode in Mode
    )
