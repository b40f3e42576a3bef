"""Does a prediction agree with what a real collector did? Compared word by word."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from exporter.judge.gc.dialect import DISTRIBUTION_2, DISTRIBUTION_3, Mode
from exporter.judge.gc.outcome import Aborted, Completed, Stage
from exporter.judge.gc.paths import removed
from exporter.judge.gc.simulate import simulate
from tests.judge.gc.narration import log

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from exporter.facts.inventory import Inventory

DIALECTS: Final = {"2": DISTRIBUTION_2, "3": DISTRIBUTION_3}
_SUMMARY: Final = " eligible for deletion"


@dataclass(frozen=True, slots=True)
class Collected:
    """What one real collection did."""

    exit_code: int
    printed: Sequence[str]
    complained: str
    removed: frozenset[str]


def plant(root: Path, files: dict[str, str], folders: Iterable[str]) -> None:
    """Write a storage tree below a registry's root directory."""
    tree = root / "docker" / "registry" / "v2"
    tree.mkdir(parents=True)
    for name in folders:
        (tree / name).mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        path = tree / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(text.encode())


def disagreements(inventory: Inventory, version: str, mode: Mode, real: Collected) -> list[str]:
    """Say in what a prediction and a real collection differ."""
    outcome = simulate(inventory, DIALECTS[version[0]], mode)
    if not isinstance(outcome, Completed | Aborted):
        return [f"could not foretell: {outcome.gaps}"]
    printed, sorted_printed = _split(list(log(inventory, outcome)))
    real_printed, real_sorted = _split(real.printed)
    found = []
    if isinstance(outcome, Aborted) and outcome.stage is Stage.MANIFESTS:
        has_summary = printed[-1].endswith(_SUMMARY)  # a dry run goes on to it, if it can
        printed = printed[:-2] if has_summary else printed
    if printed != real_printed:
        found.append(f"printed {printed} instead of {real_printed}")
    if isinstance(outcome, Completed):
        expected = (0, "", sorted_printed)
        got = (real.exit_code, real.complained, real_sorted)
        gone = frozenset(removed(inventory, outcome.removal))
        found += [] if expected == got else [f"foretold {expected} instead of {got}"]
        found += [] if gone == real.removed else [f"removal differs by {gone ^ real.removed}"]
        return found
    return found + _abort_disagreements(inventory, outcome, real, (sorted_printed, real_sorted))


def _abort_disagreements(
    inventory: Inventory,
    outcome: Aborted,
    real: Collected,
    after_summary: tuple[Sequence[str], Sequence[str]],
) -> list[str]:
    found = []
    if (real.exit_code, real.complained in outcome.complaints) != (1, True):
        found.append(f"foretold {outcome.complaints} instead of {real.complained}")
    sure = frozenset(removed(inventory, outcome.sure))
    possible = frozenset(removed(inventory, outcome.possible))
    if not sure <= real.removed <= possible:
        found.append(f"not sure: {sure - real.removed}; impossible: {real.removed - possible}")
    foretold, got = after_summary
    if outcome.stage is Stage.LAYER_LINKS and not _is_part(got, foretold):
        found.append(f"printed {got}, which is no part of {foretold}")
    return found


def _is_part(lines: Sequence[str], whole: Sequence[str]) -> bool:
    """A collection that dies among layer links has printed all blobs and some of the links."""
    blobs = [line for line in whole if line.startswith("blob ")]
    return [line for line in lines if line.startswith("blob ")] == blobs and set(lines) <= set(
        whole
    )


def _split(lines: Sequence[str]) -> tuple[Sequence[str], Sequence[str]]:
    """Part the lines up to the summary, whose order is certain, from those after it, sorted."""
    summary = next(
        (
            at
            for at, line in enumerate(lines)
            if " blobs marked, " in line and line.endswith(_SUMMARY)
        ),
        len(lines) - 1,
    )
    return list(lines[: summary + 1]), sorted(lines[summary + 1 :])
