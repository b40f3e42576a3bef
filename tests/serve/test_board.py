"""What is shown, and what of it is made anew?"""

from __future__ import annotations

from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from exporter.publish.status import SourceStatus
from exporter.serve.board import Board
from tests.publish.reports import TAKEN_AT, app_state, incident, report, status

HEARD = SourceStatus("file:refs.yml", up=False, last_sync=TAKEN_AT + 900, references=8)


async def test_what_is_said_of_the_registries_is_not_written_anew_when_sources_are_heard() -> None:
    shown = Board(app_state(status(incident())), Limits())
    before = shown.exposition
    await shown.hear([HEARD])

    assert shown.exposition == render(app_state(status(incident()), sources=(HEARD,)), Limits())
    assert shown.exposition.text != before.text
    assert shown.exposition.text.deflated[0] is before.text.deflated[0]


async def test_after_an_audit_it_is_written_anew() -> None:
    shown = Board(app_state(status(incident())), Limits())
    healed = status(report())
    await shown.show(healed)

    assert shown.exposition == render(app_state(healed), Limits())
    await shown.watch([])
    assert shown.exposition == render(app_state(), Limits())
