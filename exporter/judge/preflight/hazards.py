"""Hazards of a collection or a deletion, beside the images that it would break."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from exporter.facts.inventory import Inventory, Layouts, Upload
from exporter.facts.registry_kind import Collector
from exporter.judge.gc.outcome import (
    Aborted,
    Completed,
    Outcome,
    Removal,
    Unpredictable,
    worst_case,
)
from exporter.judge.gc.preconditions import Effect, preconditions
from exporter.judge.gc.zot import giving_up
from exporter.judge.plans.deletion import Deletion, DeletionKind
from exporter.judge.preflight.deletions import DeletionMethod
from exporter.judge.preflight.prediction import GarbageCollection, Hazard, HazardCode, Operation

_GRACE: Final = 3_600_000_000_000
"""Nanoseconds: an upload that was written to within the last hour may still be going on."""
_SHOWN: Final = 3
_WRITES_OPEN: Final = (
    "content pushed or deleted meanwhile may be removed, which is not predicted here: stop every "
    "replica, or set storage.maintenance.readonly.enabled and restart them"
)
_ON_KEYS: Final = "; here one deletion during marking can lose a whole repository"
_STALE_CACHE: Final = (
    "a running registry keeps answering 200 for removed blobs: restart every replica afterwards, "
    "and drop the keys blobs::* and repository::* if it uses Redis"
)
"""distribution#1803, #4269."""
_NOT_READ: Final = (
    "the storage was not read: active uploads, damage that aborts a garbage collection, and "
    "unreferenced data are not considered (use --storage)"
)
_RETENTION: Final = (
    "retention policies are not considered: keepTags removes tags, and deleteReferrers signatures"
)
_PINS: Final = "images in use are unknown: those pinned by digest are not considered (use --refs)"
_NO_TAG_DELETION: Final = (
    "2.x refuses to delete by tag (400 DIGEST_INVALID): give its digest, or --as folder"
)


def of_snapshot(operation: Operation, unmatched: Sequence[Deletion], own: str) -> Iterator[Hazard]:
    """Yield the hazards of an operation that is predicted from a snapshot.

    `own` is the collector of the registry, or whose it is.
    """
    yield from of_deletions(operation, unmatched)
    if operation.collection:
        if own not in (Collector.UNKNOWN, operation.collection.dialect.name):
            detail = other_collector(own, operation.collection)
            yield Hazard(HazardCode.OTHER_COLLECTOR, "", detail)
        yield Hazard(HazardCode.WRITES_OPEN, "", _WRITES_OPEN)
        yield Hazard(HazardCode.STALE_CACHE, "", _STALE_CACHE)
        yield Hazard(HazardCode.STORAGE_NOT_READ, "", _NOT_READ)


def other_collector(own: str, collection: GarbageCollection) -> str:
    """Say that the registry's own collector is another than the one that is predicted."""
    return f"the registry's own collector is {own}, not {collection.dialect.name}"


def of_deletions(operation: Operation, unmatched: Sequence[Deletion]) -> Iterator[Hazard]:
    """Yield the hazards of deletions, and the gaps of their plan."""
    listed, collection = operation.deletions, operation.collection
    if listed is None:
        return
    if listed.gave_up:
        detail = f"the collector that wrote it aborted and removed nothing: {listed.gave_up}"
        yield Hazard(HazardCode.WOULD_ABORT, "", detail)
    if listed.unknown:
        shown = "; ".join(repr(each) for each in listed.examples[:_SHOWN])
        detail = f"{listed.unknown} of {listed.lines} lines are not recognised: {shown}"
        yield Hazard(HazardCode.UNREAD_LINES, "", detail)
    by_tag = any(each.kind is DeletionKind.TAG for each in listed.deletions)
    refuses = collection is not None and not collection.dialect.descends
    if by_tag and refuses and operation.method is DeletionMethod.API:
        yield Hazard(HazardCode.TAG_DELETION_REFUSED, "", _NO_TAG_DELETION)
    if unmatched:
        count, shown = len(listed.deletions), _some(map(str, unmatched))
        detail = f"{len(unmatched)} of {count} name nothing in this registry ({shown})"
        yield Hazard(HazardCode.PLAN_DIFFERS, "", detail)


