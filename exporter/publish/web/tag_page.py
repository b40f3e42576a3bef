"""What does a person see of one tag: is it whole, what hangs below, who needs it, what to type?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Final

from exporter.facts.proof import State
from exporter.facts.use import ReferenceClass
from exporter.judge.impact import User
from exporter.judge.report import Condition, Need
from exporter.publish.blocks import Cell, Tone
from exporter.publish.formatting import (
    count_words,
    platform_words,
    size_words,
    time_words,
    verdict_cell,
)
from exporter.publish.remedy import reference, remedies
from exporter.publish.summary import losses
from exporter.publish.tag_index import IndexedTag, TagFilter
from exporter.publish.tree import Node, grow
from exporter.publish.web.html import (
    ago,
    badge,
    chips,
    code,
    facts,
    frame,
    link,
    section,
    table,
    text,
)
from exporter.publish.web.listing import names, tag_path
from exporter.publish.web.query import Query

BROKEN: Final = {
    ReferenceClass.LIVE: "RegistryLiveTagBroken",
    ReferenceClass.IDLE: "RegistryIdleTagBroken",
    ReferenceClass.ROLLBACK: "RegistryRollbackTargetBroken",
    ReferenceClass.LATEST: "RegistryLatestTagBroken",
    ReferenceClass.SELECTED: "RegistryLiveTagBroken",
}
"""The runbook for a tag that cannot be pulled; one that nobody uses is repaired like any other."""
_USES: Final = 50
"""Rows of who needs a tag; the JSON report has them all."""


def tag_page(entry: IndexedTag, now: float, docs: str) -> str:
    """Return the page of one tag.

    `now` is in seconds since the epoch; `docs` is where the documentation is read, or nothing.
    """
    home = "../" * tag_path(entry.registry, entry.name).count("/")
    tree = f'<ul class="card tree"><li>{_node(grow(entry.report, entry.tag.verdict))}</li></ul>'
    aside = "".join((_uses(entry, now), _commands(entry), _pages(entry, docs)))
    found = section("tree", "Contents", tree)
    sides = f'<div class="two">{found}<div class="aside">{aside}</div></div>'
    body = f"{_crumbs(entry, home)}{_verdict(entry, now)}{sides}"
    return frame(f"{entry.name} · pullproof", body, home, docs)


def _crumbs(entry: IndexedTag, home: str) -> str:
    repository = entry.tag.verdict.root.repository
    ways = (
        link(Query(TagFilter(entry.registry)).address(home), entry.registry),
        link(Query(TagFilter(entry.registry, repository)).address(home), repository),
        f'<span aria-current="page">{text(entry.tag.verdict.root.name)}</span>',
    )
    listed = "".join(f"<li>{each}</li>" for each in (link(home, "Status"), *ways))
    return f'<nav class="crumbs" aria-label="Breadcrumb"><ol>{listed}</ol></nav>'


def _verdict(entry: IndexedTag, now: float) -> str:
    tone, said = _answer(entry)
    name = text(reference(entry.report, entry.tag.verdict))
    lost = "".join(f"<li>{line}</li>" for line in _lost(entry))
    return (
        f'<section class="verdict {tone.value}" aria-labelledby="answer">'
        f'<div class="shell"><h1 id="reference">{name}</h1>{_copy("reference")}</div>'
        f'<p class="answer" id="answer">{badge(verdict_cell(entry.tag.verdict))} {text(said)}</p>'
        + (f'<ul class="gaps small">{lost}</ul>' if lost else "")
        + f"{facts(_facts(entry, now))}</section>"
    )


def _lost(entry: IndexedTag) -> Iterator[str]:
    """What is gone, one line each; what nothing needs is only counted."""
    found = losses(entry.tag.verdict)
    for each in found:
        if each.required:
            yield f"<b>{text(each.where)}</b>: {text('; '.join(each.details))}"
    aside = sum(not each.required for each in found)
    running = entry.tag.impact.running
    if running:
        still = f"{count_words(running, 'container')} on layers cached on nodes"
        yield f"<b>Do not restart or reschedule workloads that use it</b>: {still}"
    elif ReferenceClass.LIVE in entry.tag.verdict.failing:
        yield "<b>Do not restart or reschedule workloads that use it</b>"
    if aside:
        yield f"{count_words(aside, 'optional manifest')} missing or broken"


def _answer(entry: IndexedTag) -> tuple[Tone, str]:
    """The state of a tag as a sentence."""
    verdict = entry.tag.verdict
    if Condition.BY_DESIGN in entry.tag.conditions:
        return Tone.QUIET, "This registry may omit it by design."
    if verdict.failing:
        where = [each.where for each in losses(verdict) if each.required]
        known = [each for each in dict.fromkeys(where) if each not in ("tag", "image")]
        lower = names(map(str, verdict.failing)) if not verdict.broken_for_own_class else ""
        only = f", needed only by {lower} uses" if lower else ""
        return Tone.BAD, f"Cannot be pulled{f' for {names(known)}' if known else ''}{only}."
    if verdict.state is State.UNKNOWN:
        unknown = (each for each in verdict.children if each.expected and each.reason)
        why = ", ".join(dict.fromkeys(str(each.reason) for each in unknown))
        return Tone.UNSURE, f"State could not be established{f': {why}' if why else ''}."
    if Condition.AT_RISK in entry.tag.conditions:
        return Tone.UNSURE, "Can be pulled, but the next garbage collection may break it."
    aside = (
        " Optional parts are missing or broken." if Need.OPTIONAL in entry.tag.incomplete else ""
    )
    return Tone.GOOD, f"Can be pulled on every required platform.{aside}"


def _facts(entry: IndexedTag, now: float) -> Sequence[tuple[str, str]]:
    root, taken_at = entry.tag.verdict.root, entry.report.snapshot.taken_at
    found = [("Class", text(root.reference_class))]
    if entry.tag.since is not None:
        since = f"{time_words(entry.tag.since)}, {ago(entry.tag.since, now)}"
        found.append(("First seen", since))
    found.append(("Audited", f"{time_words(taken_at)}, {ago(taken_at, now)}"))
    if root.platforms:
        found.append(("Must run on", text(names(sorted(map(platform_words, root.platforms))))))
    if root.digest:
        found.append(("References", code(root.digest)))
    return found


def _node(node: Node) -> str:
    tone = node.cell.tone if node.cell.tone in (Tone.BAD, Tone.UNSURE) else Tone.PLAIN
    size = f'<span class="size">{size_words(node.size)}</span>' if node.size is not None else ""
    digest = code(node.digest) if node.digest else ""
    notes = [text(note) for note in node.notes]
    if node.protection:
        notes.append(
            f'<span class="{node.protection.tone.value}">{text(node.protection.text)}</span>'
        )
    return (
        f'<div class="node {tone.value}"><div class="line">{badge(node.cell)}'
        f'<span class="label">{text(node.label)}</span>{size}</div>{digest}'
        + (f'<div class="notes">{" · ".join(notes)}</div>' if notes else "")
        + f"</div>{_below(node)}"
    )


def _below(node: Node) -> str:
    """What hangs below; the layers of an image of which all are there stand folded."""
    if not node.below:
        return ""
    listed = f"<ul>{''.join(f'<li>{_node(each)}</li>' for each in node.below)}</ul>"
    if any(each.below or each.cell.tone is not Tone.GOOD for each in node.below):
        return listed
    kinds = Counter(each.label for each in node.below)
    said = names(count_words(amount, kind) for kind, amount in kinds.items())
    head = f"<summary>{text(said)}, all present</summary>"
    return f'<details class="below small">{head}{listed}</details>'


def _uses(entry: IndexedTag, now: float) -> str:
    users = entry.tag.users
    if not users:
        said = '<p class="card">No known workload or file uses it.</p>'
        return section("uses", "Used by", said)
    told = entry.tag.impact.affects(users[:_USES])
    rows = [_use(each, now, struck=struck) for each, struck in told]
    more = len(users) - _USES
    caption = (
        f"{len(users):,} in all, the first {_USES} shown"
        if more > 0
        else "Workloads, or lines of files"
    )
    shown = table(caption, ("Name", "Class", "Platforms"), rows)
    return section("uses", "Used by", f'<div class="card">{shown}</div>')


def _use(user: User, now: float, *, struck: bool) -> tuple[str, ...]:
    cannot = badge(Cell("cannot restart", Tone.BAD), "chip") if struck else ""
    return (f"{text(user.name)} {cannot}", text(user.reference_class), _where(user, now))


def _where(user: User, now: float) -> str:
    """On which platforms, how many run, and when the next one starts."""
    cells = [Cell(platform_words(each)) for each in user.platforms]
    parts = [chips(cells)] if cells else []
    if user.running:
        parts.append(f"{user.running:,} running")
    if user.next_run is not None:
        when = "overdue" if user.next_run < now else time_words(user.next_run)
        parts.append(f"next run {when}")
    return "".join(f"<div>{part}</div>" for part in parts)


def _commands(entry: IndexedTag) -> str:
    found = remedies(entry.report, entry.tag.verdict)
    blocks = "".join(
        f'<li class="command"><span class="small">{text(each.purpose)}</span><div class="shell">'
        f'<pre id="command-{number}" tabindex="0" aria-label="{text(each.purpose)}">'
        f"{text(each.command)}</pre>{_copy(f'command-{number}')}</div></li>"
        for number, each in enumerate(found)
    )
    return section("next", "Commands", f'<ul class="card">{blocks}</ul>')


def _copy(source: str) -> str:
    """Return a button that the script shows; without it, one click selects what stands beside."""
    return f'<button type="button" data-copy="{source}" hidden>Copy</button>'


def _pages(entry: IndexedTag, docs: str) -> str:
    """What is said of such a tag at length."""
    codes = sorted({each.rule.code for each in entry.tag.findings})
    ways = [(f"findings/{code}.md", code) for code in codes]
    ways += [(f"runbooks/{name}.md", name) for name in _runbooks(entry)]
    if Condition.CANNOT_BE_PULLED in entry.tag.conditions:
        ways.append(("repair.md", "Repair: which commands work, and which do not"))
    if not docs or not ways:
        return ""
    listed = "".join(f"<li>{link(f'{docs}/{path}', words)}</li>" for path, words in ways)
    return section("read", "Read more", f'<ul class="card">{listed}</ul>')


def _runbooks(entry: IndexedTag) -> Iterator[str]:
    if Condition.CANNOT_BE_PULLED in entry.tag.conditions:
        yield from dict.fromkeys(BROKEN[each] for each in entry.tag.verdict.failing)
    if Condition.AT_RISK in entry.tag.conditions:
        rules = (each.rule for each in entry.tag.findings if each.rule.at_risk)
        yield from dict.fromkeys(rule.runbook for rule in rules)
