"""Predictions from the registry's own storage."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace

import numpy as np

from exporter.facts.digests import ABSENT, Marks
from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.inventory import Inventory
from exporter.judge.gc.breakage import ManifestLoss, PullTarget, lacking_content, losses
from exporter.judge.gc.outcome import (
    Aborted,
    Batch,
    Outcome,
    Removal,
    Unpredictable,
    worst_case,
)
from exporter.judge.gc.simulate import simulate
from exporter.judge.plans.deletion import Deletion
from exporter.judge.preflight import hazards
from exporter.judge.preflight.deletions import Deleted, Label, StorageContents
from exporter.judge.preflight.prediction import (
    MOST,
    BrokenManifest,
    Checked,
    LostContent,
    NeededImage,
    Operation,
    Prediction,
    RemovalTotals,
    Victim,
)
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import Descriptor
from exporter.oci.manifest import parse


@dataclass(frozen=True, slots=True)
class StoragePrediction:
    """A prediction, and its basis."""

    answer: Prediction
    inventory: Inventory
    """As the collection finds it."""
    outcome: Outcome | None
    """The outcome of the collection; None if none is planned."""


def predict(
    inventory: Inventory,
    operation: Operation,
    needed: Sequence[NeededImage],
    gaps: Sequence[Gap],
    now: int,
) -> StoragePrediction:
    """Predict; `gaps` are those of the references, `now` is in nanoseconds since the epoch."""
    contents = StorageContents(inventory)
    planned = operation.deletions.deletions if operation.deletions else ()
    deleted = contents.delete(() if inventory.layouts else planned, operation.method)
    left = contents.without(deleted, operation.method)
    collection = operation.collection
    outcome = simulate(left, collection.dialect, collection.mode) if collection else None
    removal = _together(contents.removal(deleted), worst_case(outcome))
    targets = _targets(inventory, (each for each in needed if _still_needed(deleted, each)))
    victims, more = _victims(inventory, removal, targets, deleted.tags)
    blind = outcome.gaps if isinstance(outcome, Unpredictable) else inventory.blind
    users = sum(bool(each.users) for each in needed)
    uses = sum(bool(each.users) for each in targets.values())
    answer = Prediction(
        operation=operation.description,
        victims=victims,
        hazards=(
            *hazards.of_deletions(operation, deleted.unmatched),
            *hazards.of_collection(left, outcome, now),
            *hazards.of_removal(inventory, removal, users),
        ),
        gaps=(
            *gaps,
            *blind,
            *operation.gaps(deleted.unmatched),
            *_doubts(left, planned, outcome, now),
        ),
        removed=None
        if isinstance(outcome, Unpredictable)
        else RemovalTotals(
            tags=len(deleted.tags),
            manifests=sum(len(digests) for _, digests in removal.manifests),
            blobs=len(removal.blobs),
            layer_links=sum(len(digests) for _, digests in removal.layer_links),
            size=int(inventory.sizes[removal.blobs].sum()),
        ),
        checked=Checked(len(inventory.repositories), len(inventory.tags.names), uses, users - uses),
        more_victims=more,
        lacking_content=None if inventory.blind else lacking_content(inventory),
    )
    return StoragePrediction(answer, left, outcome)


def is_to_be_confirmed(prediction: StoragePrediction) -> bool:
    """Are there no victims only because the collection aborts?"""
    return not prediction.answer.victims and isinstance(prediction.outcome, Aborted)


def confirmed(before: StoragePrediction, after: StoragePrediction) -> StoragePrediction:
    """Return a prediction in which an abort counts only if two readings agree on why."""
    if not (isinstance(after.outcome, Aborted) and isinstance(before.outcome, Aborted)):
        return after
    if after.outcome.messages == before.outcome.messages:
        return after
    gap = _doubt(after.outcome, "two reads of the storage predict an abort, for different reasons")
    return replace(after, answer=replace(after.answer, gaps=(*after.answer.gaps, gap)))


def indexes_above(inventory: Inventory, answer: Prediction) -> list[str]:
    """Return the indexes that state the platforms of the children that break; one for each."""
    broken = {each.digest for victim in answer.victims for each in victim.broken}
    numbers = np.array([inventory.digests.number(digest) for digest in broken], np.int32)
    graph = inventory.graph
    at = np.flatnonzero(np.isin(graph.targets, numbers))
    _, first = np.unique(graph.targets[at], return_index=True)
    rows = np.unique(np.searchsorted(graph.starts, at[first], side="right") - 1)
    manifests = np.flatnonzero(np.isin(graph.rows, rows))
    return [inventory.digests.text(each) for each in manifests.tolist()]


def with_platforms(answer: Prediction, bodies: Mapping[str, bytes]) -> Prediction:
    """Return the prediction with the platforms that these indexes, by their digests, state."""
    stated: dict[str, str] = {
        child.digest: platform
        for digest, body in bodies.items()
        for child in _children(digest, body)
        if (platform := _platform(child))
    }
    victims = (
        replace(
            victim,
            broken=tuple(
                replace(each, platform=stated.get(each.digest, each.platform))
                for each in victim.broken
            ),
        )
        for victim in answer.victims
    )
    return replace(answer, victims=tuple(victims))


def _children(digest: str, body: bytes) -> Iterable[Descriptor]:
    """Return the children with their platforms: a shape that no node reads states none."""
    try:
        return parse(body, Digest.parse(digest)).children
    except (Malformed, RecursionError):
        return ()


def _platform(child: Descriptor) -> str:
    if child.attestation or (child.platform and child.platform.unknown):
        return "attestation"
    return str(child.platform or "")


def _still_needed(deleted: Deleted, image: NeededImage) -> bool:
    """Is an image needed? A tag whose removal is intended counts only if it is used."""
    return bool(image.users) or (image.repository, image.tag) not in deleted.intended


def _targets(inventory: Inventory, needed: Iterable[NeededImage]) -> dict[PullTarget, NeededImage]:
    """Return the needed manifests that are present; others cannot break any more."""
    numbers = {name: at for at, name in enumerate(inventory.repositories)}
    tagged = {
        (repository, name): manifest
        for repository in range(len(inventory.repositories))
        for name, manifest in inventory.tags.pointing(repository)
    }
    found: dict[PullTarget, NeededImage] = {}
    for each in needed:
        at = numbers.get(each.repository, ABSENT)
        pinned = inventory.digests.number(each.digest) if each.digest else None
        manifest = tagged.get((at, each.tag), ABSENT) if pinned is None else pinned
        if at >= 0 and manifest >= 0:
            found[PullTarget(at, manifest, each.tag or each.digest)] = each
    return found


def _victims(
    inventory: Inventory,
    removal: Removal,
    targets: Mapping[PullTarget, NeededImage],
    tags: AbstractSet[Label],
) -> tuple[tuple[Victim, ...], int]:
    """Return the victims, the most important first, and how many more there are."""
    removed = np.zeros(len(inventory.digests), bool)
    removed[removal.blobs] = True
    broken: dict[PullTarget, list[ManifestLoss]] = defaultdict(list)
    for loss in losses(inventory, removal, targets):
        broken[loss.target].append(loss)
    untagged = {each for each, image in targets.items() if (image.repository, image.tag) in tags}
    found = sorted(broken.keys() | untagged, key=lambda each: targets[each].rank)
    victims = (
        Victim(
            targets[each],
            each in untagged,
            tuple(_broken(inventory, removed, loss) for loss in broken.get(each, ())),
        )
        for each in found[:MOST]
    )
    return tuple(victims), max(0, len(found) - MOST)


def _broken(inventory: Inventory, removed: Marks, loss: ManifestLoss) -> BrokenManifest:
    numbers = loss.lost.tolist()
    if loss.unlinked and loss.manifest not in numbers:
        numbers.insert(0, loss.manifest)
    lost = (
        LostContent(
            inventory.digests.text(each),
            _kind(inventory, loss.manifest, each),
            int(inventory.sizes[each]),
            removed=bool(removed[each]),
        )
        for each in numbers
    )
    return BrokenManifest(inventory.digests.text(loss.manifest), "", tuple(lost))


def _kind(inventory: Inventory, manifest: int, number: int) -> str:
    """Return its kind: an image's first reference is the configuration; schema 1 has none."""
    if number == manifest:
        return "manifest"
    graph = inventory.graph
    first = int(graph.targets[graph.starts[graph.rows[manifest]]])
    return "config" if number == first and manifest not in inventory.faults else "layer"