def of_collection(inventory: Inventory, outcome: Outcome | None, now: int) -> Iterator[Hazard]:
    """Yield the hazards of a collection; `now` is in nanoseconds since the epoch."""
    if outcome is None or isinstance(outcome, Unpredictable):
        return
    if inventory.layouts:
        yield from _of_zot(inventory, inventory.layouts, outcome)
        return
    if isinstance(outcome, Aborted):
        far = {"mark": "before it removes anything"}.get(outcome.stage, f"among {outcome.stage}")
        chance = ", or one of its kind" if len(outcome.messages) > 1 else ""
        detail = f"would abort {far}: {outcome.messages[0]}{chance}"
        yield Hazard(HazardCode.WOULD_ABORT, "", detail)
    on_keys = _ON_KEYS if outcome.dialect.flat(inventory) else ""
    yield Hazard(HazardCode.WRITES_OPEN, "", _WRITES_OPEN + on_keys)
    if uploads := _active(inventory, now):
        where = _some(sorted({each.repository for each in uploads}))
        detail = f"{len(uploads)} uploads were active within the last hour: {where}"
        yield Hazard(HazardCode.UPLOADS_IN_FLIGHT, "", detail)
    ages = now - inventory.modified[worst_case(outcome).blobs]
    if young := np.count_nonzero(ages < _GRACE):
        detail = f"{young} blobs to be removed are younger than an hour: a push may need them"
        yield Hazard(HazardCode.YOUNG_BLOBS, "", detail)
    for each in preconditions(inventory, outcome.dialect):
        verb = "aborts a garbage collection" if each.effect is Effect.STOPS else "loses content"
        yield Hazard(each.code, each.repository, f"{verb}: {each.detail}")


def _of_zot(
    inventory: Inventory, layouts: Layouts, outcome: Completed | Aborted
) -> Iterator[Hazard]:
    """Yield the hazards of zot's own collector, which locks a repository while it collects."""
    yield Hazard(HazardCode.RETENTION_NOT_CONSIDERED, "", _RETENTION)
    for repository in giving_up(inventory, layouts, outcome.mode):
        name = inventory.repositories[repository]
        detail = "aborts at a manifest that is cut, or untagged and lost: no file is removed here"
        yield Hazard(HazardCode.WOULD_ABORT, name, detail)
    for repository, entries in worst_case(outcome).manifests:
        pointing = inventory.tags.pointing(repository)
        tags = [tag for tag, manifest in pointing if manifest in entries]
        if tags:
            detail = f"removes tags that cannot be pulled already: {_some(tags)}"
            name = inventory.repositories[repository]
            yield Hazard(HazardCode.BROKEN_TAGS_REMOVED, name, detail)


def of_removal(inventory: Inventory, removal: Removal, users: int) -> Iterator[Hazard]:
    """Yield the hazards of all removals; `users` are the images known to be in use."""
    if len(removal.blobs) and not inventory.layouts:
        yield Hazard(HazardCode.STALE_CACHE, "", _STALE_CACHE)
    if removal.manifests and not users:
        yield Hazard(HazardCode.PINS_NOT_CONSIDERED, "", _PINS)


def is_young(inventory: Inventory, now: int) -> bool:
    """Was anything written within the last hour?"""
    written = inventory.modified[inventory.stored]
    return bool(_active(inventory, now)) or bool((now - written < _GRACE).any())


def _active(inventory: Inventory, now: int) -> list[Upload]:
    return [each for each in inventory.uploads if now - each.modified < _GRACE]


def _some(names: Iterable[str]) -> str:
    shown = list(names)
    return ", ".join(shown[:_SHOWN]) + (", …" if len(shown) > _SHOWN else "")
