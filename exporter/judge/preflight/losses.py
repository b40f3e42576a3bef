"""What of all that is needed would a removal break, told so that a person can judge it?"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np

from exporter.facts.digests import ABSENT, Marks
from exporter.facts.inventory import Inventory
from exporter.judge.gc.losses import ManifestLoss, PullTarget, losses
from exporter.judge.gc.outcome import Batch, Removal
from exporter.judge.preflight.deletions import Label
from exporter.judge.preflight.prediction import (
    MOST,
    BrokenManifest,
    LostContent,
    NeededImage,
    Victim,
)


def find(inventory: Inventory, needed: Iterable[NeededImage]) -> dict[PullTarget, NeededImage]:
    """Return what of the needed is here; what is not cannot be hurt any more."""
    places = {name: at for at, name in enumerate(inventory.repositories)}
    pointed = {
        (repository, name): manifest
        for repository in range(len(inventory.repositories))
        for name, manifest in inventory.tags.pointing(repository)
    }
    found: dict[PullTarget, NeededImage] = {}
    for each in needed:
        at = places.get(each.repository, -1)
        pinned = inventory.digests.number(each.digest) if each.digest else ABSENT
        number = pinned if each.digest else pointed.get((at, each.tag), ABSENT)
        if at >= 0 and number >= 0:
            found[PullTarget(at, number, each.tag or each.digest)] = each
    return found


def victims(
    inventory: Inventory,
    removal: Removal,
    wanted: Mapping[PullTarget, NeededImage],
    dropped: frozenset[Label] = frozenset(),
) -> tuple[tuple[Victim, ...], int]:
    """Say who loses what by a removal, and whose tag is gone though nothing else is.

    What matters most comes first and in full; how many more there are is said beside it.
    """
    gone = np.zeros(len(inventory.digests), bool)
    gone[removal.blobs] = True
    broken: dict[PullTarget, list[ManifestLoss]] = {}
    for victim in losses(inventory, removal, wanted):
        broken.setdefault(victim.target, []).append(victim)
    away = {each for each, needed in wanted.items() if (needed.repository, needed.tag) in dropped}
    concerned = sorted(broken.keys() | away, key=lambda each: wanted[each].rank)
    told = (
        Victim(
            wanted[each],
            each in away,
            tuple(_broken(inventory, gone, victim) for victim in broken.get(each, ())),
        )
        for each in concerned[:MOST]
    )
    return tuple(told), max(0, len(concerned) - MOST)


def together(first: Removal, second: Removal) -> Removal:
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


def _broken(inventory: Inventory, gone: Marks, victim: ManifestLoss) -> BrokenManifest:
    lost = [_lost(inventory, gone, victim, number) for number in victim.lost.tolist()]
    if victim.unlinked and victim.manifest not in victim.lost:
        lost.insert(0, _lost(inventory, gone, victim, victim.manifest))
    return BrokenManifest(inventory.digests.text(victim.manifest), "", tuple(lost))


def _lost(inventory: Inventory, gone: Marks, victim: ManifestLoss, number: int) -> LostContent:
    kind = "manifest" if number == victim.manifest else _kind(inventory, victim.manifest, number)
    size = int(inventory.sizes[number])
    return LostContent(inventory.digests.text(number), kind, size, removed=bool(gone[number]))


def _kind(inventory: Inventory, manifest: int, number: int) -> str:
    """Say what it is of an image: its first reference is the configuration; schema 1 has none."""
    graph = inventory.graph
    first = int(graph.targets[graph.starts[graph.rows[manifest]]])
    return "config" if number == first and manifest not in inventory.faults else "layer"
