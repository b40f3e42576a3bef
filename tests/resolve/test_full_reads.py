"""A registry that ignores ranges: what is read in full, when, and what that proves."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Final

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.facts.proof import GONE, Proof, State, corrupt
from exporter.judge.report import Report
from exporter.oci.reference import Repository
from exporter.resolve.target import DAY, FullReads
from exporter.store.ledger import Ledger
from tests import worlds
from tests.fakes import APP, HOST, NOW, Fake, Notes, audited, target, verdict

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


SIZE: Final = 200_000
BIG: Final = tuple(worlds.layer(f"big {number}", SIZE) for number in range(4))
IMAGE: Final = worlds.image("big", layers=BIG)
SMALL: Final = worlds.image("small")


@dataclass
class Audits:
    """Audits of one registry that remember full reads, at a time that a test tells."""

    ledger: Ledger
    fake: Fake = field(default_factory=lambda: Fake(sends_parts=False))
    budget: int = 10**9
    now: float = NOW
    notes: Notes = field(default_factory=Notes)
    report: Report | None = None
    address: str = ""

    async def next(self, after: float = 0.0) -> Report:
        self.now += after
        self.fake.read_in_full.clear()
        self.fake.asked.clear()
        reads = FullReads(self.ledger, DAY, self.budget)
        told = replace(target(self.fake, self.notes), full_reads=reads, address=self.address)
        self.report = await audited(told, before=self.report, now=self.now)
        return self.report

    def read(self, blob: worlds.Blob) -> int:
        return self.fake.read_in_full[APP, blob.digest]


@contextmanager
def audits(
    path: Path | None = None, *, parts: bool = False, budget: int = 10**9
) -> Iterator[Audits]:
    with Ledger(path, lambda: NOW) as ledger:
        made = Audits(ledger, Fake(sends_parts=parts), budget)
        made.fake.push(IMAGE, "v1")
        yield made


async def test_a_layer_that_comes_whole_is_read_once_a_period_and_by_head_between() -> None:
    with audits() as here:
        first = await here.next()
        assert [here.read(blob) for blob in BIG] == [1] * 4
        assert first.snapshot.sightings[APP, BIG[0].digest].proof is Proof.HASH

        for _ in range(3):
            again = await here.next(DAY / 4)
            assert [here.read(blob) for blob in BIG] == [0] * 4
            assert here.fake.asked_about(BIG[0].digest, "HEAD") == 1
            seen = again.snapshot.sightings[APP, BIG[0].digest]
            assert (seen.state, seen.proof, seen.seen_at) == (State.PRESENT, Proof.HASH, NOW)

        await here.next(DAY / 4 + 1)
        assert [here.read(blob) for blob in BIG] == [1] * 4


async def test_a_restart_keeps_what_was_read(tmp_path: Path) -> None:
    with audits(tmp_path / "ledger.db") as here:
        await here.next()
    with audits(tmp_path / "ledger.db") as again:
        await again.next(60.0)
        assert [again.read(blob) for blob in BIG] == [0] * 4


async def test_a_registry_that_sends_parts_is_read_to_the_last_byte_at_every_audit() -> None:
    with audits(parts=True) as here:
        for _ in range(2):
            report = await here.next(60.0)
            assert here.fake.asked_about(BIG[0].digest, "GET") == 1
            assert not any(here.read(blob) for blob in BIG)
            assert report.snapshot.read_in_full is None


async def test_what_another_repository_shares_is_read_there_as_well_and_once_a_period() -> None:
    with audits() as here:
        other = Repository("other")
        here.fake.push(IMAGE, "v1", other)
        await here.next()
        assert here.fake.read_in_full[other, BIG[0].digest] == here.read(BIG[0]) == 1

        await here.next(60.0)
        assert here.fake.read_in_full[other, BIG[0].digest] == here.read(BIG[0]) == 0


async def test_the_bytes_of_an_audit_are_told() -> None:
    with audits() as here:
        assert (await here.next()).snapshot.read_in_full == 4 * SIZE + len(IMAGE.config.body)


async def test_what_exceeds_the_budget_is_unknown_and_read_by_later_audits() -> None:
    with audits(budget=2 * SIZE) as here:
        first = await here.next()
        assert verdict(first).state is State.UNKNOWN
        looks = [first.snapshot.sightings[APP, blob.digest] for blob in BIG]
        assert [look.reason for look in looks].count(Reason.BUDGET) == 2

        second = await here.next(60.0)
        assert verdict(second).state is State.PRESENT


async def test_what_is_due_and_exceeds_the_budget_keeps_its_older_proof() -> None:
    with audits(budget=4 * SIZE) as here:
        await here.next()
        here.budget = SIZE
        late = await here.next(2 * DAY)

        assert verdict(late).state is State.PRESENT
        ages = [late.snapshot.sightings[APP, blob.digest].seen_at for blob in BIG]
        assert ages.count(NOW) == 3


async def test_a_loss_within_the_period_is_found_by_head() -> None:
    with audits() as here:
        await here.next()
        here.fake.sweep(BIG[1].digest)
        assert verdict(await here.next(60.0)).state is State.BROKEN


async def test_a_loss_is_confirmed_whatever_the_budget() -> None:
    with audits(budget=4 * SIZE) as here:
        here.fake.blobs[APP, BIG[2].digest] = b"short"
        assert verdict(await here.next()).state is State.BROKEN


async def test_what_is_corrupt_stays_so_until_it_was_read_and_is_right() -> None:
    with audits() as here:
        right = here.fake.blobs[APP, BIG[0].digest]
        here.fake.blobs[APP, BIG[0].digest] = right[:-1] + b"!"
        report = await here.next()
        assert report.snapshot.sightings[APP, BIG[0].digest].corrupt

        here.budget = 1
        assert verdict(await here.next(60.0)).state is State.BROKEN

        here.budget, here.fake.blobs[APP, BIG[0].digest] = 10**9, right
        assert verdict(await here.next(60.0)).state is State.PRESENT


async def test_a_ledger_that_fails_costs_a_second_read() -> None:
    with audits() as here:
        await here.next()
        here.ledger.close()
        assert verdict(await here.next(60.0)).state is State.PRESENT
        assert [here.read(blob) for blob in BIG] == [1] * 4


def damaged(body: bytes, how: str) -> bytes | None:
    kinds = {"flipped": bytes([body[0] ^ 1]) + body[1:], "cut": body[:-1], "emptied": b""}
    return None if how == "lost" else kinds.get(how, body)


Step = tuple[str, int, float, int]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["lost", "flipped", "cut", "emptied", "none"]),
            st.integers(0, 3),
            st.floats(1.0, 2 * DAY),
            st.integers(0, 5 * SIZE),
        ),
        max_size=5,
    )
)
async def test_nothing_that_was_read_is_present_unless_it_is_right(steps: list[Step]) -> None:
    with audits() as here:
        await here.next()
        whole = dict(here.fake.blobs)
        for damage, number, after, budget in steps:
            place = (APP, BIG[number].digest)
            here.budget = budget
            here.fake.blobs = dict(whole)
            if (body := damaged(whole[place], damage)) is None:
                del here.fake.blobs[place]
            else:
                here.fake.blobs[place] = body
            report = await here.next(after)
            for at, seen in report.snapshot.sightings.items():
                if at not in whole or seen.seen_at not in (None, here.now):
                    continue
                right = here.fake.blobs.get(at) == whole[at]
                assert seen.state is not State.PRESENT or right
                assert seen.state not in GONE or not right
            if damage in ("lost", "cut", "emptied"):
                assert verdict(report).state in (State.BROKEN, State.UNKNOWN)


@pytest.mark.parametrize("budget", [0, 10**9])
async def test_small_content_is_read_whatever_the_budget(budget: int) -> None:
    with audits(budget=budget) as here:
        here.fake.push(SMALL, "v2")
        assert verdict(await here.next(), "v2").state is State.PRESENT


async def test_the_registry_is_named_with_its_history() -> None:
    with audits() as here:
        await here.next()
        assert (APP, BIG[0].digest) in here.ledger.scrubbed(HOST).places


@pytest.mark.parametrize("quiet", [True, False])
async def test_a_manifest_that_is_kept_is_read_again_once_a_period_where_that_leaves_no_trace(
    *, quiet: bool
) -> None:
    with audits(parts=True) as here:
        here.fake.leaves_trace = False if quiet else None
        reads = []
        for after in (0.0, DAY / 2, DAY / 2 + 1, 60.0):
            await here.next(after)
            reads.append(here.fake.asked_about(IMAGE.digest, "GET"))

        assert reads == ([1, 0, 1, 0] if quiet else [1, 0, 0, 0])


async def test_a_manifest_that_only_head_has_is_missing_once_it_is_read_again() -> None:
    with audits(parts=True) as here:
        here.fake.leaves_trace = False
        await here.next()
        here.fake.loses_to_get = True
        assert verdict(await here.next(60.0)).state is State.PRESENT
        assert verdict(await here.next(DAY)).state is State.MISSING


async def test_what_was_read_in_full_at_another_address_is_read_again() -> None:
    with audits() as here:
        await here.next()
        here.ledger.note(HOST, {(APP, BIG[1].digest): corrupt("other bytes")}, NOW)
        here.address = "https://new.example"

        moved = await here.next(1.0)

        assert [here.read(blob) for blob in BIG] == [1] * 4
        assert moved.snapshot.sightings[APP, BIG[1].digest].state is State.PRESENT
        await here.next(1.0)
        assert [here.read(blob) for blob in BIG] == [0] * 4
