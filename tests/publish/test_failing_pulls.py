"""Everything that speaks of a tag says that pods fail to pull it; no verdict follows of it."""

from __future__ import annotations

import pytest

from exporter.facts.proof import State
from exporter.publish.answers.report import document
from tests.fakes import use
from tests.publish.answers.saying import check_text, inspect_text
from tests.publish.metrics.series import value
from tests.publish.reports import MISSING, child, report, status, tag
from tests.publish.web.page import page, shown

HINT = "not found"
WAITING = (
    use("app:v1", failing_pulls=2, pull_error=HINT),
    use("app:v1", failing_pulls=1),
    use("app:v1"),
)
WORDS = f"3 pods are failing to pull this already: {HINT}"


@pytest.mark.parametrize("state", [State.PRESENT, State.MISSING])
async def test_pods_that_fail_to_pull_are_told_whatever_the_verdict(state: State) -> None:
    about = report(tag("app:v1", child("arm64", state), uses=WAITING))

    (entry,) = document([status(about)], 0.0).tags
    assert (entry.failing_pulls, entry.pull_error, entry.state) == (
        3,
        HINT,
        State.PRESENT if state is State.PRESENT else State.BROKEN,
    )
    assert value(about, "tag_failing_pulls", tag="v1", **{"class": "live"}) == 3
    assert f"Failing pulls\n  app:v1: {WORDS}\n" in check_text([about])
    assert WORDS in inspect_text(about)
    assert WORDS in (await page("/tag/registry.example/app:v1", shown(about))).text


async def test_a_complete_tag_that_pods_fail_to_pull_is_not_called_healthy() -> None:
    one = report(tag("app:v1", child("arm64"), uses=(use("app:v1", failing_pulls=1),)))

    assert "1 pod is failing to pull this already\n" in inspect_text(one)
    assert "Complete in the registry, but pods fail to pull it" in inspect_text(one)
    assert "Can be pulled" not in inspect_text(one)


def test_where_no_pod_fails_nothing_is_said() -> None:
    about = report(tag("app:v1", child("arm64", MISSING), uses=(use("app:v1"),)))

    assert value(about, "tag_failing_pulls", tag="v1") is None
    assert "failing" not in check_text([about]) + inspect_text(about)
