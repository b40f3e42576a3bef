"""How does a list of tags look: what narrows it, one page of it, and the way to the others?"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from exporter.facts.use import ReferenceClass
from exporter.judge.report import Child, ChildKind, Condition, Requirement, TagVerdict, Urgency
from exporter.publish.blocks import Cell, Tone, loudest
from exporter.publish.formatting import (
    LACKING,
    child_cell,
    count_words,
    platform_words,
    verdict_cell,
)
from exporter.publish.render.html import badge, text
from exporter.publish.tag_index import IndexedTag
from exporter.publish.web.html import ago, chips, link, section
from exporter.publish.web.query import Query

_ROWS: Final = 100
"""Tags of one page."""
_CHIPS: Final = 8
"""Platforms that are shown of one tag."""
_SOUGHT: Final = (
    '<label>Repository<input type="search" name="repository" maxlength="255" '
    'placeholder="part of the name" value="{}"></label>'
)
_CONDITIONS: Final[Mapping[str, str]] = {
    Condition.CANNOT_BE_PULLED: "cannot be pulled",
    Condition.MISSING: "missing",
    Condition.BROKEN: "broken",
    Condition.UNKNOWN: "unknown",
    Condition.PRESENT: "present",
    Condition.AT_RISK: "at risk",
    Condition.BY_DESIGN: "by design",
}
_NEEDS: Final[Mapping[str, str]] = {
    Requirement.REQUIRED: "required",
    Requirement.OPTIONAL: "optional",
}
_CLASSES: Final[Mapping[str, str]] = {each: str(each) for each in ReferenceClass}


def tag_path(registry: str, name: str) -> str:
    """Where is a tag's page, from the status page?"""
    return f"tag/{quote(registry, safe=':')}/{name}"


