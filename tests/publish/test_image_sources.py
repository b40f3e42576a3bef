"""Are the gaps of image sources told once, whatever the number of registries, and never as read?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.facts.gap import Gap, Reason, Scope
from exporter.ports import KindStatus
from exporter.publish.answers.report import document
from exporter.publish.status import RegistryStatus, SourceStatus
from tests.publish.answers.saying import check_text
from tests.publish.reports import TAKEN_AT, app_state, child, report, status, tag
from tests.publish.web.page import ask, page
from tests.publish.web.serving import Board

if TYPE_CHECKING:
    from exporter.judge.report import Report

DENIED = Gap(Scope.REFERENCES, "prod: pods", Reason.DENIED, "the role does not allow it")


def audited(registry: str) -> Report:
    return report(tag("app:v1", child()), registry=registry, gaps=(DENIED,))


BOTH = [audited("one.example"), audited("two.example")]


def board() -> Board:
    """Two registries, and a cluster that does not let its pods be listed."""
    kinds = (KindStatus("pods", up=False, last_sync=TAKEN_AT, gaps=(DENIED,)),)
    prod = SourceStatus("prod", True, TAKEN_AT, 15, kinds, (DENIED,))
    return Board(app_state(*map(status, BOTH), sources=(prod,)))


def test_a_command_tells_it_once_and_calls_no_coverage_complete() -> None:
    text = check_text(BOTH)

    assert text.count("prod: pods") == 1
    assert "Coverage: complete" not in text
    assert check_text(BOTH[:1]).count("prod: pods") == 1


def test_the_report_has_it_once_and_as_a_gap_of_no_registry() -> None:
    (gap,) = document(map(RegistryStatus.once, BOTH), TAKEN_AT).gaps

    assert (gap.registry, gap.subject) == (None, "prod: pods")


async def test_the_status_page_says_incomplete_and_not_read() -> None:
    text = (await page("/", board())).text

    assert text.count("prod: pods") == 1
    assert "incomplete 15 references" in text
    assert " read 15 references" not in text


async def test_who_asks_whether_it_is_ready_is_told_that_a_source_is_incomplete() -> None:
    answer = await ask("/-/ready", board())

    assert (answer.status_code, answer.text) == (200, "ready\nimage sources incomplete: 1 of 1\n")
