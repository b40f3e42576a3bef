"""One audit of one registry: look, judge, and ask once more before a loss is claimed."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from exporter.facts.proof import GONE
from exporter.judge.judgement import judge
from exporter.resolve.look import look
from exporter.resolve.steady import steady

if TYPE_CHECKING:
    from exporter.facts.snapshot import Root
    from exporter.facts.use import Use
    from exporter.judge.report import Report
    from exporter.resolve.target import Target
    from exporter.sources import Listing


async def audit(target: Target, uses: Listing[Use], before: Report | None, now: float) -> Report:
    """Look at a registry and say what it means; `now` is in seconds since the epoch.

    Where a tag seems to have lost something, it is resolved once more at the end: if it moved or
    went in the meantime, two different things were looked at and nothing is claimed of it.
    """
    snapshot = await look(target, uses, before.snapshot if before else None, now)
    history = before.since if before else {}
    report = judge(snapshot, history)
    claimed = {(root.repository, root.name) for root in _lossy(before)} if before else set()
    now_known = await steady(target, _lossy(report), _used(report), claimed)
    settled = tuple(now_known.get(root, root) for root in snapshot.roots)
    if settled == snapshot.roots:
        return report
    return judge(replace(snapshot, roots=tuple(filter(None, settled))), history)


def _lossy(report: Report) -> list[Root]:
    """The roots that are said to have lost anything, needed or not."""
    return [
        verdict.root
        for verdict in report.verdicts
        if verdict.state in GONE or any(child.state in GONE for child in verdict.children)
    ]


def _used(report: Report) -> frozenset[Root]:
    """The tags that a use names, and that therefore must exist; beside a digest none counts."""
    references = (use.reference for use in report.snapshot.uses if not use.reference.digest)
    named = {(reference.repository, reference.tag) for reference in references}
    return frozenset(root for root in report.snapshot.roots if (root.repository, root.tag) in named)
