"""Who would be hurt, as the registry's own storage tells it?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.judge.gc.plan import Abort, Blind, Outcome, Plan, Removal
from exporter.judge.gc.simulate import simulate
from exporter.judge.preflight import hazards
from exporter.judge.preflight.answer import Answer, Checked, Going, Hazard, Needed
from exporter.judge.preflight.asked import Asked, Collection
from exporter.judge.preflight.deletions import Done, delete
from exporter.judge.preflight.losses import find, hurt, together


@dataclass(frozen=True, slots=True)
class Foreseen:
    """An answer, and what it was drawn from."""

    answer: Answer
    inventory: Inventory
    """As the collection finds it."""
    outcome: Outcome | None
    """What the collection would do; None where none was asked about."""


def foresee(
    inventory: Inventory, asked: Asked, needed: Sequence[Needed], gaps: Sequence[Gap], now: int
) -> Foreseen:
    """Answer; `gaps` are those of the references, `now` is in nanoseconds since the epoch."""
    deletions = asked.deletions.deletions if asked.deletions else ()
    done = delete(inventory, deletions, asked.way)
    wanted = find(inventory, (each for each in needed if _still(done, each)))
    outcome = _outcome(done.inventory, asked.collection)
    removal = together(done.removal, _removal(outcome))
    blind = outcome.gaps if isinstance(outcome, Blind) else inventory.blind
    users = sum(bool(each.users) for each in needed)
    uses = sum(bool(each.users) for each in wanted.values())
    told, more = hurt(inventory, removal, wanted, done.dropped)
    answer = Answer(
        asked=asked.words,
        hurt=told,
        hazards=tuple(
            dict.fromkeys((*_hazards(asked, done, outcome, now), *_pins(removal, users)))
        ),
        gaps=(*gaps, *blind, *asked.gaps(done.strangers), *_doubts(done.inventory, outcome, now)),
        going=None if isinstance(outcome, Blind) else _going(inventory, removal, done),
        checked=Checked(
            repositories=len(inventory.repositories),
            tags=len(inventory.tags.names),
            uses=uses,
            uses_elsewhere=users - uses,
        ),
        more=more,
    )
    return Foreseen(answer, done.inventory, outcome)


def is_to_be_confirmed(foreseen: Foreseen) -> bool:
    """Is nobody hurt, and that for no other reason than that the collection gives up?"""
    return not foreseen.answer.hurt and isinstance(foreseen.outcome, Abort)


def confirmed(before: Foreseen, after: Foreseen) -> Foreseen:
    """Believe in a collection that gives up only where two readings agree on why."""
    if isinstance(after.outcome, Abort) and isinstance(before.outcome, Abort):
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
    if isinstance(outcome, Abort) and hazards.is_young(inventory, now):
        yield _doubt(
            outcome,
            "active within the last hour: the garbage collection may not abort when it runs",
        )


def _doubt(outcome: Abort, detail: str) -> Gap:
    return Gap(Scope.REGISTRY, outcome.dialect.name, Reason.UNCONFIRMED, detail)


def _still(done: Done, needed: Needed) -> bool:
    """A tag that is meant to go is needed only by those who use it."""
    return bool(needed.users) or (needed.repository, needed.tag) not in done.meant


def _outcome(inventory: Inventory, collection: Collection | None) -> Outcome | None:
    return simulate(inventory, collection.dialect, collection.mode) if collection else None


def _removal(outcome: Outcome | None) -> Removal:
    """What may be gone in the worst case."""
    if outcome is None or isinstance(outcome, Blind):
        return Removal()
    return outcome.removal if isinstance(outcome, Plan) else outcome.possible


def _pins(removal: Removal, users: int) -> Iterable[Hazard]:
    return () if users else hazards.pins(removal)


def _hazards(asked: Asked, done: Done, outcome: Outcome | None, now: int) -> Iterator[Hazard]:
    dialect = asked.collection.dialect if asked.collection else None
    if asked.deletions:
        yield from hazards.of_plan(asked.deletions)
        listed = asked.deletions.deletions
        yield from hazards.of_deletions(listed, done.strangers, asked.way, dialect)
        yield from hazards.stale_cache(done.removal)
    if asked.collection and outcome:
        yield from hazards.of_collection(done.inventory, outcome, now)


def _going(inventory: Inventory, removal: Removal, done: Done) -> Going:
    return Going(
        tags=len(done.dropped),
        manifests=sum(len(digests) for _, digests in removal.manifests),
        blobs=len(removal.blobs),
        layer_links=sum(len(digests) for _, digests in removal.layer_links),
        size=int(inventory.sizes[removal.blobs].sum()),
    )
