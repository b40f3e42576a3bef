"""Does the simulator agree with 200 recorded trees, each collected by three real versions?"""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Final

import pytest

from exporter.judge.gc.dialect import Mode
from exporter.sources.storage.filesystem import read
from tests.judge.gc.collections import Collected, disagreements, plant

_CORPUS: Final = Path(__file__).parents[2] / "gc_corpus" / "cases.jsonl.gz"


def _cases() -> list[dict[str, object]]:
    with gzip.open(_CORPUS, "rt") as lines:
        return [json.loads(line) for line in lines]


@pytest.mark.parametrize("case", _cases(), ids=lambda case: f"seed-{case['seed']}")
def test_the_simulator_agrees_with_a_recorded_collection(case: dict, tmp_path: Path) -> None:
    plant(tmp_path, case["files"], case["dirs"])

    inventory = read(str(tmp_path))

    for version, runs in case["runs"].items():
        for mode, run in runs.items():
            real = Collected(run["exit"], run["stdout"], run["stderr"], frozenset(run["removed"]))
            assert disagreements(inventory, version, Mode(mode), real) == []
