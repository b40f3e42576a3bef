"""Is each repository in exactly one shard, and how many move when there is one more?"""

from __future__ import annotations

from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as some

from exporter.facts.shard import WHOLE, Shard, home

NAMES = some.text(min_size=1)


@given(NAMES, some.integers(1, 64))
def test_each_repository_is_in_exactly_one_shard(name: str, count: int) -> None:
    assert sum(Shard(index, count).holds(name) for index in range(count)) == 1


@given(NAMES, some.integers(1, 64))
def test_one_shard_more_takes_and_moves_nothing_between_the_others(name: str, count: int) -> None:
    assert home(name, count + 1) in {home(name, count), count}


@given(some.integers(0, 1_000_000))
def test_from_four_to_five_at_most_a_third_moves(seed: int) -> None:
    names = [f"team{seed + at}/app{at}" for at in range(1_000)]

    moved = sum(home(name, 4) != home(name, 5) for name in names)

    assert 0 < moved <= len(names) / 3


def test_shards_are_about_equally_large() -> None:
    sizes = Counter(home(f"team{at % 100}/app{at}", 8) for at in range(8_000))

    assert len(sizes) == 8
    assert max(sizes.values()) < 1.2 * 1_000


@pytest.mark.parametrize(
    ("name", "index"), [("app", 1), ("team/app", 1), ("team/web", 2), ("library/nginx", 1)]
)
def test_the_home_of_a_repository_never_changes(name: str, index: int) -> None:
    assert home(name, 4) == index


@given(some.integers(1, 10**15), some.integers(1, 64))
def test_parts_of_a_limit_are_equal_but_for_one_and_add_up_to_it(most: int, count: int) -> None:
    parts = [Shard(index, count).part(most) for index in range(count)]

    assert sum(parts) == max(most, count)
    assert max(parts) - min(parts) <= 1


def test_one_process_holds_everything() -> None:
    assert WHOLE.holds("anything")
    assert str(WHOLE) == "0/1"
