"""Losses in words: the missing or broken content of a tag, and the causes of many losses."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final

from exporter.facts.proof import Proof
from exporter.judge.report import BrokenTag, Cause, Report
from exporter.judge.tag_verdict import Child, Content, TagVerdict
from exporter.publish.blocks import Block, Cell, Code, Item, item, listed, section
from exporter.publish.formatting import (
    LACKING,
    child_cell,
    child_words,
    count_words,
    needed_words,
    proof_words,
    size_words,
    state_cell,
    time_words,
)

_TAGS: Final = 3
"""Tags that are named below a cause that breaks many."""


@dataclass(frozen=True, slots=True)
class Loss:
    """One child, or one platform, that a pull fails on."""

    where: str
    """The platform, or the kind of content."""
    cell: Cell
    digest: str
    """Empty if there is none: a platform that is not offered, a tag that does not exist."""
    details: tuple[str, ...]
    """The lost content, one line each."""
    required: bool = True
    """Whether a platform that must run the tag pulls it."""


def losses(verdict: TagVerdict) -> Iterator[Loss]:
    """Yield the proven losses of a tag."""
    for child in verdict.children:
        if child.lost:
            yield _loss(verdict, child)
    for each in verdict.lacking:
        notes = needed_words(verdict.root, each.required_by)
        details = ("no image for this platform", *notes)
        yield Loss(str(each.platform), LACKING, "", details)


def is_explained(verdict: TagVerdict, causes: Collection[Content], *, whole: bool = False) -> bool:
    """Do these causes explain every loss of a tag that a pull fails on; every one if `whole`?"""
    lost = [each for each in verdict.children if each.lost and (whole or each.required)]
    lacks = [[lack.content for lack in child.lacks if lack.lost] for child in lost]
    known = all(each and all(content in causes for content in each) for each in lacks)
    return bool(lost) and known and not verdict.lacking


def _loss(verdict: TagVerdict, child: Child) -> Loss:
    if child.digest is None:
        detail = verdict.root.sighting.detail or "unknown to the registry"
        return Loss("tag", child_cell(child), "", (f"no such tag: {detail}",))
    confirmed = f" ({proof_words(child.proof)})" if child.proof is Proof.CONFIRMED else ""
    details = (
        f"{each.kind} {'' if each.digest == child.digest else f'{each.digest} '}"
        f"{'' if each.size is None else f'({size_words(each.size)}) '}"
        f"{each.state}: {each.detail or 'not found'}{confirmed}"
        for each in child.lacks
        if each.lost
    )
    notes = needed_words(verdict.root, child.required_by, possible=child.possible)
    return Loss(
        child_words(child), child_cell(child), child.digest, (*details, *notes), child.required
    )


def cause_blocks(reports: Sequence[Report], most: int, tags: int = _TAGS) -> Iterator[Block]:
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
