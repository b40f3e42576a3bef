"""Images that controllers need: now, on a schedule, and after a rollback."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final, TypeVar

import msgspec

from exporter.facts.use import ReferenceClass, Workload
from exporter.oci.digest import Malformed
from exporter.sources.cluster.images import PodImage, of_template
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.objects import (
    Controller,
    ControllerRevision,
    CronJob,
    Job,
    RevisionData,
)
from exporter.sources.cluster.owners import Owners
from exporter.sources.cluster.resources import decoded
from exporter.sources.cluster.schedule import next_run

_FINISHED: Final = frozenset({"Complete", "Failed"})


def of_replicated(kind: str, objects: Iterable[Controller], owners: Owners) -> Iterator[PodImage]:
    """Return what keeps a number of pods alive; at zero it is idle."""
    for each in objects:
        if each.spec.template is not None:
            reference_class = resting(each)
            workload = owners.top(kind, each.metadata)
            yield from of_template(workload, each.spec.template.spec, reference_class)


def resting(replicated: Controller) -> ReferenceClass:
    """Is it live, or idle at zero? Without a number there is one replica."""
    return ReferenceClass.IDLE if replicated.spec.replicas == 0 else ReferenceClass.LIVE


def of_daemons(
    objects: Iterable[Controller], owners: Owners, fleet: ClusterNodes
) -> Iterator[PodImage]:
    """Return what every node that admits it must run; where no node does, it is idle."""
    for each in objects:
        if each.spec.template is None:
            continue
        pod = each.spec.template.spec
        reference_class = ReferenceClass.IDLE if fleet.nowhere(pod) else ReferenceClass.LIVE
        workload = owners.top("DaemonSet", each.metadata)
        yield from of_template(workload, pod, reference_class, everywhere=True)


def of_jobs(jobs: Iterable[Job], owners: Owners) -> Iterator[PodImage]:
    """Return what jobs want that have not ended; a suspended one is idle."""
    for job in jobs:
        ended = any(
            each.type in _FINISHED and each.status == "True" for each in job.status.conditions
        )
        if not ended:
            reference_class = _unless(suspended=job.spec.suspend)
            workload = owners.top("Job", job.metadata)
            yield from of_template(workload, job.spec.template.spec, reference_class)


def of_schedules(schedules: Iterable[CronJob], owners: Owners, now: float) -> Iterator[PodImage]:
    """Return what runs on a schedule, and when next; a suspended one is idle."""
    for each in schedules:
        spec = each.spec
        suspended = bool(spec.suspend)
        when = None if suspended else next_run(spec.schedule, spec.time_zone, now)
        pod = spec.job_template.spec.template.spec
        workload = owners.top("CronJob", each.metadata)
        yield from of_template(workload, pod, _unless(suspended=suspended), next_run=when)


def _unless(*, suspended: bool | None) -> ReferenceClass:
    return ReferenceClass.IDLE if suspended else ReferenceClass.LIVE


_DIGITS: Final = 18
"""Of a revision's number; an annotation may be anything."""

_OWN: Final = frozenset({"StatefulSet", "DaemonSet"})
_DATA: Final = msgspec.json.Decoder(RevisionData)

Kept = TypeVar("Kept", Controller, ControllerRevision)


def of_replica_sets(sets: Iterable[Controller], owners: Owners, depth: int) -> Iterator[PodImage]:
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
    revisions: Iterable[ControllerRevision],
    owners: Owners,
    depth: int,
    stateful: Iterable[Controller] = (),
) -> Iterator[PodImage]:
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
    revision: ControllerRevision, owners: Owners, reference_class: ReferenceClass
) -> Iterator[PodImage]:
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


def _age_of_set(each: Controller) -> tuple[int, str]:
    """A rollback gives an old ReplicaSet a new number, so the highest is the one in force."""
    marks = each.metadata.annotations
    number = (marks.revision or marks.rollout)[:_DIGITS]
    return (int(number) if number.isdecimal() else 0, each.metadata.creation_timestamp or "")


def _unread(
    workload: Workload, revision: ControllerRevision, reference_class: ReferenceClass
) -> Iterator[PodImage]:
    """Show a former spec that cannot be read for what it is: a text that is no reference.

    What other controllers than Kubernetes' own keep there may be anything, and wants nothing.
    """
    owner = revision.metadata.controller
    if owner is not None and owner.kind in _OWN:
        text = f"ControllerRevision {revision.metadata.name} cannot be read"
        yield PodImage(workload, text, reference_class)
