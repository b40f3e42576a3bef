"""How does the answer of `preflight` look on a terminal?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.judge.preflight.prediction import Prediction, Victim
from exporter.publish.preflight import words
from exporter.publish.text.terminal import Style
from exporter.publish.words import count_words


def preflight_text(answer: Prediction, style: Style) -> str:
    """Return the verdict first, then who would be hurt, what would go, and what it rests on."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(answer, style))


def _lines(answer: Prediction, style: Style) -> Iterator[str]:
    yield f"{style.paint(words.verdict_cell(answer))}: {words.headline(answer)}"
    if answer.victims:
        yield from ("", "Would break")
    for victim in answer.victims[: style.most]:
        yield from _hurt(victim)
    more = answer.more_victims + max(0, len(answer.victims) - style.most)
    if more:
        yield f"  … and {count_words(more, 'more image')}"
    yield from ("", f"Would remove: {words.going_words(answer)}")
    yield from _list("Hazards", [words.hazard_words(each) for each in answer.hazards], style)
    yield from _list("Gaps", [words.gap_words(each) for each in answer.gaps], style)
    yield from ("", f"Checked {words.checked_words(answer)}")


def _hurt(victim: Victim) -> Iterator[str]:
    yield f"  {words.hurt_words(victim)}"
    for broken in victim.broken:
        yield f"    {words.platform_of(broken)}  {broken.digest}  {words.loss_words(broken)}"


def _list(head: str, items: Sequence[str], style: Style) -> Iterator[str]:
    yield from ("", head)
    yield from (f"  {item}" for item in items[: style.most] or ("none",))
    if len(items) > style.most:
        yield f"  … and {len(items) - style.most:,} more"
