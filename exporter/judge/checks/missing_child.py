"""Is a manifest gone that a tag leads to?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.proof import State
from exporter.judge.finding import Finding, Rule, weight

if TYPE_CHECKING:
    from collections.abc import Iterator

    from exporter.judge.report import TagVerdict

RULE: Final = Rule("missing-child", "A manifest that a tag leads to is gone.")


def check(verdict: TagVerdict) -> Iterator[Finding]:
    """Yield a finding for every child whose manifest the registry no longer has."""
    for child in verdict.children:
        if child.state is State.MISSING:
            where = f"{child.kind} {child.platform}" if child.platform else str(child.kind)
            detail = f"the manifest of the {where} is gone"
            severity = weight(verdict.root, required=child.required)
            yield Finding(RULE, severity, verdict.root, child.digest, child.platform, detail)
