"""What a registry says is remembered to a limit, in number and in bytes."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.sources.registry import authenticator
from exporter.sources.registry.authenticator import BoundedCache

if TYPE_CHECKING:
    from collections.abc import Iterator

SIZES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 60)), max_size=60)


@contextmanager
def limits(most: int, most_bytes: int) -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(authenticator, "MOST", most)
        patch.setattr(authenticator, "MOST_BYTES", most_bytes)
        yield


def sized() -> BoundedCache[int, str]:
    return BoundedCache(lambda _, value: len(value))


@given(SIZES)
def test_the_newest_are_kept_as_far_as_they_fit(told: list[tuple[int, int]]) -> None:
    with limits(most=5, most_bytes=100):
        kept, expected = sized(), dict[int, str]()
        for name, size in told:
            kept.keep(name, "x" * size)
            expected.pop(name, None)
            expected[name] = "x" * size
            while len(expected) > 5 or (sum(map(len, expected.values())) > 100):
                del expected[next(iter(expected))]

        assert {name: kept.get(name) for name in range(10) if name in kept} == expected
