"""What the code can say has its page, and what the pages say the code can."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from exporter.facts.gap import Reason
from exporter.judge.checks import CHECKS
from exporter.publish.exports.schema import documentation
from tests.golden import generated
from tests.judge.checks_page import page as checks_page
from tests.publish.metrics.metrics_page import page as metrics_page

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = ("alerts", "dashboards", "facts", "metrics", "reasons", "report", "scale")
OWN = sorted(
    [DOCS / f"{name}.md" for name in PAGES]
    + [*DOCS.glob("runbooks/*.md"), *DOCS.glob("findings/*.md")]
)


def test_the_page_on_metrics_is_made_from_the_catalogue() -> None:
    generated(DOCS / "metrics.md", metrics_page())


def test_the_page_on_facts_ends_with_the_tables_of_the_schema() -> None:
    page = DOCS / "facts.md"
    words = page.read_text().partition("### In every table")[0]

    generated(page, words + documentation())


def test_the_index_of_the_checks_is_made_from_them() -> None:
    generated(DOCS / "findings/README.md", checks_page(CHECKS))


def test_every_check_has_a_page_that_begins_with_its_code_and_sentence() -> None:
    rules = [check.rule for check in CHECKS]

    assert {path.stem for path in DOCS.glob("findings/[a-z]*.md")} == {rule.code for rule in rules}
    for rule in rules:
        text = (DOCS / "findings" / f"{rule.code}.md").read_text()
        assert text.startswith(f"# {rule.code}\n\n**{rule.summary}**\n")


def test_every_reason_has_a_line_and_no_other_has() -> None:
    lines = re.findall(
        r"^\| `([^`]+)` \| .+ \| .+ \|$", (DOCS / "reasons.md").read_text(), re.MULTILINE
    )

    assert lines == [str(reason) for reason in Reason]


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_every_link_of_a_page_leads_somewhere(path: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", path.read_text()):
        assert (path.parent / target).exists(), target


@pytest.mark.parametrize("path", OWN, ids=lambda path: path.stem)
def test_reasons_that_a_page_names_exist(path: Path) -> None:
    named = re.findall(r'reason="([^"]+)"', path.read_text())

    assert set(named) <= {str(reason) for reason in Reason}
