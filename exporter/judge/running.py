"""Who runs this now, whatever the tag that started it leads to?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

from exporter.facts.snapshot import Snapshot
from exporter.facts.use import ReferenceClass, Use
from exporter.judge.hold import below
from exporter.oci.digest import Digest
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository


@dataclass(frozen=True, slots=True)
class Runners:
    """Those who say that they run something of it."""

    uses: tuple[Use, ...]
    sure: bool
    """Are these all? Not where somebody runs what nobody has read."""


def runners(snapshot: Snapshot, repository: Repository, digest: Digest) -> Runners:
    """Return who runs a manifest, something below it, or something that it is part of."""
    manifests = snapshot.manifests
    images = _images(manifests)
    parts, whole = below(digest, manifests)
    found: list[Use] = []
    sure = True
    for use in snapshot.uses:
        if use.reference.repository != repository or use.reference_class is not ReferenceClass.LIVE:
            continue
        running = set[Digest]().union(*(images.get(each, {each}) for each in use.running))
        reached = [below(each, manifests) for each in running]
        if parts & running or any(_has(each, digest, manifests) for each, _ in reached):
            found.append(use)
        elif running:
            sure = sure and whole and all(known for _, known in reached)
    return Runners(tuple(found), sure)


def _images(manifests: Mapping[Digest, Manifest]) -> Mapping[Digest, set[Digest]]:
    """Which images have a configuration: what was converted, or has other layers, may share it."""
    found: defaultdict[Digest, set[Digest]] = defaultdict(set)
    for each in manifests.values():
        if each.config:
            found[each.config.digest].add(each.digest)
    return found


def _has(whole: set[Digest], digest: Digest, manifests: Mapping[Digest, Manifest]) -> bool:
    """Is it among these manifests and configurations, or a layer of one of them?"""
    read = (manifests[each] for each in whole if each in manifests)
    return digest in whole or any(digest == blob.digest for each in read for blob in each.content)
