"""The list of tags on the status page: its filters, one page of it, and links to the others."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Final
from urllib.parse import quote

from exporter.facts.use import ReferenceClass
from exporter.judge.report import Condition, Requirement
from exporter.judge.tag_verdict import ChildKind, TagVerdict
from exporter.publish.blocks import (
    Cell,
    PageLink,
    Span,
    Table,
    TableColumn,
    Text,
    Tone,
    line,
    loudest,
)
from exporter.publish.formatting import (
    LACKING,
    ago_words,
    child_cell,
    child_words,
    count_words,
    verdict_cell,
)
from exporter.publish.render.html import render, text
from exporter.publish.web.frame import section
from exporter.publish.web.query import Query
from exporter.publish.web.tag_index import IndexedTag

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
    """Return the path of a tag's page, from the status page."""
    return f"tag/{quote(registry, safe=':')}/{name}"


def listing(
    entries: Sequence[IndexedTag], query: Query, registries: Sequence[str], now: float
) -> str:
    """Return the chapter of the searched tags; `now` is in seconds since the epoch."""
    pages = max(1, -(-len(entries) // _ROWS))
    shown = replace(query, page=min(query.page, pages))
    first = (shown.page - 1) * _ROWS
    page = entries[first : first + _ROWS]
    if page:
        total = count_words(len(entries), "tag")
        caption = line(f"{first + 1:,} to {first + len(page):,} of {total}, worst first")
        found = (caption, _table(page, now, several=len(registries) > 1))
        body = f'<div class="card tight tags">{render(found)}</div>'
    else:
        body = '<p class="card">No tag matches. Tags out of scope are not audited.</p>'
    return section("tags", "Tags", f"{_form(query, registries)}{body}{_pages(shown, pages)}")


def _form(query: Query, registries: Sequence[str]) -> str:
    """Return the filters; they work as an address, without a script."""
    fields = (
        _select("registry", "Registry", {each: each for each in registries}, query.registry),
        _SOUGHT.format(text(query.repository)),
        _select("class", "Class", _CLASSES, query.reference_class),
        _select("state", "State", _CONDITIONS, query.condition),
        _select("need", "Requirement", _NEEDS, query.need),
    )
    clear = '<a class="button" href="./#tags">Clear</a>' if query.parameters() else ""
    actions = f'<div class="actions"><button class="primary">Show</button>{clear}</div>'
    kept = f'<input type="hidden" name="q" value="{text(query.search)}">' if query.search else ""
    return (
        '<details open data-fold><summary class="phone">Filters</summary>'
        f'<form action="./#tags" role="search" aria-label="Tags">{kept}{"".join(fields)}{actions}'
        "</form></details>"
    )


def _select(name: str, label: str, options: Mapping[str, str], chosen: str | None) -> str:
    entries = "".join(
        f'<option value="{text(value)}"{" selected" if value == chosen else ""}>{text(words)}'
        for value, words in {"": "any", **options}.items()
    )
    return f'<label>{label}<select name="{name}">{entries}</select></label>'


def _table(entries: Sequence[IndexedTag], now: float, *, several: bool) -> Table:
    heads = ("State", "Class", "Platforms", "First seen", "Used by")
    state, *others = map(TableColumn, heads)
    named = (TableColumn("Tag", "cut"), *((TableColumn("Registry"),) if several else ()))
    return Table(
        (state, *named, *others), tuple(_row(each, now, several=several) for each in entries)
    )


def _row(entry: IndexedTag, now: float, *, several: bool) -> tuple[Span | Text, ...]:
    verdict = entry.tag.verdict
    platforms = platform_cells(verdict)
    return (
        verdict_cell(verdict),
        PageLink(entry.name, tag_path(entry.registry, entry.name)),
        *((entry.registry,) if several else ()),
        str(verdict.root.reference_class),
        tuple(span for each in platforms for span in (each, " ")),
        ago_words(entry.tag.since, now),
        users(entry),
    )


def platform_cells(verdict: TagVerdict) -> tuple[Cell, ...]:
    """Return each platform of a tag, failing ones first."""
    found = {_short(str(each)): LACKING for each in verdict.lacking_platforms}
    for child in verdict.children:
        name, cell = _short(child_words(child)), child_cell(child)
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


def _short(platform: str) -> str:
    return platform.removeprefix("linux/")  # nearly everything runs on it


def users(entry: IndexedTag) -> str:
    """Return who needs a tag, in a few words; the tag's own page has a file's whole path."""
    every = entry.tag.users
    if not every:
        return ""
    name = every[0].name if every[0].workload else every[0].name.rpartition("/")[2]
    more = f" and {len(every) - 1:,} more" if len(every) > 1 else ""
    return f"{name or every[0].name}{more}"


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
