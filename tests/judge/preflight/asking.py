"""Words for preflights over a storage: what is asked, who needs what, and what was answered."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from exporter.facts.use import ReferenceClass
from exporter.judge.gc.dialect import DISTRIBUTION_2, DISTRIBUTION_3, Dialect, Mode
from exporter.judge.impact import User
from exporter.judge.plans.deletion import DeletionList, parse_deletion
from exporter.judge.plans.plan import read as read_plan
from exporter.judge.preflight.deletions import DeletionMethod
from exporter.judge.preflight.from_storage import StoragePrediction, predict
from exporter.judge.preflight.prediction import (
    GarbageCollection,
    NeededImage,
    Operation,
    Prediction,
)
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


def collection(words: str) -> Operation:
    return Operation("a collection", collection=_collection(words))


def _collection(words: str) -> GarbageCollection:
    dialect: Dialect
    dialect, mode = COLLECTIONS[words]
    return GarbageCollection(dialect, mode)


def deletion(*texts: str, method: DeletionMethod = DeletionMethod.API, then: str = "") -> Operation:
    listed = [parse_deletion(text) for text in texts]
    deletions = DeletionList(tuple(each for each in listed if each is not None))
    assert len(deletions.deletions) == len(texts)
    return Operation("deletions", deletions, method, _collection(then) if then else None)


def plan(text: str) -> Operation:
    return Operation("a plan", read_plan(text.splitlines()))


def use(
    repository: str, *, tag: str = "", digest: str = "", owner: str = "refs.txt:1"
) -> NeededImage:
    return NeededImage(repository, tag, digest, ReferenceClass.LIVE, (User(owner),))


def tags(inventory: Inventory) -> list[NeededImage]:
    """Every tag, which nobody is known to use."""
    return [
        NeededImage(repository, tag, "", ReferenceClass.SELECTED)
        for at, repository in enumerate(inventory.repositories)
        for tag in inventory.tags.named(at)
    ]


def foreseen(
    root: Path,
    operation: Operation,
    uses: Sequence[NeededImage] = (),
    gaps: Sequence[Gap] = (),
    now: int = LATER,
) -> StoragePrediction:
    inventory = read(str(root))
    used = {each.name for each in uses}
    unused = [each for each in tags(inventory) if each.name not in used]
    return predict(inventory, operation, [*uses, *unused], gaps, now)


def answered(
    root: Path,
    operation: Operation,
    uses: Sequence[NeededImage] = (),
    gaps: Sequence[Gap] = (),
    now: int = LATER,
) -> Prediction:
    return foreseen(root, operation, uses, gaps, now).answer


def victims(answer: Prediction) -> dict[str, set[str]]:
    """The digests that break, by the names of those who need them."""
    return {each.image.name: {broken.digest for broken in each.broken} for each in answer.victims}


def codes(answer: Prediction) -> set[str]:
    return {hazard.code for hazard in answer.hazards}
