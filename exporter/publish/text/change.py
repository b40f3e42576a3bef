"""How is the difference between two looks said: on a terminal, in a change ticket, as JSON?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from itertools import chain
from typing import Any, Final

from exporter.facts.snapshot import Root
from exporter.judge.change import ChangeKind, Diff, DiffOutcome, TagChange
from exporter.judge.impact import users_of
from exporter.judge.keep_tags import ReferencedManifest
from exporter.judge.report import Child, TagVerdict
from exporter.publish.sheet import root_name
from exporter.publish.text.markdown import bullet, escape
from exporter.publish.users import needed_words, wanted_by
from exporter.publish.words import count_words, moment, platform_words, time_words
from exporter.screen import plain

VERSION: Final = 1
_HEADS: Final = {
    ChangeKind.BROKEN: "Broken since (collateral damage)",
    ChangeKind.FOUND_BROKEN: "Broken now, not audited before",
    ChangeKind.NOT_SEEN: "Unknown now",
    ChangeKind.REMOVED: "Removed (intended)",
    ChangeKind.HEALED: "Repaired",
    ChangeKind.MOVED: "Moved",
    ChangeKind.ADDED: "New",
    ChangeKind.FIRST_SEEN: "Not audited before",
}
_VERDICTS: Final = {
    DiffOutcome.NOTHING_BROKE: "Nothing broke.",
    DiffOutcome.COLLATERAL: "A tag lost content that it still needs.",
    DiffOutcome.UNTOLD: "Inconclusive: it is unknown whether anything broke.",
}
_MOST: Final = 100
"""Lines of one kind on a terminal or in a ticket; the JSON has all."""

Section = tuple[str, tuple[str, ...]]


def change_text(change: Diff) -> str:
    """Return what changed, the worst first."""
    parts = (("", head, *(f"  {line}" for line in lines)) for head, lines in _sections(change))
    lines = (*_headline(change), *chain.from_iterable(parts))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def change_markdown(change: Diff) -> str:
    """Return the same for a change ticket."""
    parts = (("", f"### {head}", "", *map(bullet, lines)) for head, lines in _sections(change))
    first, verdict = _headline(change)
    lines = (f"## {escape(first)}", "", f"**{verdict}**", *chain.from_iterable(parts))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def change_document(change: Diff) -> Mapping[str, Any]:
    """Return the same as a document (docs/diff.md)."""
    new = change.new.snapshot
    return {
        "version": VERSION,
        "registry": new.registry,
        "old": moment(change.old.snapshot.taken_at),
        "new": moment(new.taken_at),
        "outcome": change.outcome.name.lower().replace("_", "-"),
        "shifts": [_shift(each) for each in change.shifts],
        "exposed": [_need(each) for each in change.exposed],
        "protected": [_need(each) for each in change.protected],
        "gaps": [
            {"scope": gap.scope, "subject": gap.subject, "reason": gap.reason, "detail": gap.detail}
            for gap in new.gaps
        ],
    }


def _headline(change: Diff) -> tuple[str, str]:
    old, new = change.old.snapshot, change.new.snapshot
    times = f"{time_words(old.taken_at)} to {time_words(new.taken_at)}"
    return f"{new.registry}, {times}", _VERDICTS[change.outcome]


def _sections(change: Diff) -> Iterator[Section]:
    for kind, head in _HEADS.items():
        shifts = change.of(kind)
        lines = tuple(line for each in shifts[:_MOST] for line in _lines(each))
        if lines:
            yield f"{head}: {count_words(len(shifts), 'tag')}", (*lines, *_rest(len(shifts)))
    for head, needs in (
        ("No longer tagged directly", change.exposed),
        ("Now tagged directly", change.protected),
    ):
        if needs:
            yield head, (*map(_named, needs[:_MOST]), *_rest(len(needs)))
    gaps = change.new.snapshot.gaps
    if gaps:
        said = (f"{gap.scope} {plain(gap.subject)}: {gap.reason}" for gap in gaps[:_MOST])
        yield "Gaps", (*said, *_rest(len(gaps)))


def _rest(count: int) -> tuple[str, ...]:
    return (f"… and {count - _MOST:,} more",) if count > _MOST else ()


def _lines(shift: TagChange) -> Iterator[str]:
    verdict = shift.verdict
    ends = f" {_end(shift.before)} to {_end(shift.after)}" if shift.kind is ChangeKind.MOVED else ""
    owners = "; ".join(wanted_by(verdict))
    used = f", used by {owners}" if owners else ""
    yield f"{root_name(verdict)} ({verdict.root.reference_class}){ends}{used}"
    yield from (f"  {_child(verdict.root, each)}" for each in shift.children)
    if shift.kind is ChangeKind.BROKEN:
        lacking = ", ".join(map(platform_words, verdict.lacking_platforms))
        yield from (f"  no image for {lacking}",) if lacking else ()


def _end(verdict: TagVerdict | None) -> str:
    return str(verdict.root.digest) if verdict else "nothing"


def _child(root: Root, child: Child) -> str:
    where = platform_words(child.platform) if child.platform else str(child.kind)
    note = "".join(f", {each}" for each in needed_words(root, child.required_by))
    reason = f" ({child.reason})" if child.reason else ""
    return f"{where} {child.state}{reason} {child.digest or 'the tag itself'}{note}"


def _named(need: ReferencedManifest) -> str:
    where = f"{platform_words(need.platform)} {need.what}" if need.platform else need.what
    return f"{need.repository}@{need.digest} {where} of {', '.join(need.needed_by)}"


def _shift(shift: TagChange) -> Mapping[str, Any]:
    root = shift.verdict.root
    return {
        "kind": shift.kind,
        "repository": root.repository,
        "tag": root.tag,
        "class": root.reference_class,
        "before": _side(shift.before),
        "after": _side(shift.after),
        "used_by": [each.name for each in users_of(shift.verdict.uses)],
        "lacking_platforms": [str(each) for each in shift.verdict.lacking_platforms],
        "children": [
            {
                "digest": child.digest and str(child.digest),
                "platform": str(child.platform) if child.platform else None,
                "kind": child.kind,
                "state": child.state,
                "required": child.required,
                "required_by": child.required_by,
            }
            for child in shift.children
        ],
    }


def _side(verdict: TagVerdict | None) -> Mapping[str, Any] | None:
    if verdict is None:
        return None
    return {"state": verdict.state, "digest": verdict.root.digest and str(verdict.root.digest)}


def _need(need: ReferencedManifest) -> Mapping[str, Any]:
    return {
        "repository": need.repository,
        "digest": str(need.digest),
        "kind": need.what,
        "platform": str(need.platform) if need.platform else None,
        "needed_by": list(need.needed_by),
        "tags": list(need.tags or ()),
    }
