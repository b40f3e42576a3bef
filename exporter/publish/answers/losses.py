"""Losses: the content of a tag that is missing or broken, in words."""

from collections.abc import Iterator
from dataclasses import dataclass

from exporter.facts.proof import Proof
from exporter.judge.tag_verdict import Child, TagVerdict
from exporter.publish.blocks import Cell
from exporter.publish.formatting import (
    LACKING,
    child_cell,
    child_words,
    needed_words,
    proof_words,
    size_words,
)


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
