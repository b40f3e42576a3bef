"""Do bytes come no faster than they may?"""

from __future__ import annotations

from dataclasses import dataclass

from hypothesis import given
from hypothesis import strategies as st

from exporter.resolve.scrub.throttle import Throttle


@dataclass
class Time:
    """A clock that only sleep and work move."""

    now: float = 1_000.0

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.now += seconds


@given(st.lists(st.tuples(st.integers(1, 300_000), st.floats(0, 2)), max_size=30))
async def test_no_stretch_brings_more_than_the_rate(chunks: list[tuple[int, float]]) -> None:
    time, read = Time(), 0

    def count(size: int) -> None:
        nonlocal read
        read += size

    throttle = Throttle(100_000.0, count, time, time.sleep)
    for size, work in chunks:
        time.now += work
        await throttle.take(bytes(size))
        assert read <= (time.now - 1_000.0 + 0.01) * 100_000 + 1


async def test_a_pause_is_not_made_up_for() -> None:
    time = Time()
    throttle = Throttle(100_000.0, lambda _: None, time, time.sleep)
    await throttle.take(bytes(100_000))
    time.now += 3_600

    began = time.now
    await throttle.take(bytes(100_000))

    assert time.now - began == 1.0


async def test_without_a_rate_nobody_waits_and_all_is_counted() -> None:
    time, sizes = Time(), list[int]()
    throttle = Throttle(None, sizes.append, time, time.sleep)

    await throttle.take(bytes(10**6))
    throttle.begin()
    await throttle.take(bytes(10**6))

    assert (time.now, sizes) == (1_000.0, [10**6, 10**6])
