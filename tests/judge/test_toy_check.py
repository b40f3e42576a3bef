"""A check is one file: nothing else lists it, and everything knows it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from exporter.judge import checks
from exporter.judge.judgement import judge
from exporter.publish.answers.report import document
from exporter.publish.status import RegistryStatus
from tests import worlds
from tests.judge.checks_page import page as index_of
from tests.judge.scene import NOW, scene
from tests.publish.metrics.series import value
from tests.publish.web.page import page, shown

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.judge.check import Check

BUILT = worlds.image("app")
TOY = """
from exporter.judge.check import Check
from exporter.judge.finding import Evidence, Finding, Rule, Severity

RULE = Rule("toy", "A tag is named toy.", needs=Evidence.{needs})


def find(context):
    root = context.verdict.root
    if root.name == "toy":
        yield Finding(RULE, Severity.WARNING, root, None, None, "it is a toy")


CHECK = Check(RULE, find, lambda key, context: context.sealed is None)
"""


@pytest.fixture(params=["NOTHING", "TAG_LIST"])
def known(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Check, ...]]:
    """The checks with one more module among theirs."""
    (tmp_path / f"toy_{request.param.lower()}.py").write_text(TOY.format(needs=request.param))
    checks.__path__.append(str(tmp_path))
    yield checks.discover()
    checks.__path__.remove(str(tmp_path))


async def test_a_module_is_a_check_with_its_metric_its_page_its_entry_and_its_row(
    known: tuple[Check, ...],
) -> None:
    report = judge(scene(BUILT, "toy").seal().snapshot(), {}, known)
    (entry,) = document([RegistryStatus.once(report)], NOW).findings
    found = await page("/tag/registry.example/app:toy", shown(report))

    assert (entry.check, entry.summary, entry.detail) == (
        "toy",
        "A tag is named toy.",
        "it is a toy",
    )
    assert value(report, "findings", check="toy", severity="warning") == 1
    assert "../../docs/findings/toy.md" in found.links
    assert "| [toy](toy.md) | A tag is named toy. | no | " in index_of(known)


def test_it_has_its_zero_series_and_its_times_where_it_could_not_run_or_found_nothing(
    known: tuple[Check, ...],
) -> None:
    sealed = judge(scene(BUILT).seal().snapshot(), {"toy app:v1": 7.0}, known)
    unsealed = judge(scene(BUILT).snapshot(), {"toy app:v1": 7.0}, known)

    assert value(sealed, "findings", check="toy", severity="critical") == 0
    assert ("toy app:v1" in sealed.since, "toy app:v1" in unsealed.since) == (False, True)


def test_one_that_claims_an_absence_has_no_series_without_a_complete_tag_list(
    known: tuple[Check, ...],
) -> None:
    (toy,) = [check for check in known if check.rule.code == "toy"]
    report = judge(scene(BUILT, "toy").snapshot(), {}, known)
    speaks = toy.rule.needs is not toy.rule.needs.TAG_LIST

    assert [each.rule.code for each in report.findings] == (["toy"] if speaks else [])
    assert value(report, "findings", check="toy", severity="info") == (0 if speaks else None)


def test_what_breaks_a_pull_comes_first_and_each_part_by_code() -> None:
    codes = [check.rule.code for check in checks.CHECKS]
    breaking = [check.rule.code for check in checks.CHECKS if check.rule.breaks_pull]

    assert breaking == [
        "broken-child",
        "digest-mismatch",
        "missing-child",
        "missing-platform",
        "wrong-diff-id",
    ]
    assert codes == breaking + sorted(set(codes) - set(breaking))
