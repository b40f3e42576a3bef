"""What does a snapshot mean? Verdicts, then every check that may speak, then since when."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Final

from exporter.facts.snapshot import Role, Snapshot
from exporter.judge.causes import causes
from exporter.judge.checks import (
    broken_child,
    digest_mismatch,
    missing_child,
    missing_platform,
    moved_tag,
    platform_not_offered,
    refused_login,
    unprotected_child,
    unprotected_image,
    wrong_diff_id,
)
from exporter.judge.counts import counted
from exporter.judge.finding import Finding, Rule
from exporter.judge.hold import Hold, compared, holds
from exporter.judge.report import Report, TagVerdict
from exporter.judge.tag_report import tag_report
from exporter.judge.unsettled import unsettled
from exporter.judge.verdict import verdicts

OPEN: Final = (
    missing_child,
    broken_child,
    digest_mismatch,
    wrong_diff_id,
    missing_platform,
    platform_not_offered,
    refused_login,
)
"""Checks of what is there: a gap elsewhere takes nothing from them."""

CLOSED: Final = (unprotected_child,)
"""Checks that claim an absence: they are handed a seal, and run only where there is one."""

HELD: Final = (moved_tag, unprotected_image)
"""Checks of what is live and may be held by no tag: they are handed what is known of all tags."""


def judge(snapshot: Snapshot, history: Mapping[str, float]) -> Report:
    """Return the report on a snapshot; `history` says when each finding was first seen.

    Times are seconds since the epoch; a finding without history begins with this snapshot. One
    that could not be looked for is neither gone nor new: its time is kept for the next report.
    """
    found = verdicts(snapshot)
    held = holds(snapshot, found)
    judged = tuple(compared(each, held.get(each.root.repository)) for each in found)
    findings = [tuple(_findings(snapshot, each, held.get(each.root.repository))) for each in judged]
    keys = (each.key for part in findings for each in part)
    since = {key: history.get(key, snapshot.taken_at) for key in keys}
    untold = [key for key in history if key not in since]
    waiting = {key: history[key] for key in unsettled(snapshot, judged, held, untold)}
    return concluded(snapshot, zip(judged, findings, strict=True), {**waiting, **since})


def concluded(
    snapshot: Snapshot,
    judged: Iterable[tuple[TagVerdict, tuple[Finding, ...]]],
    since: Mapping[str, float],
) -> Report:
    """Return the report that verdicts and their findings make, with all that follows of them."""
    tags = tuple(tag_report(snapshot, verdict, found, since) for verdict, found in judged)
    return Report(
        snapshot,
        tags,
        causes(each.verdict for each in tags),
        counted(snapshot, tags),
        tuple(_could_run(snapshot)),
        since,
    )


def _could_run(snapshot: Snapshot) -> Iterator[Rule]:
    if snapshot.role is Role.PROXY:
        return
    yield from (check.RULE for check in (*OPEN, moved_tag))
    if snapshot.sealed:
        yield from (check.RULE for check in (*CLOSED, unprotected_image))


def _findings(snapshot: Snapshot, verdict: TagVerdict, hold: Hold | None) -> Iterator[Finding]:
    if snapshot.role is Role.PROXY:
        return
    for each in OPEN:
        yield from each.check(verdict)
    sealed = snapshot.sealed.get(verdict.root.repository)
    if sealed is not None:
        for claim in CLOSED:
            yield from claim.check(verdict, sealed, snapshot.collector)
    if hold is not None:
        for each in HELD:
            yield from each.check(verdict, hold)
