"""Broken tags that vanish from their repository: their loss ends, and nothing was repaired."""

from dataclasses import replace
from typing import Final

from exporter.judge.report import Report, VanishedTag

_KEPT: Final = 86_400.0
"""Seconds for which a tag that is gone is reported."""


def with_vanished(report: Report, before: Report | None) -> Report:
    """Return a report with the broken tags of the one before that are not listed any more.

    A registry's own collector may remove an index whose children are lost (zot 2.1.20, run).
    """
    if before is None:
        return report
    if report.snapshot.blind:
        return replace(report, vanished=before.vanished)
    now = report.snapshot.taken_at
    there = {(root.repository, root.tag) for root in report.snapshot.roots}
    lost = (each.verdict.root for each in before.tags if each.verdict.cannot_be_pulled)
    broken = {(root.repository, root.tag): root.reference_class for root in lost}
    gone = [
        VanishedTag(*at, broken[at], now)
        for at in report.snapshot.delisted
        if at in broken and at not in there
    ]
    known = {(each.repository, each.tag) for each in gone}
    kept = (
        each
        for each in before.vanished
        if now - each.since < _KEPT and (each.repository, each.tag) not in there | known
    )
    return replace(report, vanished=(*gone, *kept))
