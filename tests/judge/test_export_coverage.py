"""Which facts may speak for a whole registry, and what is said of those that may not?"""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.facts.exports import ExportedFile, NoCapacity, Release
from exporter.judge.export_coverage import doubts, newest

NOW = 1_000_000.0
FILE = ExportedFile("tags", "main/tags.parquet", 1, 10, "")


def release(shard: int, shards: int = 4, taken_at: float = NOW, **other: object) -> Release:
    fields: dict[str, object] = {
        "schema": 1,
        "registry": "main",
        "audit": f"{taken_at:012.0f}",
        "taken_at": taken_at,
        "shard": shard,
        "shards": shards,
        "whole": True,
        "files": (FILE,),
        "gaps": (),
    }
    return Release(**fields | other)  # type: ignore[arg-type]


FOUR = [release(shard) for shard in range(4)]


def doubted(releases: list[Release], *, there: int = 10) -> NoCapacity | None:
    (shards,) = newest(releases).values()
    return doubts("main", shards, {FILE.path: there}, (NOW - 60, NOW))


def test_four_of_four_recent_shards_may_speak() -> None:
    assert doubted(FOUR) is None


def test_the_newest_facts_of_each_shard_count() -> None:
    old = [release(shard, taken_at=NOW - 600) for shard in range(4)]

    assert newest([*FOUR, *old]) == {"main": dict(enumerate(FOUR))}
    assert doubted([*FOUR, *old]) is None


def test_the_number_of_shards_that_wrote_last_is_the_one_in_force() -> None:
    found = newest([*FOUR, release(4, 5, NOW + 1)])

    assert found == {"main": {4: release(4, 5, NOW + 1)}}


@pytest.mark.parametrize(
    ("releases", "reason"),
    [
        (FOUR[:2] + FOUR[3:], "shard 2 of 4 has no export"),
        (
            [*FOUR[1:], release(0, taken_at=NOW - 90)],
            "the export of shard 0 of 4 is too old by 30 seconds",
        ),
        (
            [*FOUR[1:], release(0, taken_at=NOW + 700)],
            "the export of shard 0 of 4 is 700 seconds in the future: check the clocks",
        ),
        (
            [*FOUR[1:], release(0, gaps=("team/app: denied",))],
            "shard 0 of 4 has a gap: team/app: denied",
        ),
    ],
)
def test_what_is_lacking_is_named(releases: list[Release], reason: str) -> None:
    assert doubted(releases) == NoCapacity("main", (reason,))


def test_a_file_that_is_cut_off_or_gone_is_named() -> None:
    cut = doubted(FOUR, there=9)

    assert cut is not None
    assert cut.reasons[0] == "main/tags.parquet of shard 0 of 4 is missing or was changed"


def test_many_gaps_are_counted() -> None:
    many = [replace(FOUR[0], gaps=tuple(f"r{at}: denied" for at in range(9))), *FOUR[1:]]

    found = doubted(many)

    assert found is not None
    assert len(found.reasons) == 6
    assert found.reasons[-1] == "and 4 more gaps of shard 0 of 4"


def test_registries_do_not_answer_for_each_other() -> None:
    other = [release(shard, 2, registry="other") for shard in range(2)]

    assert {name: len(shards) for name, shards in newest([*FOUR, *other]).items()} == {
        "main": 4,
        "other": 2,
    }
