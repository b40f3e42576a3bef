"""Findings of children that cannot be pulled, and of content that is not what it should be."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from exporter.facts.use import ReferenceClass
from exporter.judge.finding import Finding, Rule, told, weight
from exporter.judge.repair import hint
from exporter.judge.report import Child, Lack, TagVerdict


def of_child(rule: Rule, verdict: TagVerdict, child: Child, detail: str) -> Finding:
    """Return a finding as bad as for the highest class that requires the child, with a way out."""
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


def of_lacks(
    rule: Rule, verdict: TagVerdict, concerns: Callable[[Lack], bool]
) -> Iterator[Finding]:
    """Yield a finding for each such content and each platform that needs it, by its own digest."""
    if not any(child.lacks for child in verdict.children):
        return
    needed: dict[tuple[str, str], Finding] = {}
    for child in sorted(verdict.children, key=_rank):
        for lack in filter(concerns, child.lacks):
            detail = f"{lack.kind} {lack.digest.short}: {lack.detail}"
            found = Finding(
                rule,
                weight(child.required_by),
                verdict.root,
                lack.digest,
                child.platform,
                told(verdict.root, detail, child.required_by),
                required_by=child.required_by,
            )
            needed.setdefault((lack.digest, str(child.platform)), found)
    yield from needed.values()


def _rank(child: Child) -> int:
    """What matters most comes first; what nothing requires, last."""
    return child.required_by.rank if child.required_by else len(ReferenceClass)
