"""A fault in what surrounds an audit (the ledger, an export, rendering) costs that alone."""

from __future__ import annotations

import logging
from dataclasses import replace
from typing import TYPE_CHECKING, cast

import pytest

from exporter.facts.gap import Reason
from exporter.publish.metrics.exposition import Format
from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from exporter.serve.board import Board
from tests import worlds
from tests.fakes import Fake, use, workload
from tests.faulty import FAULTS, Faulty, Injected
from tests.publish.reports import MISSING, app_state, child, report, status, tag
from tests.serve.scrubs import LIVE, digests, everything, scene
from tests.serve.test_audit_job import Journal, begun, board, stand, truth, watched

if TYPE_CHECKING:
    from exporter.facts.exports import ExportResult
    from exporter.judge.report import Report
    from exporter.memory import Proofs
    from exporter.store.ledger import Ledger

UNWRITABLE = "shop/\ud800"
"""A name that no UTF-8 has: valid JSON, so an API may answer with it."""


@pytest.fixture
def fake() -> Fake:
    fake = Fake()
    fake.push(worlds.two_platforms("app"), "v1")
    return fake


@pytest.mark.parametrize("every", [False, True], ids=["first", "every"])
@pytest.mark.parametrize("method", ["last", "keep"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_ledger_that_fails_takes_nothing_from_an_audit(
    fake: Fake, fault: str, method: str, *, every: bool, caplog: pytest.LogCaptureFixture
) -> None:
    injected = Injected(method, FAULTS[fault], every)
    shown, each = board(), watched(fake)
    rounds = await begun(cast("Journal", Faulty(Journal(), injected)), shown, each)

    with caplog.at_level(logging.ERROR, "pullproof.audit"):
        await rounds.run(each)
    await rounds.run(each)

    assert injected.calls
    told = "audit not saved" if method == "keep" else "stored snapshot is unusable"
    assert set(caplog.messages) == {told}
    assert stand(shown).up is True
    assert stand(shown).last_success == truth(shown).snapshot.taken_at
    assert stand(shown).failures == {}


@pytest.mark.parametrize("fault", FAULTS)
async def test_an_export_that_fails_takes_nothing_from_an_audit(fake: Fake, fault: str) -> None:
    error = FAULTS[fault]()

    def fails(*_: object) -> ExportResult:
        raise error

    shown, each = board(), watched(fake)
    rounds = replace(await begun(Journal(), shown, each), keep_facts=fails)

    await rounds.run(each)

    assert stand(shown).up is True


def unwritable() -> Report:
    """A report with a name in it that cannot be written down."""
    wanted = use("app:v1", workload=workload("Deployment", UNWRITABLE))
    return report(tag("app:v1", child("arm64", MISSING), uses=(wanted,)), registry="odd.example")


def test_there_is_a_report_that_cannot_be_rendered() -> None:
    with pytest.raises(UnicodeEncodeError):
        render(app_state(status(unwritable())), Limits())


async def test_a_report_that_cannot_be_rendered_takes_no_other_off_the_board() -> None:
    shown = Board(app_state(status(report())), Limits())

    await shown.show(status(unwritable()))

    text = shown.exposition.rendered(Format.TEXT).plain.decode()
    assert 'pullproof_registry_up{registry="registry.example",shard="0"} 1' in text
    assert 'pullproof_registry_up{registry="odd.example",shard="0"} 0' in text
    odd = shown.find("odd.example")
    assert odd is not None
    assert (odd.report, odd.up, odd.failures) == (None, False, {Reason.INTERNAL: 1})
    assert [gap.reason for gap in odd.gaps] == [Reason.INTERNAL]
    other = shown.find("registry.example")
    assert other is not None
    assert other.report is not None


async def test_the_audit_after_it_is_shown_again() -> None:
    shown = Board(app_state(status(report())), Limits())
    await shown.show(status(unwritable()))

    await shown.show(status(report(registry="odd.example")))

    odd = shown.find("odd.example")
    assert odd is not None
    assert odd.report is not None


async def test_a_restored_report_that_cannot_be_rendered_ends_no_start() -> None:
    shown = board()

    await shown.watch([status(report()), status(unwritable())])

    assert [each.report is None for each in shown.app_state.statuses] == [True, False]


@pytest.mark.parametrize("method", ["scrubbed", "want", "note", "debt", "owe"])
@pytest.mark.parametrize("fault", FAULTS)
async def test_a_scrub_whose_memory_fails_once_reads_everything_later(
    ledger: Ledger, fault: str, method: str
) -> None:
    here = scene(ledger)
    await here.audit()
    proofs = cast("Proofs", Faulty(ledger, Injected(method, FAULTS[fault], every=False)))
    here.scrub = replace(here.scrub, proofs=proofs)
    here.job.scrubber.scrub = here.scrub

    with pytest.raises(type(FAULTS[fault]())):
        await everything(here)
    await here.audit()

    read = {*await everything(here), *here.shelf.asked}
    assert digests(LIVE) <= read
