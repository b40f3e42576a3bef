"""The status page: whether everything can be pulled, and the state of the audits."""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from exporter.facts.use import ReferenceClass
from exporter.judge.report import Cause, Condition
from exporter.publish.answers.capacity import storage_blocks
from exporter.publish.answers.coverage import gap_lines
from exporter.publish.blocks import Cell, Item, List, PageLink, Span, Text, Tone, item, listed
from exporter.publish.formatting import (
    ago_words,
    count_words,
    names,
    since_words,
    size_words,
    state_cell,
)
from exporter.publish.render.html import badge, markup, render, text
from exporter.publish.status import AppState, RegistryStatus, SourceStatus
from exporter.publish.web.frame import facts, frame, link, section
from exporter.publish.web.pages import digest_path
from exporter.publish.web.query import Query
from exporter.publish.web.tag_index import IndexedTag, TagIndex
from exporter.publish.web.tag_list import listing, platform_cells, tag_path, users

_WORST: Final = 5
"""Tags that are shown at the top."""
_HEALTH: Final = {
    True: Cell("audit complete"),
    False: Cell("audit incomplete", Tone.UNSURE),
    None: Cell("not audited since the start", Tone.UNSURE),
}
_GAPS: Final = Cell("audited with gaps", Tone.UNSURE)


def front(app_state: AppState, index: TagIndex, query: Query, now: float) -> str:
    """Return the status page.

    `now` is in seconds since the epoch.
    """
    registries = [each.registry for each in app_state.statuses]
    body = (
        _verdict(app_state, index, now),
        _registries(app_state, index, now),
        listing(query.of(index), query, registries, now),
    )
    return frame("pullproof", "\n".join(body), live=True, sought=query.search)


def _verdict(app_state: AppState, index: TagIndex, now: float) -> str:
    """Return the headline and the worst tags."""
    lost = index.lost
    tone, head = _answer(app_state, index, lost)
    title = _linked(head, lost)
    several = len(app_state.statuses) > 1
    lead = _lead(app_state, index, lost, now)
    worst = List(tuple(_worst(each, now, several=several) for each in lost[:_WORST]))
    return (
        f'<section class="verdict {tone.value}" aria-labelledby="answer">'
        f'<h1 id="answer">{title}</h1><p class="lead">{markup(lead)}</p>'
        + _causes(app_state, several=several)
        + (f'<div class="worst">{render([worst])}</div>' if worst.items else "")
        + _rest(lost)
        + "</section>"
    )


def _linked(head: str, lost: Sequence[IndexedTag]) -> str:
    """Return the headline; a number of tags links to their list."""
    if not lost:
        return text(head)
    live = any(each.tag.verdict.root.reference_class is ReferenceClass.LIVE for each in lost)
    chosen = ReferenceClass.LIVE if live else None
    return link(Query(reference_class=chosen, condition=Condition.CANNOT_BE_PULLED).address(), head)


def _causes(app_state: AppState, *, several: bool) -> str:
    """Return the digests that break several tags, the worst first."""
    found = [
        (status.registry, cause)
        for status in app_state.statuses
        for cause in (status.report.causes if status.report else ())
        if len(cause.breaks) > 1
    ]
    found.sort(key=lambda each: -len(each[1].breaks))
    shown = listed(
        (_cause(*each, several=several) for each in found[:_WORST]), uncounted=len(found[_WORST:])
    )
    return f'<div class="worst causes">{render([List(shown)])}</div>' if shown else ""


def _cause(registry: str, cause: Cause, *, several: bool) -> Item:
    lack = cause.lack
    size = "" if lack.size is None else f" ({size_words(lack.size)})"
    breaks = f"breaks {count_words(len(cause.breaks), 'tag')}: {lack.detail or 'not found'}"
    digest = PageLink(f"{lack.kind} {lack.digest[:19]}…", digest_path(registry, lack.digest))
    where = f" in {registry}" if several else ""
    return item(digest, f"{where}{size} ", state_cell(lack.state), f" {breaks}")


def _rest(lost: Sequence[IndexedTag]) -> str:
    if len(lost) <= _WORST:
        return ""
    address = Query(condition=Condition.CANNOT_BE_PULLED).address()
    return f"<p>{link(address, f'{len(lost) - _WORST:,} more')}</p>"


def _answer(app_state: AppState, index: TagIndex, lost: Sequence[IndexedTag]) -> tuple[Tone, str]:
    live = sum(each.tag.verdict.root.reference_class is ReferenceClass.LIVE for each in lost)
    if lost:
        what = count_words(live, "live tag") if live else count_words(len(lost), "tag")
        return Tone.BAD, f"{what} cannot be pulled"
    if not any(each.report for each in app_state.statuses):
        return Tone.UNSURE, "No audit results yet"
    whole = all(each.up and each.report and not each.unseen for each in app_state.statuses)
    if index.count(Condition.UNKNOWN) or not whole:
        return Tone.UNSURE, "No known losses, but some results are unknown"
    if not index.entries:
        return Tone.UNSURE, "No tags in scope"
    return Tone.GOOD, "Every tag in scope can be pulled"


def _lead(app_state: AppState, index: TagIndex, lost: Sequence[IndexedTag], now: float) -> Text:
    """Return what the headline leaves out, each with a link to its list."""
    classes = Counter(each.tag.verdict.root.reference_class for each in lost)
    live = classes.pop(ReferenceClass.LIVE, 0)
    parts: list[Span] = []
    if live and classes:
        others = (count_words(amount, f"{each} tag") for each, amount in sorted(classes.items()))
        parts.append(f"Also affected: {names(others)}. ")
    for condition, words in _ASIDE.items():
        amount = index.count(condition)
        if amount:
            address = Query(condition=condition).address()
            parts += [PageLink(f"{count_words(amount, 'tag')} {words}", address), ". "]
    total = count_words(len(index.entries), "tag")
    where = count_words(len(app_state.statuses), "registry")
    audited = (each.report.snapshot.taken_at for each in app_state.statuses if each.report)
    seen = since_words(min(audited, default=None), now, ", audited ")
    return *parts, f"{total} in {where}{seen}."


