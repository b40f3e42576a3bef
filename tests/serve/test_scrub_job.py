"""Does the background job read what it should, when it may, and leave the registry alone else?"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import Proof, corrupt
from exporter.facts.use import ReferenceClass
from exporter.ports import Wrong
from exporter.resolve.target import DAY, Terms
from exporter.serve.scrub_job import BACKOFF, POLL
from tests.fakes import APP, HOST, NOW
from tests.serve.scrubs import (
    EVERYTHING,
    HOUR,
    LATEST,
    LIVE,
    OTHER,
    ROTTEN,
    digests,
    everything,
    scene,
)

if TYPE_CHECKING:
    from exporter.judge.finding import Finding
    from exporter.judge.report import Report
    from exporter.store.ledger import Ledger


def _corrupt(report: Report) -> list[Finding]:
    return [each for each in report.findings if each.rule.code == "digest-mismatch"]


async def test_nothing_is_read_before_an_audit_saw_what_is_needed(ledger: Ledger) -> None:
    here = scene(ledger)

    assert await here.job.turn(NOW) == POLL
    assert here.shelf.asked == []


async def test_live_bytes_are_read_first_then_latest_then_the_rest(ledger: Ledger) -> None:
    here = scene(ledger)
    await here.audit()

    read = await everything(here)

    assert set(read[:4]) == digests(LIVE)
    assert set(read[4:8]) == digests(LATEST)
    assert set(read[8:]) == digests(OTHER)


async def test_nothing_is_read_twice_within_a_period_and_everything_after_it(
    ledger: Ledger,
) -> None:
    here = scene(ledger)
    await here.audit()
    assert len(await everything(here)) == EVERYTHING

    here.now += 29 * DAY
    await here.audit()
    assert await everything(here) == []

    here.now += 2 * DAY
    await here.audit()
    assert len(await everything(here)) == EVERYTHING


async def test_a_restart_goes_on_where_it_was(ledger: Ledger) -> None:
    here = scene(ledger)
    await here.audit()
    first = [*await here.turns(5)]

    here.start()
    await here.audit()
    rest = await everything(here)

    assert len(first) + len(rest) == EVERYTHING
    assert not set(first) & set(rest)


async def test_a_restart_earns_no_new_budget(ledger: Ledger) -> None:
    here = scene(ledger, Terms(30 * DAY, 1_000))
    await here.audit()
    assert len(await here.turns()) == 1

    for _ in range(3):
        here.start()
        await here.audit()
        assert await here.turns() == []


async def test_the_budget_of_a_day_is_spread_over_the_day(ledger: Ledger) -> None:
    here = scene(ledger, Terms(30 * DAY, 4_000))
    await here.audit()
    sizes = {each.digest: len(each.body) for made in (LIVE, LATEST) for each in made.blobs}
    sizes |= {made.digest: len(made.body) for made in (LIVE, LATEST)}
    read = 0

    for hour in range(24):
        here.now = NOW + hour * HOUR
        got = await here.turns()
        assert len(got) <= 1, "a burst"
        read += sum(sizes[digest] for digest in got)
        assert read <= 4_000 * hour / 24 + max(sizes.values())

    assert read > 3_000


async def test_the_job_rests_while_the_registry_is_away(ledger: Ledger) -> None:
    here = scene(ledger)
    await here.audit(up=False)

    assert await here.job.turn(NOW) == POLL
    assert here.shelf.asked == []


@pytest.mark.parametrize("reason", [Reason.RATE_LIMITED, Reason.TIMEOUT, Reason.CONNECT])
async def test_the_job_rests_after_an_error_and_then_lets_others_go_first(
    ledger: Ledger, reason: Reason
) -> None:
    here = scene(ledger)
    here.shelf.wrong = dict.fromkeys(digests(LIVE), reason)
    await here.audit()

    for _ in range(4):
        assert await here.job.turn(NOW) == BACKOFF
    await here.audit()
    read = await everything(here)

    assert here.scrub.tally.blobs == {"unknown": 4, "match": 8}
    assert not set(read) & digests(LIVE)
    assert not _corrupt(await here.audit())


async def test_what_is_short_or_gone_waits_too_and_is_for_audits_to_tell(ledger: Ledger) -> None:
    here = scene(ledger)
    layer = LIVE.layers[0].digest
    here.shelf.wrong = {layer: Wrong("3 of 4 bytes")}
    await here.audit()
    await everything(here)
    already = here.shelf.asked.count(layer)

    here.now += HOUR
    assert not (await here.audit()).findings
    await everything(here)

    assert here.scrub.tally.blobs["gone"] == 1
    assert here.shelf.asked.count(layer) == already


async def test_a_corrupt_layer_breaks_its_tag_in_the_next_audit_and_each_one_after(
    ledger: Ledger,
) -> None:
    here = scene(ledger)
    layer = LIVE.layers[0].digest
    here.shelf.wrong = {layer: ROTTEN}
    assert not _corrupt(await here.audit())
    await everything(here)

    for _ in range(3):
        here.now += HOUR
        (found,) = _corrupt(await here.audit())
        assert (found.severity.value, found.digest, found.root.tag) == ("critical", layer, "live")
        assert layer in await everything(here), "it is read again after every audit"

    here.start()
    assert _corrupt(await here.audit()), "a restart does not forget it"


async def test_a_repaired_layer_clears_with_the_read_that_is_right(ledger: Ledger) -> None:
    here = scene(ledger)
    layer = LIVE.layers[0].digest
    here.shelf.wrong = {layer: ROTTEN}
    await here.audit()
    await everything(here)
    assert _corrupt(await here.audit())

    here.shelf.wrong = {}
    here.now += HOUR
    assert await here.turns(1) == [layer], "before all else"

    assert not _corrupt(await here.audit())


async def test_a_repaired_layer_clears_where_the_clock_was_set_back_meanwhile(
    ledger: Ledger,
) -> None:
    here = scene(ledger)
    layer = LIVE.layers[0].digest
    here.shelf.wrong = {layer: ROTTEN}
    await here.audit()
    await everything(here)
    assert _corrupt(await here.audit())

    here.shelf.wrong = {}
    here.now -= 5 * HOUR
    assert await here.turns(1) == [layer]

    assert not _corrupt(await here.audit())


async def test_a_proof_of_a_clock_that_was_far_ahead_does_not_count_for_as_long(
    ledger: Ledger,
) -> None:
    here = scene(ledger)
    here.now += 400 * DAY
    await here.audit()
    assert len(await everything(here)) == EVERYTHING
    here.now = NOW

    proofs = {seen.proof for seen in (await here.audit()).snapshot.sightings.values()}
    assert Proof.LAST_BYTE in proofs
    assert len(await everything(here)) == EVERYTHING
    await here.audit()
    assert await everything(here) == []


async def test_a_clock_that_was_ahead_stops_no_scrub(ledger: Ledger) -> None:
    here = scene(ledger, Terms(30 * DAY, 1_000))
    here.now += 400 * DAY
    await here.audit()
    assert len(await here.turns()) == 1
    here.now = NOW
    await here.audit()
    assert await here.turns() == [], "it is not for nothing either"

    here.now += 2 * DAY

    assert len(await here.turns()) == 1


async def test_what_is_corrupt_is_read_beside_the_budget(ledger: Ledger) -> None:
    here = scene(ledger, Terms(30 * DAY, 1_000))
    await here.audit()
    (first,) = await here.turns()
    owed = ledger.debt(HOST)
    ledger.note(HOST, {(APP, first): corrupt("hashes to x")}, NOW)
    here.shelf.wrong = {first: ROTTEN}

    await here.audit()

    assert first in await here.turns()
    assert ledger.debt(HOST) == owed


async def test_much_that_is_corrupt_starves_nothing_else_and_each_of_it_has_its_turn(
    ledger: Ledger,
) -> None:
    here = scene(ledger)
    await here.audit()
    rotten = {layer.digest for layer in OTHER.layers}
    ledger.note(HOST, {(APP, each): corrupt("hashes to x") for each in rotten}, NOW)
    here.shelf.wrong = dict.fromkeys(rotten, ROTTEN)
    read = []

    for _ in rotten:  # an audit ends whenever two things were read
        here.now += HOUR
        await here.audit()
        read += await here.turns(2)

    assert rotten < set(read), "each was read again"
    assert len(set(read) & digests(LIVE)) == len(rotten), "every other turn is for what is due"


async def test_how_far_it_is_can_be_told(ledger: Ledger) -> None:
    here = scene(ledger)
    await here.audit()
    await here.turns(1)
    tally = here.scrub.tally
    assert (tally.oldest_live, tally.proven, tally.budget) == (NOW, 0.0, 10**15)

    await everything(here)
    here.now += HOUR
    await here.audit()
    await here.job.turn(here.now)

    assert (tally.oldest_live, tally.proven) == (NOW, 1.0)
    assert tally.blobs == {"match": EVERYTHING}
    assert tally.size == sum(
        len(made.body) + sum(len(blob.body) for blob in made.blobs)
        for made in (LIVE, LATEST, OTHER)
    )


async def test_rotten_bytes_of_no_live_tag_are_a_warning(ledger: Ledger) -> None:
    here = scene(ledger)
    here.shelf.wrong = {OTHER.layers[0].digest: ROTTEN}
    await here.audit()
    await everything(here)

    (found,) = _corrupt(await here.audit())

    assert found.root.reference_class is ReferenceClass.SELECTED
    assert found.severity.value == "warning"
