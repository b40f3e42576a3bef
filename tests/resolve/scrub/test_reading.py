"""How often content is read before it counts as corrupt, and how fast."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.facts.proof import HASHED, Sighting, State
from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Sink, Unseen, Wrong
from exporter.resolve.scrub.reading import FullReader, Throttle
from exporter.resolve.scrub.selection import ReadPlace, ScrubItem
from exporter.resolve.target import AuditLimits
from tests.faulty import FAULTS

if TYPE_CHECKING:
    from exporter.oci.reference import Place

APP, OTHER = Repository("app"), Repository("other")
BLOB, ABOVE = Digest.of(b"blob"), Digest.of(b"above")
ROTTEN = Wrong("hashes to x", mismatch=True)
SHORT = Wrong("3 of 4 bytes")
ABSENT = Absent("BLOB_UNKNOWN")

Answer = Absent | Wrong | Reason | Exception | None


@dataclass
class Shelf:
    """Bytes as scripted; implements `exporter.ports.Bytes`. What is not scripted is right."""

    scripts: dict[tuple[str, str], list[Answer]] = field(default_factory=dict)
    shared: bool = False
    asked: list[tuple[str, str, bool]] = field(default_factory=list)

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        self.asked.append((repository, target.digest, again))
        sink.begin()
        script = self.scripts.get((repository, target.digest), [None])
        answer = script.pop(0) if len(script) > 1 else script[0]
        if isinstance(answer, Reason):
            raise Unseen(target.digest, answer)
        if isinstance(answer, Exception):
            raise answer
        return answer


def shelf(*answers: Answer, shared: bool = False) -> Shelf:
    return Shelf({(APP, BLOB): list(answers)}, shared)


def subject(*repositories: Repository, corrupt: bool = False) -> ScrubItem:
    needs = tuple(ReadPlace(each, ABOVE) for each in repositories or (APP,))
    target = Descriptor("application/octet-stream", BLOB, 4)
    return ScrubItem(target, ReferenceClass.LIVE, needs, corrupt)


async def proven(source: Shelf, asked: ScrubItem | None = None) -> dict[Place, Sighting]:
    sink = Throttle(None, lambda _: None)
    reading = FullReader(source, sink, AuditLimits(confirm_after=0.0))
    return (await reading.prove(asked or subject())).sightings


async def only(source: Shelf) -> Sighting:
    return (await proven(source))[APP, BLOB]


async def test_one_whole_read_proves_that_bytes_are_right() -> None:
    source = shelf(None)

    assert await only(source) == HASHED
    assert source.asked == [(APP, BLOB, False)]


async def test_bytes_are_corrupt_where_a_second_read_past_every_cache_agrees() -> None:
    source = shelf(ROTTEN)

    assert (await only(source)).corrupt
    assert source.asked == [(APP, BLOB, False), (APP, ABOVE, False), (APP, BLOB, True)]


async def test_one_wrong_read_proves_nothing() -> None:
    assert await only(shelf(ROTTEN, None)) == HASHED


async def test_two_reads_that_fail_differently_prove_nothing() -> None:
    seen = await only(shelf(SHORT, ROTTEN))

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.UNCONFIRMED)


async def test_an_error_after_a_wrong_read_is_unknown() -> None:
    seen = await only(shelf(ROTTEN, Reason.SERVER_ERROR))

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.SERVER_ERROR)


async def test_where_the_manifest_above_is_wrong_too_the_way_there_may_be_to_blame() -> None:
    source = shelf(ROTTEN)
    for answer in (ROTTEN, ABSENT, Reason.RESET):
        source.scripts[APP, ABOVE] = [answer]
        seen = await only(source)
        assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.UNCONFIRMED)


async def test_short_and_absent_bytes_are_confirmed_like_any_loss() -> None:
    assert (await only(shelf(SHORT))).state is State.BROKEN
    assert (await only(shelf(ABSENT))).state is State.MISSING
    assert await only(shelf(SHORT, None)) == HASHED


async def test_what_is_right_in_one_repository_is_not_read_in_another() -> None:
    source = shelf(None)

    found = await proven(source, subject(APP, OTHER))

    assert found == {(APP, BLOB): HASHED}


async def test_what_is_corrupt_in_one_repository_is_read_in_every_other() -> None:
    source = shelf(ROTTEN)

    found = await proven(source, subject(APP, OTHER))

    assert found[APP, BLOB].corrupt
    assert found[OTHER, BLOB] == HASHED


async def test_what_was_corrupt_anywhere_is_read_everywhere() -> None:
    source = shelf(None)
    source.scripts[OTHER, BLOB] = [ROTTEN]

    found = await proven(source, subject(APP, OTHER, corrupt=True))

    assert found[APP, BLOB] == HASHED
    assert found[OTHER, BLOB].corrupt


async def test_one_file_for_all_repositories_is_read_once_and_blames_all() -> None:
    source = shelf(ROTTEN, shared=True)

    found = await proven(source, subject(APP, OTHER))

    assert all(seen.corrupt for seen in found.values())
    assert found.keys() == {(APP, BLOB), (OTHER, BLOB)}
    assert [asked for asked in source.asked if asked[1] == BLOB] == [
        (APP, BLOB, False),
        (APP, BLOB, True),
    ]


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_exception_that_nothing_should_raise_is_unknown(fault: str) -> None:
    seen = await only(shelf(FAULTS[fault]()))

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.INTERNAL)


@pytest.mark.parametrize("fault", FAULTS)
async def test_after_wrong_bytes_it_proves_no_corruption(fault: str) -> None:
    seen = await only(shelf(ROTTEN, FAULTS[fault]()))

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.INTERNAL)


async def test_a_sink_that_fails_costs_one_reading() -> None:
    class Leaking(Throttle):
        def begin(self) -> None:
            raise RuntimeError("a fault")

    reading = FullReader(shelf(None), Leaking(None, lambda _: None), AuditLimits(confirm_after=0.0))
    seen = (await reading.prove(subject())).sightings[APP, BLOB]

    assert (seen.state, seen.reason) == (State.UNKNOWN, Reason.INTERNAL)


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
