"""A broken tag that vanishes is gone, and never silently healed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from exporter.publish.answers.coverage import coverage
from exporter.resolve.scope import AuditScope, Promotion
from tests.fakes import APP, NO_NAME, NOW, Fake, audited, cut_list, target, use
from tests.incident import ARM64, INDEX, stocked
from tests.publish.metrics.series import value

if TYPE_CHECKING:
    from collections.abc import Callable

    from exporter.judge.report import Report

GONE = ("app:v1", "selected")
DAY = 86_400.0


async def broken() -> tuple[Fake, Report]:
    registry = stocked()
    registry.sweep(ARM64.digest)
    report = await audited(registry)
    assert [each.state for each in report.verdicts] == [State.BROKEN]
    assert report.vanished == ()
    return registry, report


def gone(report: Report) -> list[tuple[str, str]]:
    return [(each.name, each.reference_class) for each in report.vanished]


async def test_a_broken_tag_that_is_not_listed_any_more_is_gone_and_not_healed() -> None:
    registry, before = await broken()
    registry.untag("v1")

    report = await audited(registry, before=before, now=NOW + 60)

    assert (report.tags, gone(report)) == ((), [GONE])
    assert "The tag is gone, not repaired: app:v1 (selected)." in coverage(report, ())
    assert value(report, "tag_gone_info", tag="v1", class_="selected") == 1


@pytest.mark.parametrize("listed", [True, False])
async def test_so_is_a_tag_of_a_repository_that_is_gone(*, listed: bool) -> None:
    registry, before = await broken()
    del registry.tagged[APP]
    named = [use("app:v7")] if listed else []

    assert gone(await audited(registry, *named, before=before)) == [GONE]


async def test_a_promoted_live_tag_that_vanishes_is_gone_too() -> None:
    registry = stocked()
    registry.sweep(ARM64.digest)
    live = Promotion("*", "*", ReferenceClass.LIVE, frozenset({Platform("linux", "arm64")}))
    told = target(registry, scope=AuditScope(promotions=(live,)))
    before = await audited(told)
    registry.untag("v1")

    assert gone(await audited(told, before=before)) == [("app:v1", "live")]


def repair(registry: Fake) -> None:
    registry.push(INDEX, "v1")


def hide(registry: Fake) -> None:
    registry.untag("v1")
    registry.spoil("*", cut_list())


def deny(registry: Fake) -> None:
    registry.spoil("*", Reason.DENIED)


def fail(registry: Fake) -> None:
    registry.untag("v1")
    registry.down = True


@pytest.mark.parametrize("happens", [repair, hide, deny, fail])
async def test_a_tag_that_is_repaired_or_cannot_be_seen_is_not_gone(
    happens: Callable[[Fake], None],
) -> None:
    registry, before = await broken()
    happens(registry)

    assert gone(await audited(registry, before=before)) == []


async def test_a_tag_that_is_out_of_scope_now_or_was_whole_is_not_gone() -> None:
    registry, before = await broken()
    narrow = target(registry, scope=AuditScope(select=("x",)))
    assert gone(await audited(narrow, before=before)) == []

    whole = stocked()
    well = await audited(whole)
    whole.untag("v1")
    assert gone(await audited(whole, before=well)) == []


async def test_a_broken_tag_in_use_stays_missing_when_it_vanishes() -> None:
    registry, before = await broken()
    registry.untag("v1")

    report = await audited(registry, use("app:v1"), before=before)

    assert [each.state for each in report.verdicts] == [State.MISSING]
    assert gone(report) == []


async def test_it_is_told_for_a_day_or_until_the_tag_is_back() -> None:
    registry, before = await broken()
    registry.untag("v1")
    first = await audited(registry, before=before, now=NOW + 60)

    later = await audited(registry, before=first, now=NOW + DAY)
    assert gone(later) == [GONE]
    assert gone(await audited(registry, before=later, now=NOW + DAY + 61)) == []
    registry.down = True
    away = await audited(registry, before=later, now=NOW + DAY)
    assert gone(away) == [GONE]
    registry.down = False
    registry.push(INDEX, "v1")
    assert gone(await audited(registry, before=away, now=NOW + DAY)) == []


async def test_a_repository_that_a_scope_leaves_out_now_is_not_gone() -> None:
    registry, before = await broken()
    scope = AuditScope(select=("*",), leave_out=("app",))

    assert gone(await audited(target(registry, scope=scope), before=before)) == []
    only = AuditScope(select=("*",), catalogue=False, listed=(Repository("other"),))
    assert gone(await audited(target(registry, scope=only), before=before)) == []
    denied = Fake()
    denied.spoil("*", NO_NAME)
    assert gone(await audited(target(denied, scope=replace(only, listed=())), before=before)) == []