def _together(first: Removal, second: Removal) -> Removal:
    """Return two removals, one after the other, as one."""
    return Removal(
        _merged(first.manifests, second.manifests),
        np.union1d(first.blobs, second.blobs).astype(np.int32),
        _merged(first.layer_links, second.layer_links),
    )


def _merged(first: tuple[Batch, ...], second: tuple[Batch, ...]) -> tuple[Batch, ...]:
    merged = dict(first)
    for repository, numbers in second:
        here = merged.get(repository, numbers[:0])
        merged[repository] = np.union1d(here, numbers).astype(np.int32)
    return tuple(merged.items())


def _doubts(
    inventory: Inventory, planned: Sequence[Deletion], outcome: Outcome | None, now: int
) -> Iterator[Gap]:
    """Yield why a prediction may not hold.

    What is being pushed may look like damage, and be whole by the time the collection runs.
    """
    if planned and inventory.layouts:
        detail = "what zot makes of deletions is not predicted: it refuses some, and keeps others"
        yield Gap(Scope.REGISTRY, "deletions", Reason.UNSUPPORTED, detail)
    if isinstance(outcome, Aborted) and hazards.is_young(inventory, now):
        yield _doubt(
            outcome,
            "active within the last hour: the garbage collection may not abort when it runs",
        )


def _doubt(outcome: Aborted, detail: str) -> Gap:
    return Gap(Scope.REGISTRY, outcome.dialect.name, Reason.UNCONFIRMED, detail)
