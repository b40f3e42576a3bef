"""Storage use, and predicted garbage collections."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass

from exporter.facts.digests import ABSENT
from exporter.facts.holdings import Grace, Reclaimable, Share, holdings
from exporter.facts.inventory import Inventory
from exporter.facts.snapshot import Root
from exporter.facts.use import ReferenceClass, highest
from exporter.judge.gc.breakage import PullTarget, losses, sole_protectors, tag_targets
from exporter.judge.gc.dialect import DIALECTS, Mode, dialects
from exporter.judge.gc.outcome import Aborted, Completed, Unpredictable, worst_case
from exporter.judge.gc.preconditions import Precondition, preconditions
from exporter.judge.gc.simulate import simulate


@dataclass(frozen=True, slots=True)
class CollectorForecast:
    """The predicted collection of one collector in one mode."""

    dialect: str
    mode: Mode
    victims: Mapping[ReferenceClass, int]
    """Manifests at or below tags and pinned digests that it would break, by class; the tags that
    are out of scope count as `selected`."""
    reclaimable_bytes: int
    abort: str
    """Why it would abort; empty if it would not."""


@dataclass(frozen=True, slots=True)
class StorageUse:
    """The storage use by one reading of a storage."""

    stored_bytes: int
    referenced_bytes: int
    reclaimable: Reclaimable
    orphaned_blobs: int
    orphaned_manifests: int
    shares: tuple[Share, ...]
    sole_protectors: Mapping[tuple[str, str], int]
    """By repository and tag: children that only this tag names, and another tag needs."""
    predictions: tuple[CollectorForecast, ...]
    preconditions: tuple[Precondition, ...]
    """Faults for the declared collector; none if it is not distribution's."""


def storage_use(
    inventory: Inventory, roots: Iterable[Root], collector: str, grace: Grace, now: float
) -> StorageUse | Unpredictable:
    """Return the storage use of an inventory; `now` is in seconds since the epoch.

    `roots` say how much each tag matters, and which digests are pinned. Nothing is said about a
    storage that was not seen whole: absence needs sight.
    """
    if inventory.blind:
        return Unpredictable(inventory.blind)
    old, stale = grace.before(now)
    held, known = holdings(inventory), tuple(roots)
    dialect = DIALECTS.get(collector)
    return StorageUse(
        stored_bytes=held.stored_bytes,
        referenced_bytes=held.referenced_bytes,
        reclaimable=held.reclaimable(old, stale),
        orphaned_blobs=len(held.orphaned_blobs(old)),
        orphaned_manifests=len(held.orphaned_manifests(old)),
        shares=held.shares(),
        sole_protectors=sole_protectors(inventory),
        predictions=tuple(_predictions(inventory, known)),
        preconditions=preconditions(inventory, dialect) if dialect else (),
    )


def _predictions(inventory: Inventory, roots: tuple[Root, ...]) -> Iterator[CollectorForecast]:
    """Predict every possible collection; none if a body was not read."""
    wanted = (*tag_targets(inventory), *_pinned(inventory, roots))
    classes = {(str(root.repository), root.name): root.reference_class for root in roots}
    for dialect in dialects(inventory):
        for mode in Mode:
            outcome = simulate(inventory, dialect, mode)
            if not isinstance(outcome, Unpredictable):
                yield _prediction(inventory, outcome, wanted, classes)


def _pinned(inventory: Inventory, roots: Iterable[Root]) -> Iterator[PullTarget]:
    """Yield the pinned digests, under the names that their roots have."""
    places = {name: number for number, name in enumerate(inventory.repositories)}
    for root in roots:
        if root.tag is None and root.digest and root.repository in places:
            manifest = inventory.digests.number(root.digest)
            if manifest != ABSENT:
                yield PullTarget(places[root.repository], manifest, root.name)


def _prediction(
    inventory: Inventory,
    outcome: Completed | Aborted,
    wanted: Iterable[PullTarget],
    classes: Mapping[tuple[str, str], ReferenceClass],
) -> CollectorForecast:
    """Predict one collection; if it aborts, with what it may have removed by then."""
    removal = worst_case(outcome)
    victims: dict[tuple[int, int], ReferenceClass] = {}
    for loss in losses(inventory, removal, wanted):
        place = (loss.target.repository, loss.manifest)
        name = (inventory.repositories[loss.target.repository], loss.target.name)
        reference = classes.get(name, ReferenceClass.SELECTED)
        victims[place] = highest(victims.get(place, reference), reference)
    return CollectorForecast(
        dialect=outcome.dialect.name,
        mode=outcome.mode,
        victims=Counter(victims.values()),
        reclaimable_bytes=int(inventory.sizes[removal.blobs].sum()),
        abort=outcome.messages[0] if isinstance(outcome, Aborted) else "",
    )
