"""Who would be hurt, as the registry's own storage tells it?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.judge.gc.outcome import (
    Aborted,
    Outcome,
    Removal,
    Unpredictable,
    worst_case,
)
from exporter.judge.gc.simulate import simulate
from exporter.judge.preflight import hazards
from exporter.judge.preflight.deletions import AfterDeletion, delete
from exporter.judge.preflight.losses import find, together, victims
from exporter.judge.preflight.operation import GarbageCollection, Operation
from exporter.judge.preflight.prediction import (
    Checked,
    Hazard,
    NeededImage,
    Prediction,
    RemovalTotals,
)


@dataclass(frozen=True, slots=True)
class StoragePrediction:
    """An answer, and what it was drawn from."""

    answer: Prediction
    inventory: Inventory
    """As the collection finds it."""
    outcome: Outcome | None
    """What the collection would do; None where none was asked about."""


def predict(
    inventory: Inventory,
    operation: Operation,
    needed: Sequence[NeededImage],
    gaps: Sequence[Gap],
    now: int,
) -> StoragePrediction:
    """Answer; `gaps` are those of the references, `now` is in nanoseconds since the epoch."""
    deletions = operation.deletions.deletions if operation.deletions else ()
    done = delete(inventory, deletions, operation.method)
    wanted = find(inventory, (each for each in needed if _still(done, each)))
    outcome = _outcome(done.inventory, operation.collection)
    removal = together(done.removal, worst_case(outcome))
    blind = outcome.gaps if isinstance(outcome, Unpredictable) else inventory.blind
    users = sum(bool(each.users) for each in needed)
    uses = sum(bool(each.users) for each in wanted.values())
    told, more = victims(inventory, removal, wanted, done.dropped)
    answer = Prediction(
        operation=operation.description,
        victims=told,
        hazards=tuple(
            dict.fromkeys((*_hazards(operation, done, outcome, now), *_pins(removal, users)))
        ),
        gaps=(
            *gaps,
            *blind,
            *operation.gaps(done.unmatched),
            *_doubts(done.inventory, outcome, now),
        ),
        removed=None if isinstance(outcome, Unpredictable) else _going(inventory, removal, done),
        checked=Checked(
            repositories=len(inventory.repositories),
            tags=len(inventory.tags.names),
            uses=uses,
            uses_elsewhere=users - uses,
        ),
        more_victims=more,
    )
    return StoragePrediction(answer, done.inventory, outcome)


def is_to_be_confirmed(foreseen: StoragePrediction) -> bool:
    """Is nobody hurt, and that for no other reason than that the collection gives up?"""
    return not foreseen.answer.victims and isinstance(foreseen.outcome, Aborted)


def confirmed(before: StoragePrediction, after: StoragePrediction) -> StoragePrediction:
    """Believe in a collection that gives up only where two readings agree on why."""
    if isinstance(after.outcome, Aborted) and isinstance(before.outcome, Aborted):
        if after.outcome.messages == before.outcome.messages:
            return after
        gap = _doubt(
            after.outcome, "two reads of the storage predict an abort, for different reasons"
        )
        answer = replace(after.answer, gaps=(*after.answer.gaps, gap))
        return replace(after, answer=answer)
    return after


def _doubts(inventory: Inventory, outcome: Outcome | None, now: int) -> Iterator[Gap]:
    """What is being pushed may look like damage, and be whole by the time the collection runs."""
    if isinstance(outcome, Aborted) and hazards.is_young(inventory, now):
        yield _doubt(
            outcome,
            "active within the last hour: the garbage collection may not abort when it runs",
        )


def _doubt(outcome: Aborted, detail: str) -> Gap:
    return Gap(Scope.REGISTRY, outcome.dialect.name, Reason.UNCONFIRMED, detail)


def _still(done: AfterDeletion, needed: NeededImage) -> bool:
    """A tag that is meant to go is needed only by those who use it."""
    return bool(needed.users) or (needed.repository, needed.tag) not in done.intended


def _outcome(inventory: Inventory, collection: GarbageCollection | None) -> Outcome | None:
    return simulate(inventory, collection.dialect, collection.mode) if collection else None


def _pins(removal: Removal, users: int) -> Iterable[Hazard]:
    return () if users else hazards.pins(removal)


def _hazards(
    operation: Operation, done: AfterDeletion, outcome: Outcome | None, now: int
) -> Iterator[Hazard]:
    dialect = operation.collection.dialect if operation.collection else None
    if operation.deletions:
        yield from hazards.of_plan(operation.deletions)
        listed = operation.deletions.deletions
        yield from hazards.of_deletions(listed, done.unmatched, operation.method, dialect)
        yield from hazards.stale_cache(done.removal)
    if operation.collection and outcome:
        yield from hazards.of_collection(done.inventory, outcome, now)


def _going(inventory: Inventory, removal: Removal, done: AfterDeletion) -> RemovalTotals:
    return RemovalTotals(
        tags=len(done.dropped),
        manifests=sum(len(digests) for _, digests in removal.manifests),
        blobs=len(removal.blobs),
        layer_links=sum(len(digests) for _, digests in removal.layer_links),
        size=int(inventory.sizes[removal.blobs].sum()),
    )
