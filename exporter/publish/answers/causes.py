"""Causes of losses in words: one missing, short or corrupt digest, and what it breaks."""

from collections.abc import Iterator, Sequence
from typing import Final

from exporter.judge.report import BrokenTag, Cause, Report
from exporter.publish.blocks import Block, Code, Item, item, listed, section
from exporter.publish.formatting import (
    count_words,
    size_words,
    state_cell,
    time_words,
)

_TAGS: Final = 3
"""Tags that are named below a cause that breaks many."""


def blocks(reports: Sequence[Report], most: int, tags: int = _TAGS) -> Iterator[Block]:
    """Return the causes of broken tags under a heading, the worst first; nothing without any.

    `most` is how many, `tags` how many of the tags of each are named.
    """
    found = [each for report in reports for each in report.causes if each.breaks]
    yield from section("Causes", listed((cause_item(each, tags) for each in found), most))


def cause_item(cause: Cause, tags: int = _TAGS) -> Item:
    """Return a cause, with so many of the tags that lack it below it."""
    lack = cause.lack
    size = "" if lack.size is None else f" ({size_words(lack.size)})"
    since = "" if cause.since is None else f"; first seen {time_words(cause.since)}"
    named = listed(map(_broken, cause.affects), tags) if tags else ()
    breaks = f"breaks {_extent(cause)}" if cause.breaks else "breaks nothing that is required"
    return item(
        f"{lack.kind} ",
        Code(lack.digest),
        f"{size} ",
        state_cell(lack.state),
        f": {lack.detail or 'not found'}",
        below=(item(f"{breaks}{since}", below=named),),
    )


def _extent(cause: Cause) -> str:
    """Return how many tags a cause breaks."""
    many = count_words(len(cause.repositories), "repository")
    classes = ", ".join(f"{amount:,} {each}" for each, amount in cause.classes.items())
    return f"{count_words(len(cause.breaks), 'tag')} in {many} ({classes})"


def _broken(broken: BrokenTag) -> str:
    where = ", ".join(map(str, broken.platforms))
    needed = "" if broken.required else ", optional"
    on = f" on {where}" if where else ""
    name, root = broken.verdict.name, broken.verdict.root
    return f"{name} ({root.reference_class}){on}{needed}"
