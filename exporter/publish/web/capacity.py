"""What does a registry's storage hold, and what would each collection make of it, at a glance?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from exporter.facts.snapshot import Collector
from exporter.facts.use import ReferenceClass
from exporter.publish.blocks import Cell, Tone
from exporter.publish.formatting import count_words, size_words
from exporter.publish.render.html import badge, text
from exporter.publish.web.html import chips, table

if TYPE_CHECKING:
    from exporter.judge.gc.preconditions import Precondition
    from exporter.judge.stock import CollectorForecast, Stock

_MOST: Final = 20
"""Hazards that are told one by one; the JSON report has them all."""
_URGENT: Final = frozenset({ReferenceClass.LIVE, ReferenceClass.IDLE})


def capacity(stock: Stock, collector: Collector) -> str:
    """Return what is said of a storage: bytes by what they are held for, then the predictions."""
    return f'<div class="part"><h4>Storage</h4>{_held(stock)}</div>{_predictions(stock, collector)}'


def _held(stock: Stock) -> str:
    reclaimable = stock.reclaimable
    young = stock.stored_bytes - stock.referenced_bytes - reclaimable.orphaned
    parts = (
        ("needed by tags", stock.referenced_bytes - reclaimable.untagged),
        ("untagged", reclaimable.untagged),
        ("unreferenced", reclaimable.orphaned),
        ("stale uploads", reclaimable.stale_uploads),
        ("unreferenced, within the grace period", max(0, young)),
    )
    total = sum(size for _, size in parts)
    free = reclaimable.untagged + reclaimable.orphaned + reclaimable.stale_uploads
    said = f"{size_words(total)} stored, {size_words(free)} reclaimable"
    shown = [(_colour(at), name, size) for at, (name, size) in enumerate(parts) if size or not at]
    return f"<p>{said}</p>{_bar(shown, total, said)}{_legend(shown)}"


def _colour(position: int) -> str:
    return f"bar-{(1, 2, 3, 4, 0)[position]}"


def _bar(parts: list[tuple[str, str, int]], total: int, said: str) -> str:
    drawn, at = "", 0.0
    for colour, _, size in parts:
        width = 1000 * size / total if total else 0.0
        drawn += f'<rect class="{colour}" x="{at:.1f}" width="{width:.1f}" height="12"/>'
        at += width
    frame = 'class="stack" viewBox="0 0 1000 12" preserveAspectRatio="none" role="img"'
    return f'<svg {frame} aria-label="{said}">{drawn}</svg>'


def _legend(parts: list[tuple[str, str, int]]) -> str:
    entries = "".join(
        '<li><svg viewBox="0 0 12 12" aria-hidden="true">'
        f'<rect class="{colour}" width="12" height="12" rx="2"/></svg>'
        f"{name}<b>{size_words(size)}</b></li>"
        for colour, name, size in parts
    )
    return f'<ul class="legend">{entries}</ul>'


def _predictions(stock: Stock, collector: Collector) -> str:
    """What each collection would do; the site's own collector first."""
    if not stock.predictions:
        return ""
    order = sorted(stock.predictions, key=lambda each: each.dialect != collector)
    rows = [
        (_named(each, collector), _outcome(each), size_words(each.reclaimable_bytes))
        for each in order
    ]
    heads = ("Garbage collection", "Result", "Frees")
    shown = table("Predicted garbage collections", heads, rows)
    return f'<div class="part">{shown}{_hazards(stock.preconditions)}</div>'


def _hazards(found: Sequence[Precondition]) -> str:
    """What the registry's own collector would stumble over; folded, for it may be long."""
    if not found:
        return ""
    listed = "".join(
        f"<li>{text(each.repository or 'storage')}: {text(each.detail)}</li>"
        for each in found[:_MOST]
    )
    head = f"{count_words(len(found), 'fault')} in the storage"
    return f'<details><summary>{head}</summary><ul class="gaps small">{listed}</ul></details>'


def _named(prediction: CollectorForecast, collector: Collector) -> str:
    own = badge(Cell("this registry"), "chip") if prediction.dialect == collector else ""
    return f"{text(prediction.dialect)}, {text(prediction.mode)} {own}"


def _outcome(prediction: CollectorForecast) -> str:
    """Victims by class; where it gives up, what it may have done by then."""
    cells = [
        Cell(
            f"breaks {count_words(count, f'{each} manifest')}",
            Tone.BAD if each in _URGENT else Tone.UNSURE,
        )
        for each in ReferenceClass
        if (count := prediction.victims.get(each, 0))
    ]
    if prediction.abort:
        cells.insert(0, Cell("aborts", Tone.UNSURE))
    why = f'<span class="muted small">{text(prediction.abort)}</span>' if prediction.abort else ""
    return chips(cells or [Cell("breaks nothing", Tone.GOOD)]) + why
