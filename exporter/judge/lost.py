"""Which finding comes of a child that cannot be pulled?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from exporter.judge.finding import Finding, Rule, told, weight
from exporter.judge.repair import hint

if TYPE_CHECKING:
    from exporter.judge.report import Child, TagVerdict


def finding(rule: Rule, verdict: TagVerdict, child: Child, detail: str) -> Finding:
    """Return it, as bad as for the highest class that requires the child, with a way out."""
    return Finding(
        rule,
        weight(child.required_by),
        verdict.root,
        child.digest,
        child.platform,
        told(verdict.root, detail, child.required_by),
        hint(verdict, child.platform),
        required_by=child.required_by,
    )
