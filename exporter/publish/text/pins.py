"""How is a plan of protecting tags said: on a terminal, in a ticket, as JSON?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Any, Final

from exporter.facts.snapshot import Collector
from exporter.judge.keep_tags import KeepTag, KeepTagPlan, ReferencedManifest
from exporter.oci.reference import names_host
from exporter.publish.text.markdown import escape
from exporter.publish.words import count_words, moment, platform_words

VERSION: Final = 1
_KEEP: Final = (
    "Keep tags count like any other tag: a retention policy that keeps the newest N keeps fewer of "
    "your own, and may delete keep tags."
)
_FOR_EVER: Final = {
    Collector.DISTRIBUTION_2: (
        "This registry cannot delete a tag alone (distribution 2.x deletes by digest): removing a "
        "keep tag later would delete its manifest."
    ),
    Collector.UNKNOWN: (
        "The collector of this registry is unknown: distribution 2.x cannot delete a tag alone, "
        "only its manifest."
    ),
}


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one tag that was to be set."""

    pin: KeepTag
    failure: str
    """Why it could not be set; empty where it points at its manifest now."""


def pins_text(plans: Sequence[KeepTagPlan], outcomes: Sequence[Outcome] | None = None) -> str:
    """Return the plan, or what is left of it after its outcomes."""
    lines = (*_done(outcomes or ()), *chain.from_iterable(map(_section, plans)))
    return "".join(f"{line.rstrip()}\n" for line in lines)


def pins_markdown(plans: Sequence[KeepTagPlan], outcomes: Sequence[Outcome] | None = None) -> str:
    """Return the same for a ticket."""
    done = (f"- {escape(line)}" for line in _done(outcomes or ()) if line)
    lines = (*done, "", *chain.from_iterable(map(_marked_down, plans)))
    return "".join(f"{line.rstrip()}\n" for line in lines).lstrip()


def pins_document(
    plans: Sequence[KeepTagPlan], outcomes: Sequence[Outcome] | None = None
) -> Mapping[str, Any]:
    """Return the same as a document (docs/protect.md)."""
    done = outcomes or ()
    return {
        "version": VERSION,
        "applied": outcomes is not None,
        "set": [_pin(each.pin) for each in done if not each.failure],
        "failed": [{**_pin(each.pin), "why": each.failure} for each in done if each.failure],
        "registries": [_entry(plan) for plan in plans],
    }


def warnings(plan: KeepTagPlan) -> tuple[str, ...]:
    """What whoever sets these tags must know; nothing where there are none to set."""
    if not plan.wanted:
        return ()
    lasting = _FOR_EVER.get(plan.report.snapshot.collector)
    return (_KEEP, lasting) if lasting else (_KEEP,)


def crane_command(plan: KeepTagPlan, pin: KeepTag) -> str:
    """Return what sets the same tag by crane; a registry's label need not be its host."""
    label = plan.report.snapshot.registry
    host = label if names_host(label) else "HOST"
    return f"crane tag {host}/{pin.need.repository}@{pin.digest} {pin.tag}"


def _done(outcomes: Sequence[Outcome]) -> Iterator[str]:
    for each in outcomes:
        name = f"{each.pin.need.repository}:{each.pin.tag}"
        yield f"{name}  FAILED: {each.failure}" if each.failure else f"{name}  set"
    if outcomes:
        yield ""


def _section(plan: KeepTagPlan) -> Iterator[str]:
    yield f"{plan.report.snapshot.registry}: {_sum(plan)}"
    for pin in plan.wanted:
        yield f"  {pin.need.repository}:{pin.tag}  {_what(pin.need)} of {_above(pin.need)}"
    yield from _list("Already lost; keep tags cannot restore them", map(_said, plan.lost))
    yield from _list("Undetermined", map(_doubt, plan.doubtful))
    yield from _list("Warnings", warnings(plan))
    if plan.wanted:
        yield from _list("Equivalent commands", (crane_command(plan, pin) for pin in plan.wanted))
    yield ""


def _list(head: str, lines: Iterable[str]) -> Iterator[str]:
    lines = tuple(lines)
    if lines:
        yield from ("", head, *(f"  {line}" for line in lines))


def _marked_down(plan: KeepTagPlan) -> Iterator[str]:
    yield from (f"## {escape(plan.report.snapshot.registry)}: {_sum(plan)}", "")
    for pin in plan.wanted:
        name = escape(f"{pin.need.repository}:{pin.tag}")
        yield f"- **{name}** {escape(_what(pin.need))} of {escape(_above(pin.need))}"
    yield from _bullets("Already lost; keep tags cannot restore them", map(_said, plan.lost))
    yield from _bullets("Undetermined", map(_doubt, plan.doubtful))
    yield from _bullets("Warnings", warnings(plan))
    if plan.wanted:
        yield from ("", "```sh", *(crane_command(plan, pin) for pin in plan.wanted), "```")
    yield ""


def _bullets(head: str, lines: Iterable[str]) -> Iterator[str]:
    lines = tuple(lines)
    if lines:
        yield from ("", f"### {head}", "", *(f"- {escape(line)}" for line in lines))


def _sum(plan: KeepTagPlan) -> str:
    having = f"{count_words(plan.protected, 'manifest')} already tagged"
    if plan.wanted:
        return f"{count_words(len(plan.wanted), 'keep tag')} to set, {having}"
    return (
        f"nothing to do, {having}"
        if not plan.doubtful
        else f"no keep tag is known to be missing, {having}"
    )


def _what(need: ReferencedManifest) -> str:
    return f"{platform_words(need.platform)} {need.what}" if need.platform else need.what


def _above(need: ReferencedManifest) -> str:
    return ", ".join(need.needed_by)


def _said(need: ReferencedManifest) -> str:
    digest = f"@{need.digest}" if need.digest else ""
    return f"{need.repository}{digest} {_what(need)} of {_above(need)}"


def _doubt(need: ReferencedManifest) -> str:
    if need.reason:
        return f"{_said(need)}: {need.reason}"
    why = "could not list all tags of the repository" if need.tags is None else "no free tag name"
    return f"{_said(need)}: {why}"


def _entry(plan: KeepTagPlan) -> Mapping[str, Any]:
    snapshot = plan.report.snapshot
    return {
        "registry": snapshot.registry,
        "collector": str(snapshot.collector),
        "taken_at": moment(snapshot.taken_at),
        "protected": plan.protected,
        "wanted": [{**_pin(pin), "command": crane_command(plan, pin)} for pin in plan.wanted],
        "lost": [_need(need) for need in plan.lost],
        "doubtful": [{**_need(need), "why": _doubt(need)} for need in plan.doubtful],
        "warnings": list(warnings(plan)),
    }


def _pin(pin: KeepTag) -> Mapping[str, Any]:
    return {"tag": pin.tag, **_need(pin.need)}


def _need(need: ReferencedManifest) -> Mapping[str, Any]:
    return {
        "repository": need.repository,
        "digest": need.digest and str(need.digest),
        "kind": need.what,
        "platform": str(need.platform) if need.platform else None,
        "needed_by": list(need.needed_by),
    }
