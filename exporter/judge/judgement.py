"""The judgement of a snapshot: verdicts, the findings of every check, and all that follows."""

from collections.abc import Iterable, Mapping

from exporter.facts.snapshot import Snapshot
from exporter.judge.check import Check, TagContext
from exporter.judge.checks import CHECKS
from exporter.judge.counts import counted
from exporter.judge.finding import Finding
from exporter.judge.reachability import compared, reachability
from exporter.judge.remaining import remaining
from exporter.judge.report import Report
from exporter.judge.tag_report import causes, tag_report
from exporter.judge.tag_verdict import TagVerdict
from exporter.judge.verdict import verdicts


def judge(
    snapshot: Snapshot, history: Mapping[str, float], checks: tuple[Check, ...] = CHECKS
) -> Report:
    """Return the report on a snapshot; `history` says when each finding was first seen.

    Times are seconds since the epoch; a finding without history begins with this snapshot. One
    that could not be looked for is neither gone nor new: its time is kept for the next report.
    """
    found = verdicts(snapshot)
    reach = reachability(snapshot, found)
    judged = tuple(compared(each, reach.get(each.root.repository)) for each in found)
    contexts = (TagContext(each, snapshot, reach.get(each.root.repository)) for each in judged)
    findings = [_findings(context, checks) for context in contexts]
    keys = (each.key for part in findings for each in part)
    since = {key: history.get(key, snapshot.taken_at) for key in keys}
    untold = [key for key in history if key not in since]
    waiting = {key: history[key] for key in remaining(snapshot, judged, reach, untold, checks)}
    return concluded(snapshot, zip(judged, findings, strict=True), {**waiting, **since}, checks)


def concluded(
    snapshot: Snapshot,
    judged: Iterable[tuple[TagVerdict, tuple[Finding, ...]]],
    since: Mapping[str, float],
    checks: tuple[Check, ...] = CHECKS,
) -> Report:
    """Return the report that verdicts and their findings make, with all that follows of them."""
    tags = tuple(tag_report(verdict, found, since) for verdict, found in judged)
    return Report(
        snapshot,
        tags,
        causes(tags),
        counted(snapshot, tags),
        tuple(check.rule for check in checks if check.could_run(snapshot)),
        since,
    )


def _findings(context: TagContext, checks: tuple[Check, ...]) -> tuple[Finding, ...]:
    if context.snapshot.is_proxied(context.verdict.root.repository):
        return ()
    return tuple(finding for check in checks for finding in check.run(context))
