"""What would a rollback start: old ReplicaSets, old revisions of StatefulSets and DaemonSets?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from exporter.facts.use import ReferenceClass, Workload
from exporter.oci.digest import Malformed
from exporter.sources.cluster.decoding import decoded
from exporter.sources.cluster.objects.workload import Replicated, Revision, RevisionData
from exporter.sources.cluster.owners import Owners
from exporter.sources.cluster.want import Want, of_template
from exporter.sources.cluster.workloads import resting

_DIGITS: Final = 18
"""Of a revision's number; an annotation may be anything."""

_OWN: Final = frozenset({"StatefulSet", "DaemonSet"})
_DATA: Final = msgspec.json.Decoder(RevisionData)

Kept = TypeVar("Kept", Replicated, Revision)


def of_replica_sets(sets: Iterable[Replicated], owners: Owners, depth: int) -> Iterator[Want]:
    """Return what ReplicaSets want: the newest of each owner now, `depth` older ones on rollback.

    An older one that still has replicas, as in the middle of a rollout, is as live as the newest.
    """
    for family in _families(sets):
        family.sort(key=_age_of_set, reverse=True)
        for age, each in enumerate(family):
            reference_class = resting(each)
            if age and reference_class is ReferenceClass.IDLE:
                if age > depth:
                    continue
                reference_class = ReferenceClass.ROLLBACK
            if each.spec.template is not None:
                workload = owners.top("ReplicaSet", each.metadata)
                yield from of_template(workload, each.spec.template.spec, reference_class)


def of_revisions(
    revisions: Iterable[Revision],
    owners: Owners,
    depth: int,
    stateful: Iterable[Replicated] = (),
) -> Iterator[Want]:
    """Return what the `depth` revisions before the newest of each owner want.

    One by which a StatefulSet still makes pods is live, however old it is.
    """
    held = {(each.metadata.uid, each.held_back) for each in stateful}
    for family in _families(revisions):
        family.sort(key=lambda each: each.revision, reverse=True)
        for age, each in enumerate(family):
            owner = each.metadata.controller
            if owner is not None and (owner.uid, each.metadata.name) in held:
                yield from _of_revision(each, owners, ReferenceClass.LIVE)
            elif 0 < age <= depth:
                yield from _of_revision(each, owners, ReferenceClass.ROLLBACK)


def _of_revision(
    revision: Revision, owners: Owners, reference_class: ReferenceClass
) -> Iterator[Want]:
    workload = owners.top("ControllerRevision", revision.metadata)
    try:
        pod = decoded(revision.data, _DATA).spec.template.spec
    except Malformed:
        yield from _unread(workload, revision, reference_class)
    else:
        yield from of_template(workload, pod, reference_class)


def _families(objects: Iterable[Kept]) -> list[list[Kept]]:
    """Group by owner; what nobody owns stands for itself."""
    families: dict[str, list[Kept]] = {}
    for each in objects:
        owner = each.metadata.controller
        families.setdefault(owner.uid if owner else each.metadata.uid, []).append(each)
    return list(families.values())


def _age_of_set(each: Replicated) -> tuple[int, str]:
    """A rollback gives an old ReplicaSet a new number, so the highest is the one in force."""
    marks = each.metadata.annotations
    number = (marks.revision or marks.rollout)[:_DIGITS]
    return (int(number) if number.isdecimal() else 0, each.metadata.creation_timestamp or "")


def _unread(
    workload: Workload, revision: Revision, reference_class: ReferenceClass
) -> Iterator[Want]:
    """Show a former spec that cannot be read for what it is: a text that is no reference.

    What other controllers than Kubernetes' own keep there may be anything, and wants nothing.
    """
    owner = revision.metadata.controller
    if owner is not None and owner.kind in _OWN:
        text = f"ControllerRevision {revision.metadata.name} cannot be read"
        yield Want(workload, text, reference_class)
