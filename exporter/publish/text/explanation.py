"""How are the three questions about one image answered: on a terminal, in a ticket, as JSON?"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict
from typing import Any, Final

from exporter.facts.use import ReferenceClass
from exporter.judge.explanation import Dependent, Explanation, Tristate
from exporter.judge.impact import User, users_of
from exporter.publish.sheet import root_name
from exporter.publish.text.markdown import bullet, escape
from exporter.publish.users import needed_words, user_words
from exporter.publish.words import moment, platform_words, time_words
from exporter.screen import plain

VERSION: Final = 1


def explanation_text(found: Sequence[Explanation]) -> str:
    """Return the answers, each with its ground."""
    lines = (line for each in found for line in (*_head(each), *_body(each, "  "), ""))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def explanation_markdown(found: Sequence[Explanation]) -> str:
    """Return the same for a ticket."""
    lines: list[str] = []
    for each in found:
        first, *rest = _head(each)
        lines += [f"## {escape(first)}", "", *map(escape, rest), ""]
        lines += [bullet(line) for line in _body(each, "  ")]
        lines.append("")
    return "".join(f"{line.rstrip()}\n" for line in lines)


def explanation_document(found: Sequence[Explanation]) -> Mapping[str, Any]:
    """Return the same as a document (docs/explain.md)."""
    return {"version": VERSION, "explained": [_entry(each) for each in found]}


def _head(found: Explanation) -> Iterator[str]:
    snapshot = found.report.snapshot
    named = f":{found.tag}" if found.tag else f"@{found.digest}"
    yield f"{snapshot.registry}/{found.repository}{named}, {time_words(snapshot.taken_at)}"
    digest = f" {found.digest}" if found.digest and found.tag else ""
    yield f"{found.state}{digest}"


def _body(found: Explanation, indent: str) -> Iterator[str]:
    yield f"Current latest:  {_answer(found, found.latest)}"
    yield f"Used by something live:  {_answer(found, found.used)}"
    yield f"Only one tag protects it, and another tag needs it:  {_sole(found)}"
    yield f"Tagged directly as:  {_tags(found)}"
    yield "Removing it would break:"
    for each in found.dependents:
        yield f"{indent}{_dependent(each)}"
    if not found.dependents:
        nobody = "nothing" if not found.doubts else "nothing known"
        yield f"{indent}{nobody}"
    if found.runs:
        runs = "; ".join(map(user_words, users_of(found.runs)))
        yield f"Running, but its tag has moved:  {runs}"
    for doubt in found.doubts:
        yield f"Gap: {plain(doubt)}"


def _answer(found: Explanation, answer: Tristate) -> str:
    if answer is not Tristate.UNKNOWN:
        return answer
    if found.doubts:
        return f"unknown: {plain('; '.join(found.doubts))}"
    return "unknown: no complete source of image references (use --config, --refs or --kube)"


def _sole(found: Explanation) -> str:
    if found.sole is not Tristate.YES:
        return _answer(found, found.sole)
    others = ", ".join(each.verdict.root.name for each in found.needed_by_others)
    return f"yes: {', '.join(found.protected_by or ())}, and {others} needs it"


def _tags(found: Explanation) -> str:
    if found.protected_by is None:
        return _answer(found, Tristate.UNKNOWN)
    return ", ".join(found.protected_by) or "none"


def _dependent(each: Dependent) -> str:
    root = each.verdict.root
    where = ", ".join(
        dict.fromkeys(
            platform_words(child.platform) if child.platform else str(child.kind)
            for child in each.children
        )
    )
    way = (
        "tagged directly" if each.direct else "through an index" if root.tag else "pinned by digest"
    )
    used = f", used by {'; '.join(map(user_words, users_of(each.uses)))}" if each.uses else ""
    whose = f"{root.reference_class}, {way}"
    needed = "".join(f", {words}" for words in _needed(each))
    return f"{root_name(each.verdict)} ({whose}) on {where or 'all'}{needed}{used}"


def _needed(each: Dependent) -> tuple[str, ...]:
    """Who needs what would be hurt of a tag, where that is not what is highest of its uses."""
    return needed_words(each.verdict.root, _required_by(each)) if each.children else ()


def _required_by(each: Dependent) -> ReferenceClass | None:
    classes = {child.required_by for child in each.children if child.required_by}
    return min(classes, key=lambda found: found.rank, default=None)


def _entry(found: Explanation) -> Mapping[str, Any]:
    snapshot = found.report.snapshot
    return {
        "registry": snapshot.registry,
        "taken_at": moment(snapshot.taken_at),
        "repository": found.repository,
        "tag": found.tag,
        "digest": found.digest and str(found.digest),
        "state": found.state,
        "latest": found.latest,
        "used": found.used,
        "sole_protector": found.sole,
        "protected_by": None if found.protected_by is None else list(found.protected_by),
        "dependents": [_needing(each) for each in found.dependents],
        "runs": [_user(user) for user in users_of(found.runs)],
        "doubts": list(found.doubts),
    }


def _needing(each: Dependent) -> Mapping[str, Any]:
    root = each.verdict.root
    return {
        "tag": root.tag,
        "digest": root.digest and str(root.digest),
        "class": root.reference_class,
        "straight": each.direct,
        "platforms": [str(child.platform) for child in each.children if child.platform],
        "required_by": _required_by(each),
        "uses": [_user(user) for user in users_of(each.uses)],
    }


def _user(user: User) -> Mapping[str, Any]:
    return {
        "owner": user.name,
        "class": user.reference_class,
        "workload": user.workload and asdict(user.workload),
        "platforms": list(map(str, user.platforms)),
        "running": user.running,
        "next_run": None if user.next_run is None else moment(user.next_run),
    }
