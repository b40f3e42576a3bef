"""Every link of every page leads somewhere, and every command that is shown is run by a test."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

import pytest

from tests.parts.pages import TREE, Page

if TYPE_CHECKING:
    from pathlib import Path

PAGES: Final = sorted(
    str(path)
    for path in (found.relative_to(TREE) for found in TREE.rglob("*.md"))
    if not any(part.startswith(".") for part in path.parts)
)
RUN: Final = {
    "README.md": "test_readme.py",
    "docs/hardening.md": "test_documents.py",
    "docs/quickstart/ci.md": "test_documents.py",
    "docs/quickstart/harbor.md": "test_documents.py",
    "docs/quickstart/helm.md": "test_documents.py",
    "docs/quickstart/systemd.md": "test_quickstart.py",
    "docs/quickstart/vm.md": "test_quickstart.py",
    "docs/repair.md": "test_repair.py",
}
"""Which test of tests/real runs the commands of a page."""


def prose(path: Path) -> str:
    return re.sub(r"^```.*?^```$|`[^`\n]*`", "", path.read_text(), flags=re.MULTILINE | re.DOTALL)


def anchors(path: Path) -> set[str]:
    """What headings are called in links, as GitHub makes it."""
    headings = re.findall(r"^#+ (.*)$", path.read_text(), re.MULTILINE)
    kept = (re.sub(r"[^\w\- ]", "", each.lower()) for each in headings)
    return {each.replace(" ", "-") for each in kept}


@pytest.mark.parametrize("name", PAGES)
def test_every_link_leads_somewhere(name: str) -> None:
    page = TREE / name
    for target in re.findall(r"\]\(([^)\s]+)\)", prose(page)):
        if re.match(r"[a-z]+:", target):
            continue
        place, _, anchor = target.partition("#")
        led = (page.parent / place).resolve() if place else page
        assert led.exists(), target
        assert not anchor or anchor in anchors(led), target


def test_every_page_with_commands_has_a_test_that_runs_them() -> None:
    ours = (name for name in PAGES if name.startswith(("README", "docs/")))
    assert {name for name in ours if Page(name).commands} == set(RUN)

    for name, test in RUN.items():
        assert f'Page("{name}")' in (TREE / "tests" / "real" / test).read_text()


def test_the_index_leads_to_every_page() -> None:
    """To findings, runbooks and decisions by their folders."""
    index = (TREE / "docs" / "README.md").read_text()
    led = {each.removesuffix("README.md") for each in re.findall(r"\]\(([^)#\s]+)\)", index)}

    for path in sorted((TREE / "docs").rglob("*.md")):
        name = str(path.relative_to(TREE / "docs"))
        assert name == "README.md" or name in led or f"{path.parent.name}/" in led, name
