"""An audit ends at its deadline, and what it did not see by then is a gap."""

from __future__ import annotations

import asyncio
import threading
from typing import TYPE_CHECKING

import pytest

from exporter.audit import audit
from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.ports import Listing
from exporter.resolve.target import AuditLimits
from tests import worlds
from tests.fakes import APP, NOW, Fake, target

if TYPE_CHECKING:
    from exporter.facts.inventory import Inventory

SOON = AuditLimits(width=2, confirm_after=0.0, deadline=0.2)
CALLS = ["ping", "repositories", "tags", "collector", "head", "manifest", "read"]


def silent(call: str) -> Fake:
    """A registry of which one call never returns."""
    registry = Fake()
    registry.push(worlds.two_platforms("app"), "v1")

    async def never(*_: object, **__: object) -> None:
        await asyncio.Event().wait()

    setattr(registry, call, never)
    return registry


@pytest.mark.parametrize("call", CALLS)
async def test_a_call_that_never_returns_ends_at_the_deadline(call: str) -> None:
    report = await audit(target(silent(call), limits=SOON), Listing(()), None, NOW)

    if call != "collector":  # not knowing whose collector it is hides nothing
        assert report.snapshot.blind is not None
        assert report.snapshot.blind.reason is Reason.TIMEOUT
    assert all(verdict.state is not State.MISSING for verdict in report.verdicts)


async def test_past_the_deadline_nothing_more_is_asked() -> None:
    registry = silent("tags")
    for each in range(100):
        registry.push(worlds.image("app"), "v1", APP.__class__(f"app{each}"))
    calls = 0

    async def never(*_: object) -> None:
        nonlocal calls
        calls += 1
        await asyncio.Event().wait()

    registry.tags = never  # type: ignore[method-assign,assignment] # the fault of this test

    report = await audit(target(registry, limits=SOON), Listing(()), None, NOW)

    assert calls == SOON.width
    assert {gap.reason for gap in report.snapshot.gaps} == {Reason.TIMEOUT}


class Stuck:
    """A storage whose disk does not answer until it is told to."""

    def __init__(self) -> None:
        self.answers = threading.Event()

    def read(self) -> Inventory:
        self.answers.wait()
        raise AssertionError


async def test_a_storage_that_never_answers_is_a_gap() -> None:
    registry, storage = Fake(), Stuck()
    registry.push(worlds.two_platforms("app"), "v1")

    report = await audit(target(registry, limits=SOON, storage=storage), Listing(()), None, NOW)

    storage.answers.set()
    assert [gap.reason for gap in report.snapshot.gaps if gap.subject == "storage"] == [
        Reason.TIMEOUT
    ]
