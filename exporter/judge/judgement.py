"""What does a snapshot mean? Verdicts, then every check that may speak, then since when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
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
from exporter.judge.hold import holds
from exporter.judge.report import Report
from exporter.judge.verdict import verdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from exporter.facts.snapshot import Snapshot
    from exporter.judge.finding import Finding
    from exporter.judge.hold import Hold
    from exporter.judge.report import TagVerdict
    from exporter.oci.reference import Repository

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

    Times are seconds since the epoch; a finding without history begins with this snapshot.
    """
    judged = verdicts(snapshot)
    held = live_holds(snapshot, judged)
    findings = tuple(
        finding
        for verdict in judged
        for finding in _findings(snapshot, verdict, held.get(verdict.root.repository))
    )
    since = {each.key: history.get(each.key, snapshot.taken_at) for each in findings}
    return Report(snapshot, judged, findings, since)


def live_holds(snapshot: Snapshot, judged: Iterable[TagVerdict]) -> Mapping[Repository, Hold]:
    """Return what tags lead to, in the repositories of which that matters to what is live."""
    of = {
        verdict.root.repository
        for verdict in judged
        if snapshot.role is not Role.PROXY
        and verdict.root.reference_class is ReferenceClass.LIVE
        and (verdict.root.tag is None or any(use.running for use in verdict.uses))
    }
    return holds(snapshot, of)


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
