"""Is a manifest gone that a tag leads to?"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from exporter.facts.proof import State
from exporter.judge.finding import Finding, Rule
from exporter.judge.lost import finding
from exporter.judge.report import Child, ChildKind, TagVerdict

RULE: Final = Rule(
    "missing-child", "A manifest that a tag references is missing.", breaks_pull=True
)


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every child whose manifest the registry no longer has."""
    for child in verdict.children:
        if child.state is State.MISSING:
            yield finding(RULE, verdict, child, _describe(child))


def _describe(child: Child) -> str:
    if child.digest is None:
        return "the tag does not exist"
    where = f"{child.kind} {child.platform}" if child.platform else str(child.kind)
    what = "blob" if child.kind is ChildKind.CACHE else "manifest"
    return f"the {what} of the {where} is missing"