_ASIDE: Final = {
    Condition.UNKNOWN: "unknown",
    Condition.AT_RISK: "at risk in a garbage collection",
}


def _worst(entry: IndexedTag, now: float, *, several: bool) -> Item:
    lost = [cell for cell in platform_cells(entry.tag.verdict) if cell.tone is Tone.BAD]
    seen = ago_words(entry.tag.since, now, ", first seen ")
    return item(
        PageLink(entry.name, tag_path(entry.registry, entry.name)),
        f" {f'in {entry.registry}, ' if several else ''}"
        f"{entry.tag.verdict.root.reference_class}{seen} ",
        *(span for each in lost for span in (each, " ")),
        f"used by {users(entry)}" if entry.tag.users else "",
    )


def _registries(app_state: AppState, index: TagIndex, now: float) -> str:
    order = sorted(
        app_state.statuses, key=lambda each: -index.count(Condition.CANNOT_BE_PULLED, each.registry)
    )
    cards = "".join(_card(app_state, index, each, now) for each in order)
    sources = List(tuple(_source(each, now) for each in app_state.sources))
    read = f'<div class="card"><h3>Image sources</h3>{render([sources])}</div>'
    body = f'<div class="cards">{cards}</div>{read if sources.items else ""}'
    return section("registries", "Registries", body)


def _card(app_state: AppState, index: TagIndex, status: RegistryStatus, now: float) -> str:
    report = status.report
    states = [_GAPS if status.up and status.unseen else _HEALTH[status.up]]
    if status.registry in app_state.in_progress:
        states.insert(0, Cell("auditing now"))
    states += _found(status, index)
    head = f"<h3>{text(status.registry)}</h3><span>{' '.join(map(badge, states))}</span>"
    gaps = index.unseen[status.registry]
    coverage = render([List(listed(gaps))]) if gaps else "complete"
    storage = ""
    if report and report.storage:
        blocks = storage_blocks(report.storage, status.collector)
        storage = f'<div class="part">{render(blocks)}</div>'
    parts = (
        f'<div class="head">{head}</div>',
        _figures(status, index) if report else "",
        '<details open data-fold><summary class="phone">Details</summary>',
        facts((*_facts(status, now), ("Coverage", coverage))),
        storage,
        "</details>",
    )
    return f'<article class="card">{"".join(parts)}</article>'


_BADGES: Final = (
    (Condition.CANNOT_BE_PULLED, "broken", Tone.BAD),
    (Condition.UNKNOWN, "unknown", Tone.UNSURE),
    (Condition.AT_RISK, "at risk", Tone.UNSURE),
)


def _found(status: RegistryStatus, index: TagIndex) -> list[Cell]:
    """Return what the audit found, beside whether it was complete."""
    found = [
        Cell(f"{amount:,} {words}", tone)
        for condition, words, tone in _BADGES
        if (amount := index.count(condition, status.registry))
    ]
    total = index.count(None, status.registry)
    # What a cache lacks by design is no loss, and cannot be pulled from it either.
    proven = total and index.count(Condition.PRESENT, status.registry) == total
    well = status.up and proven and not status.unseen
    return found or ([Cell("every tag can be pulled", Tone.GOOD)] if well else [])


def _figures(status: RegistryStatus, index: TagIndex) -> str:
    figures = ""
    for condition, words, tone in _FIGURES:
        amount = index.count(condition, status.registry)
        address = Query(status.registry, condition=condition).address()
        shown = link(address, f"{amount:,}") if amount else "0"
        loud = tone if amount else ""
        figures += f'<div class="{loud}"><dt>{words}</dt><dd>{shown}</dd></div>'
    return f'<dl class="figures">{figures}</dl>'


_FIGURES: Final = (
    (None, "tags", ""),
    (Condition.CANNOT_BE_PULLED, "cannot be pulled", "bad"),
    (Condition.UNKNOWN, "unknown", "unsure"),
    (Condition.AT_RISK, "at risk", "unsure"),
)


def _facts(status: RegistryStatus, now: float) -> Sequence[tuple[str, str]]:
    known = [
        ("Role", text(status.role)),
        ("Kind", text(str(status.kind))),
        ("Collector", text(status.collector)),
    ]
    if status.shard.count > 1:
        part = f"{status.shard.index + 1:,} of {status.shard.count:,}, by repository"
        known.append(("Shard", part))
    if status.report is None:
        return [*known, ("Results", badge(Cell("none yet", Tone.UNSURE)))]
    known.append(("Audited", since_words(status.report.snapshot.taken_at, now)))
    if status.up is False and status.last_attempt is not None:
        known.append(("Last attempt", since_words(status.last_attempt, now)))
    return known


def _source(source: SourceStatus, now: float) -> Item:
    synced = since_words(source.last_sync, now, ", ")
    counted = count_words(source.references, "reference")
    return item(
        _source_state(source),
        f" {counted}{synced}: {source.source}",
        below=listed(gap_lines(source.gaps, with_sources=True)),
    )


def _source_state(source: SourceStatus) -> Cell:
    if not source.up:
        return Cell("unavailable", Tone.BAD)
    return Cell("read", Tone.GOOD) if source.complete else Cell("incomplete", Tone.UNSURE)
