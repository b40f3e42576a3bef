"""Words for preflights over a storage: what is asked, who needs what, and what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.use import ReferenceClass
from exporter.judge.blast import Hit
from exporter.judge.gc.dialect import DISTRIBUTION_2, DISTRIBUTION_3, Dialect, Mode
from exporter.judge.plans import names
from exporter.judge.plans.deletion import Listed
from exporter.judge.plans.reading import read as read_plan
from exporter.judge.preflight.answer import Answer, Needed
from exporter.judge.preflight.asked import Asked, Collection
from exporter.judge.preflight.deletions import Way
from exporter.judge.preflight.storage import Foreseen, foresee
from exporter.sources.storage.filesystem import read

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from exporter.facts.gap import Gap
    from exporter.facts.inventory import Inventory

LATER: Final = 1 << 62
"""Nanoseconds since the epoch: nothing is young by then."""
COLLECTIONS: Final = {
    "2": (DISTRIBUTION_2, Mode.PLAIN),
    "2 -m": (DISTRIBUTION_2, Mode.DELETE_UNTAGGED),
    "3": (DISTRIBUTION_3, Mode.PLAIN),
    "3 -m": (DISTRIBUTION_3, Mode.DELETE_UNTAGGED),
}


def collection(words: str) -> Asked:
    return Asked("a collection", collection=_collection(words))


def _collection(words: str) -> Collection:
    dialect: Dialect
    dialect, mode = COLLECTIONS[words]
    return Collection(dialect, mode)


def deletion(*texts: str, way: Way = Way.API, then: str = "") -> Asked:
    listed = [names.deletion(text) for text in texts]
    deletions = Listed(tuple(each for each in listed if each is not None))
    assert len(deletions.deletions) == len(texts)
    return Asked("deletions", deletions, way, _collection(then) if then else None)


def plan(text: str) -> Asked:
    return Asked("a plan", read_plan(text.splitlines()))


def use(repository: str, *, tag: str = "", digest: str = "", owner: str = "refs.txt:1") -> Needed:
    return Needed(repository, tag, digest, ReferenceClass.LIVE, (Hit(owner),))


def tags(inventory: Inventory) -> list[Needed]:
    """Every tag, which nobody is known to use."""
    return [
        Needed(repository, tag, "", ReferenceClass.SELECTED)
        for at, repository in enumerate(inventory.repositories)
        for tag in inventory.tags.named(at)
    ]


def foreseen(
    root: Path,
    asked: Asked,
    uses: Sequence[Needed] = (),
    gaps: Sequence[Gap] = (),
    now: int = LATER,
) -> Foreseen:
    inventory = read(str(root))
    used = {each.name for each in uses}
    unused = [each for each in tags(inventory) if each.name not in used]
    return foresee(inventory, asked, [*uses, *unused], gaps, now)


def answered(
    root: Path,
    asked: Asked,
    uses: Sequence[Needed] = (),
    gaps: Sequence[Gap] = (),
    now: int = LATER,
) -> Answer:
    return foreseen(root, asked, uses, gaps, now).answer


def hurt(answer: Answer) -> dict[str, set[str]]:
    """The digests that break, by the names of those who need them."""
    return {each.needed.name: {broken.digest for broken in each.broken} for each in answer.hurt}


def codes(answer: Answer) -> set[str]:
    return {hazard.code for hazard in answer.hazards}
