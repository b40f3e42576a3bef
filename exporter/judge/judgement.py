"""The judgement of a snapshot: verdicts, the findings of every check, and all that follows."""

from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from dataclasses import replace
from typing import TypeVar

from exporter.facts.snapshot import Root, Snapshot, part, with_part
from exporter.judge.check import Check, TagContext
from exporter.judge.checks import CHECKS
from exporter.judge.counts import counted, recounted
from exporter.judge.finding import Finding, FindingKey
from exporter.judge.reachability import compared, reachability
from exporter.judge.remaining import remaining
from exporter.judge.report import Report, TagReport
from exporter.judge.tag_report import causes, tag_report
from exporter.judge.unchanged import Unchanged, changed_content
from exporter.judge.verdict import order, verdicts
from exporter.oci.reference import Repository

Told = TypeVar("Told")


def judge(
    snapshot: Snapshot,
    history: Mapping[str, float],
    checks: tuple[Check, ...] = CHECKS,
    before: Report | None = None,
) -> Report:
    """Return the report on a snapshot; `history` says when each finding was first seen.

    With the report before, whose history that is, only tags that changed since are judged. Both
    reports hold once what they say alike of a tag. Times are seconds since the epoch; a finding
    without history begins with this snapshot. One that could not be looked for is neither gone
    nor new: its time is kept for the next report.
    """
    earlier = before.tags if before else ()
    unchanged = Unchanged(before, snapshot) if before and before.since is history else None
    told = (each.verdict for each in earlier)
    found = tuple(_held_once(verdicts(snapshot, unchanged), told, lambda each: each.root))
    reach = reachability(snapshot, found)
    judged = tuple(compared(each, reach.get(each.root.repository)) for each in found)
    kept = [
        unchanged.report(each) if unchanged and each.root.repository not in reach else None
        for each in judged
    ]
    contexts = (TagContext(each, snapshot, reach.get(each.root.repository)) for each in judged)
    findings = [
        last.findings if last else _findings(context, checks)
        for last, context in zip(kept, contexts, strict=True)
    ]
    keys = (each.key for part in findings for each in part)
    since = {key: history.get(key, snapshot.taken_at) for key in keys}
    untold = [key for key in history if key not in since]
    waiting = {key: history[key] for key in remaining(snapshot, judged, reach, untold, checks)}
    every = zip(kept, judged, findings, strict=True)
    since = {**waiting, **since}
    reports = (last or tag_report(verdict, part, since) for last, verdict, part in every)
    tags = _held_once(reports, earlier, lambda tag: tag.verdict.root)
    return concluded(snapshot, tuple(tags), since, checks)


def concluded(
    snapshot: Snapshot,
    tags: tuple[TagReport, ...],
    since: Mapping[str, float],
    checks: tuple[Check, ...] = CHECKS,
) -> Report:
    """Return the report that the reports of all tags make, with all that follows of them."""
    return Report(
        snapshot,
        tags,
        causes(tags),
        counted(snapshot, tags),
        tuple(check.rule for check in checks if check.could_run(snapshot)),
        since,
    )


def _held_once(
    new: Iterable[Told], old: Iterable[Told], root: Callable[[Told], Root]
) -> Iterator[Told]:
    """Yield the report of each tag: the object of before if it is equal.

    Both are in the order of verdicts.
    """
    known = iter(old)
    last = next(known, None)
    for each in new:
        at = root(each)
        while last is not None and root(last) is not at and order(root(last)) < order(at):
            last = next(known, None)
        yield last if last is not None and (last is each or last == each) else each
        if last is not None and root(last) is at:
            last = next(known, None)


def _findings(context: TagContext, checks: tuple[Check, ...]) -> tuple[Finding, ...]:
    if context.snapshot.is_proxied(context.verdict.root.repository):
        return ()
    return tuple(finding for check in checks for finding in check.run(context))


def report_part(whole: Report, of: Container[Repository]) -> Report:
    """Return the results of a report for some repositories; its counts stay the registry's."""
    return replace(
        whole,
        snapshot=part(whole.snapshot, of),
        tags=tuple(tag for tag in whole.tags if tag.verdict.root.repository in of),
        since={key: since for key, since in whole.since.items() if _is_of(key, of)},
        vanished=tuple(each for each in whole.vanished if each.repository in of),
    )


def with_report_part(whole: Report, new: Report, of: Container[Repository]) -> Report:
    """Return a report with the results of a newer one for some repositories.

    Equal to a report on both, but for what its storage means: that is as the older one has it.
    """
    snapshot = with_part(whole.snapshot, new.snapshot, of)
    old = part(whole.snapshot, of)
    others = (tag for tag in whole.tags if tag.verdict.root.repository not in of)
    tags = tuple(sorted((*others, *new.tags), key=lambda tag: order(tag.verdict.root)))
    since = {key: at for key, at in whole.since.items() if not _is_of(key, of)}
    vanished = (each for each in whole.vanished if each.repository not in of)
    return replace(
        whole,
        snapshot=snapshot,
        tags=tags,
        causes=causes(tags),
        counts=recounted(whole.counts, old, new.snapshot, snapshot, tags),
        checked=tuple(dict.fromkeys((*whole.checked, *new.checked))),
        since={**since, **new.since},
        vanished=(*vanished, *new.vanished),
        refreshed=whole.refreshed.union(
            root.repository for root in snapshot.roots if root.repository in of
        ),
        learned=whole.learned.union(changed_content(whole.snapshot, snapshot)),
    )


def _is_of(key: str, of: Container[Repository]) -> bool:
    parsed = FindingKey.parse(key)
    return parsed is not None and Repository(parsed.repository) in of