def listing(
    entries: Sequence[IndexedTag], query: Query, registries: Sequence[str], now: float
) -> str:
    """Return the chapter of the tags that were looked for; `now` is in seconds since the epoch."""
    pages = max(1, -(-len(entries) // _ROWS))
    shown = replace(query, page=min(query.page, pages))
    first = (shown.page - 1) * _ROWS
    body = (
        _form(query, registries),
        _table(
            entries[first : first + _ROWS], len(entries), first, now, several=len(registries) > 1
        ),
        _pages(shown, pages),
    )
    return section("tags", "Tags", "".join(body))


def _form(query: Query, registries: Sequence[str]) -> str:
    """What narrows the list; it works as an address, without a script."""
    wanted = query.wanted
    fields = (
        _select("registry", "Registry", {each: each for each in registries}, wanted.registry),
        _SOUGHT.format(text(wanted.repository)),
        _select("class", "Class", _CLASSES, wanted.reference_class),
        _select("state", "State", _CONDITIONS, wanted.condition),
        _select("need", "Requirement", _NEEDS, wanted.need),
    )
    clear = '<a class="button" href="./#tags">Clear</a>' if query.parameters() else ""
    actions = f'<div class="actions"><button class="primary">Show</button>{clear}</div>'
    return (
        f'<form action="./#tags" role="search" aria-label="Tags">{"".join(fields)}{actions}</form>'
    )


def _select(name: str, label: str, options: Mapping[str, str], chosen: str | None) -> str:
    entries = "".join(
        f'<option value="{text(value)}"{" selected" if value == chosen else ""}>{text(words)}'
        for value, words in {"": "any", **options}.items()
    )
    return f'<label>{label}<select name="{name}">{entries}</select></label>'


def _table(
    entries: Sequence[IndexedTag], total: int, first: int, now: float, *, several: bool
) -> str:
    if not entries:
        return '<p class="card">No tag matches. Tags out of scope are not audited.</p>'
    caption = (
        f"{first + 1:,} to {first + len(entries):,} of {count_words(total, 'tag')}, worst first"
    )
    heads = ("State", "Tag", "Class", "Platforms", "First seen", "Used by")
    top = "".join(f'<th scope="col" role="columnheader">{head}</th>' for head in heads)
    rows = "".join(_row(each, now, several=several) for each in entries)
    # A narrow screen shows rows as blocks, which would else be no table to a screen reader.
    return (
        f'<div class="card tight"><table class="tags" role="table"><caption>{caption}</caption>'
        f'<thead role="rowgroup"><tr role="row">{top}</tr></thead>'
        f'<tbody role="rowgroup">\n{rows}</tbody></table></div>'
    )


def _row(entry: IndexedTag, now: float, *, several: bool) -> str:
    where = f'<span class="muted small">{text(entry.registry)}</span><br>' if several else ""
    name = f"{where}{link(tag_path(entry.registry, entry.name), entry.name)}"
    since = ago(entry.tag.since, now) if entry.tag.since is not None else ""
    cells = (
        ("short state", badge(verdict_cell(entry.tag.verdict))),
        ("short kind", text(entry.tag.verdict.root.reference_class)),
        ("wide", chips(platform_chips(entry.tag.verdict))),
        ("short since", since),
        ("wide users", users(entry)),
    )
    state, *rest = (f'<td role="cell" class="{kind}">{cell}</td>' for kind, cell in cells)
    loud = ' class="gone"' if entry.tag.urgency is Urgency.CANNOT_BE_PULLED else ""
    head = f'<th scope="row" role="rowheader">{name}</th>'
    return f'<tr role="row"{loud}>{state}{head}{"".join(rest)}</tr>\n'


def platform_chips(verdict: TagVerdict) -> tuple[Cell, ...]:
    """How is each platform of a tag? What is wrong comes first, and says so."""
    found = {short(platform_words(each)): LACKING for each in verdict.lacking_platforms}
    for child in verdict.children:
        name, cell = _what(child), child_cell(child)
        if child.kind is not ChildKind.IMAGE and cell.tone is Tone.GOOD:
            continue  # an attestation that is there tells nobody anything
        found[name] = loudest((found.get(name, cell), cell))
    cells = [_chip(name, cell) for name, cell in found.items()]
    order = sorted(cells, key=lambda cell: list(Tone).index(cell.tone))
    rest = Counter(cell.tone for cell in order[_CHIPS:])
    more = tuple(Cell(f"{count:,} more", tone) for tone, count in rest.items())
    return (*order[:_CHIPS], *more)


def _chip(name: str, cell: Cell) -> Cell:
    """A platform that is well needs no more than its name."""
    if cell.tone in (Tone.GOOD, Tone.QUIET):
        return Cell(name, cell.tone)
    return Cell(f"{name} {cell.text.lower()}", cell.tone)


def _what(child: Child) -> str:
    if child.kind is not ChildKind.IMAGE:
        return str(child.kind)
    return short(platform_words(child.platform)) if child.platform else "image"


def short(platform: str) -> str:
    """Nearly everything runs on Linux."""
    return platform.removeprefix("linux/")


def users(entry: IndexedTag) -> str:
    """Who needs a tag, in a few words; the tag's own page has a file's whole path."""
    known = entry.tag.users
    if not known:
        return ""
    first = known[0]
    name = first.name if first.workload else first.name.rpartition("/")[2] or first.name
    more = len(known) - 1
    rest = f' <span class="muted">and {more:,} more</span>' if more else ""
    return f"{text(name)}{rest}"


def _pages(query: Query, pages: int) -> str:
    if pages == 1:
        return ""
    before = _turn(query, -1, "Previous", "prev") if query.page > 1 else ""
    after = _turn(query, 1, "Next", "next") if query.page < pages else ""
    place = f'<span class="tally">Page {query.page:,} of {pages:,}</span>'
    turns = f'<span class="actions">{before}{after}</span>'
    return f'<nav class="pages" aria-label="Pages">{place}{turns}</nav>'


def _turn(query: Query, by: int, words: str, rel: str) -> str:
    address = replace(query, page=query.page + by).address()
    return f'<a class="button" rel="{rel}" href="{text(address)}">{words}</a>'
