"""How does the answer of `preflight` look in a change ticket?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from exporter.judge.preflight.prediction import Prediction
from exporter.publish.preflight import words
from exporter.publish.text.markdown import escape


def preflight_markdown(answer: Prediction, most: int) -> str:
    """Return the answer with at most so many entries in each list."""
    return "".join(f"{line.rstrip()}\n" for line in _lines(answer, most))


def _lines(answer: Prediction, most: int) -> Iterator[str]:
    yield from (
        f"## {words.verdict_cell(answer).text}",
        "",
        f"{escape(words.headline(answer))}.",
        "",
    )
    if answer.victims:
        yield from ("### Would break", "")
    for victim in answer.victims[:most]:
        yield f"- **{escape(words.hurt_words(victim))}**"
        for broken in victim.broken:
            where = escape(words.platform_of(broken))
            yield f"  - {where} `{broken.digest}` {escape(words.loss_words(broken))}"
    yield from _more(answer.more_victims + len(answer.victims), most)
    yield from (f"Would remove: {escape(words.going_words(answer))}.", "")
    yield from _list("Hazards", [words.hazard_words(each) for each in answer.hazards], most)
    yield from _list("Gaps", [words.gap_words(each) for each in answer.gaps], most)
    yield f"Checked {escape(words.checked_words(answer))}."


def _list(head: str, items: Sequence[str], most: int) -> Iterator[str]:
    yield from (f"### {head}", "")
    yield from (f"- {escape(item)}" for item in items[:most] or ("none",))
    yield from _more(len(items), most)


def _more(count: int, most: int) -> Iterator[str]:
    if count > most:
        yield f"- … and {count - most:,} more"
    yield ""
