"""What is too old is shown no more, whether or not an audit is under way."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from exporter.publish.metrics.family import Limits
from exporter.serve.board import Board, aged, aging
from tests.parts.process import PATIENCE
from tests.publish.reports import TAKEN_AT, app_state, incident, status

REPORT = incident()
SHOWN = replace(status(REPORT), known=REPORT, last_success=TAKEN_AT)


async def test_verdicts_leave_the_board_at_their_age_while_an_audit_is_under_way() -> None:
    board = Board(app_state(SHOWN), Limits())
    board.begin(SHOWN.registry)
    now = TAKEN_AT + 5.0

    async with aging(board, {SHOWN.registry: 5.0}, lambda: now):
        await asyncio.sleep(0.1)
        young = board.find(SHOWN.registry)
        now += 0.1
        async with asyncio.timeout(PATIENCE):
            while (old := board.find(SHOWN.registry)) and old.report:  # noqa: ASYNC110 - as scrapes do
                await asyncio.sleep(0.05)

    assert young is not None
    assert young.report is not None
    assert old is not None
    assert old.known is SHOWN.known
    assert SHOWN.registry in board.app_state.in_progress


async def test_a_board_on_which_nothing_is_too_old_is_not_rendered_anew() -> None:
    board = Board(app_state(SHOWN), Limits())
    before = board.exposition

    await board.age(TAKEN_AT + 5.0, {SHOWN.registry: 5.0})

    assert board.exposition is before


@pytest.mark.parametrize(
    ("age", "shown"), [(5.0, True), (5.1, False), (-5.0, True), (-5.1, False), (-1e9, False)]
)
def test_what_is_of_the_future_is_shown_no_longer_than_what_is_old(
    age: float,
    shown: bool,  # noqa: FBT001 - a row of the table
) -> None:
    seen = aged(SHOWN, TAKEN_AT + age, 5.0)

    assert (seen.report is REPORT) is shown
    assert seen.known is REPORT
