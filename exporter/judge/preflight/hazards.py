"""What is dangerous about a collection or a deletion, beside what it would break?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Final

import numpy as np

from exporter.facts.inventory import Inventory, Upload
from exporter.judge.gc.dialect import Dialect
from exporter.judge.gc.outcome import Aborted, Completed, Outcome, Removal, worst_case
from exporter.judge.gc.preconditions import Effect, preconditions
from exporter.judge.plans.deletion import Deletion, DeletionKind, DeletionList
from exporter.judge.preflight.deletions import DeletionMethod
from exporter.judge.preflight.prediction import Hazard, HazardCode

_GRACE: Final = 3_600_000_000_000
"""Nanoseconds: an upload that was written to within the last hour may still be going on."""
_SHOWN: Final = 3
_STOP: Final = "stop every replica, or set storage.maintenance.readonly.enabled and restart them"
STALE_CACHE: Final = Hazard(
    HazardCode.STALE_CACHE,
    "",
    "a running registry keeps answering 200 for removed blobs: restart every replica afterwards, "
    "and drop the keys blobs::* and repository::* if it uses Redis",
)
ONLY_ASKED: Final = Hazard(
    HazardCode.STORAGE_NOT_READ,
    "",
    "the storage was not read: active uploads, damage that aborts a garbage collection, and "
    "unreferenced data are not considered (use --storage)",
)


def of_collection(inventory: Inventory, outcome: Outcome, now: int) -> Iterator[Hazard]:
    """Yield the dangers of running a collection; `now` is in nanoseconds since the epoch."""
    if not isinstance(outcome, Completed | Aborted):
        return
    yield from _aborts(outcome)
    yield writes_open(flat=outcome.dialect.flat(inventory))
    yield from _uploads(inventory, now)
    removal = worst_case(outcome)
    yield from _young(inventory, removal, now)
    yield from stale_cache(removal)
    yield from _stumbles(inventory, outcome)


def is_young(inventory: Inventory, now: int) -> bool:
    """Was anything written within the last hour?"""
    written = inventory.modified[inventory.stored]
    return bool(_under_way(inventory, now)) or bool((now - written < _GRACE).any())


def of_deletions(
    deletions: Sequence[Deletion],
    unmatched: Sequence[Deletion],
    method: DeletionMethod,
    dialect: Dialect | None,
) -> Iterator[Hazard]:
    """Yield the dangers of deleting these, some of which name nothing here."""
    tags = [each for each in deletions if each.kind is DeletionKind.TAG]
    old = dialect is not None and not dialect.descends
    if tags and old and method is DeletionMethod.API:
        detail = (
            "2.x refuses to delete by tag (400 DIGEST_INVALID): give its digest, or --as folder"
        )
        yield Hazard(HazardCode.TAG_DELETION_REFUSED, "", detail)
    if unmatched:
        shown = ", ".join(str(each) for each in unmatched[:_SHOWN])
        more = ", …" if len(unmatched) > _SHOWN else ""
        detail = (
            f"{len(unmatched)} of {len(deletions)} name nothing in this registry ({shown}{more})"
        )
        yield Hazard(HazardCode.PLAN_DIFFERS, "", detail)


def of_plan(listed: DeletionList) -> Iterator[Hazard]:
    """Yield what a plan's text leaves open."""
    if listed.gave_up:
        detail = f"the collector that wrote it aborted and removed nothing: {listed.gave_up}"
        yield Hazard(HazardCode.WOULD_ABORT, "", detail)
    if listed.unknown:
        shown = "; ".join(repr(each) for each in listed.examples[:_SHOWN])
        detail = f"{listed.unknown} of {listed.lines} lines are not recognised: {shown}"
        yield Hazard(HazardCode.UNREAD_LINES, "", detail)


def pins(removal: Removal) -> Iterator[Hazard]:
    """Say, where nothing names what runs, that digests which do were not considered."""
    if removal.manifests:
        detail = "images in use are unknown: those pinned by digest are not considered (use --refs)"
        yield Hazard(HazardCode.PINS_NOT_CONSIDERED, "", detail)


def stale_cache(removal: Removal) -> Iterator[Hazard]:
    """Say what a running registry does once blobs are gone (distribution#1803, #4269)."""
    if len(removal.blobs):
        yield STALE_CACHE


def writes_open(*, flat: bool) -> Hazard:
    """Say what is never seen: whether the registry takes pushes while it is collected."""
    detail = (
        f"content pushed or deleted meanwhile may be removed, which is not predicted here: {_STOP}"
    )
    if flat:
        detail += "; here one deletion during marking can lose a whole repository"
    return Hazard(HazardCode.WRITES_OPEN, "", detail)


def _aborts(outcome: Completed | Aborted) -> Iterator[Hazard]:
    if isinstance(outcome, Aborted):
        far = {"mark": "before it removes anything"}.get(outcome.stage, f"among {outcome.stage}")
        chance = ", or one of its kind" if len(outcome.messages) > 1 else ""
        yield Hazard(
            HazardCode.WOULD_ABORT, "", f"would abort {far}: {outcome.messages[0]}{chance}"
        )


def _uploads(inventory: Inventory, now: int) -> Iterator[Hazard]:
    young = _under_way(inventory, now)
    if young:
        where = _some(each.repository for each in young)
        detail = f"{len(young)} uploads were active within the last hour: {where}"
        yield Hazard(HazardCode.UPLOADS_IN_FLIGHT, "", detail)


def _under_way(inventory: Inventory, now: int) -> list[Upload]:
    return [each for each in inventory.uploads if now - each.modified < _GRACE]


def _young(inventory: Inventory, removal: Removal, now: int) -> Iterator[Hazard]:
    young = int(np.count_nonzero(now - inventory.modified[removal.blobs] < _GRACE))
    if young:
        detail = f"{young} blobs to be removed are younger than an hour: a push may need them"
        yield Hazard(HazardCode.YOUNG_BLOBS, "", detail)


def _stumbles(inventory: Inventory, outcome: Completed | Aborted) -> Iterator[Hazard]:
    for each in preconditions(inventory, outcome.dialect):
        verb = "aborts a garbage collection" if each.effect is Effect.STOPS else "loses content"
        yield Hazard(each.code, each.repository, f"{verb}: {each.detail}")


def _some(names: Iterable[str]) -> str:
    distinct = sorted(set(names))
    return ", ".join(distinct[:_SHOWN]) + (", …" if len(distinct) > _SHOWN else "")
