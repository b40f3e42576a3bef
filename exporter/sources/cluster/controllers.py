"""Images that controllers need: now, on a schedule, and after a rollback."""

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime, tzinfo
from typing import Final, TypeVar
from zoneinfo import ZoneInfo

import msgspec
from cronsim import CronSim, CronSimError

from exporter.facts.use import ReferenceClass
from exporter.oci.digest import Malformed
from exporter.sources.cluster.images import PodImage, of_template
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.objects import (
    Controller,
    ControllerRevision,
    CronJob,
    Job,
    RevisionData,
)
from exporter.sources.cluster.resources import decoded

_FINISHED: Final = frozenset({"Complete", "Failed"})
_DIGITS: Final = 18
"""Maximum digits of a revision; an annotation may be any text."""
_BUILT_IN: Final = frozenset({"StatefulSet", "DaemonSet"})
_DATA: Final = msgspec.json.Decoder(RevisionData)
_LONGEST_SCHEDULE: Final = 300
"""Maximum characters of a schedule; Kubernetes accepts any number."""
_LONGEST_ZONE: Final = 100
"""Maximum characters of a time zone: three times the longest name. Each slash is a package to
import."""
_MACROS: Final = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
"""Source: robfig/cron v3 `parseDescriptor`, which Kubernetes uses."""

Kept = TypeVar("Kept", Controller, ControllerRevision)


def of_replicated(kind: str, objects: Iterable[Controller], owners: Owners) -> Iterator[PodImage]:
    """Return the images of controllers with replicas; at zero they are idle."""
    for each in objects:
        workload = owners.top(kind, each.metadata)
        yield from of_template(workload, each.spec.pod, _idle_if(each.spec.replicas == 0))


def of_daemons(
    objects: Iterable[Controller], owners: Owners, nodes: ClusterNodes
) -> Iterator[PodImage]:
    """Return the images that every admitting node must run; idle if no node admits them."""
    for each in objects:
        reference_class = _idle_if(nodes.admitted_nowhere(nodes.placed(each.spec.pod)))
        workload = owners.top("DaemonSet", each.metadata)
        yield from of_template(workload, each.spec.pod, reference_class, everywhere=True)


def of_jobs(jobs: Iterable[Job], owners: Owners) -> Iterator[PodImage]:
    """Return the images of unfinished jobs; idle if a job makes no pods now."""
    for each in jobs:
        conditions = each.status.conditions
        if not any(one.type in _FINISHED and one.status == "True" for one in conditions):
            workload = owners.top("Job", each.metadata)
            pod = each.spec.template.spec
            yield from of_template(workload, pod, _idle_if(each.spec.makes_none))


def of_schedules(schedules: Iterable[CronJob], owners: Owners, now: float) -> Iterator[PodImage]:
    """Return the images of schedules with their next runs; idle if suspended."""
    for each in schedules:
        spec, job = each.spec, each.spec.job_template.spec
        idle = spec.suspend or job.makes_none
        when = None if idle else next_run(spec.schedule, spec.time_zone, now)
        workload = owners.top("CronJob", each.metadata)
        yield from of_template(workload, job.template.spec, _idle_if(idle), next_run=when)


def of_replica_sets(sets: Iterable[Controller], owners: Owners, depth: int) -> Iterator[PodImage]:
    """Return what ReplicaSets need: the newest of each owner now, `depth` older ones on rollback.

    An older one that still has replicas, as in the middle of a rollout, is as live as the newest.
    """
    for family in _by_owner(sets):
        family.sort(key=_age_of_set, reverse=True)
        for age, each in enumerate(family):
            reference_class = _idle_if(each.spec.replicas == 0)
            if age and reference_class is ReferenceClass.IDLE:
                if age > depth:
                    continue
                reference_class = ReferenceClass.ROLLBACK
            workload = owners.top("ReplicaSet", each.metadata)
            yield from of_template(workload, each.spec.pod, reference_class)


def of_revisions(
    revisions: Iterable[ControllerRevision],
    owners: Owners,
    depth: int,
    stateful: Iterable[Controller] = (),
) -> Iterator[PodImage]:
    """Return what the `depth` revisions before the newest of each owner need.

    A revision that a StatefulSet still starts pods of is live, however old it is.
    """
    held = {(each.metadata.uid, each.held_back) for each in stateful}
    for family in _by_owner(revisions):
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
    meta = revision.metadata
    workload = owners.top("ControllerRevision", meta)
    try:
        pod = decoded(revision.data, _DATA).spec.pod
    except Malformed:
        # What other controllers keep there may be anything, and needs nothing.
        if meta.controller is not None and meta.controller.kind in _BUILT_IN:
            # It is no reference, and so a gap.
            text = f"ControllerRevision {meta.name} cannot be read"
            yield PodImage(workload, text, reference_class)
    else:
        yield from of_template(workload, pod, reference_class)


def next_run(schedule: str, zone: str | None, now: float) -> float | None:
    """Return the next time, in seconds since the epoch; None where the schedule does not tell it.

    Without a zone it is UTC, as nearly every control plane runs. `@every` counts from a start that
    nobody tells, and a zone within the schedule is not supported by Kubernetes either.
    """
    if len(schedule) > _LONGEST_SCHEDULE:
        return None
    known = _zone(zone)
    if known is None:
        return None
    text = _MACROS.get(schedule.strip(), schedule).replace("?", "*")
    try:
        return next(CronSim(text, datetime.fromtimestamp(now, known))).timestamp()
    except (CronSimError, StopIteration, OverflowError, ValueError):
        return None


def _zone(name: str | None) -> tzinfo | None:
    if not name:
        return UTC
    if len(name) > _LONGEST_ZONE:
        return None
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, KeyError):  # `ZoneInfoNotFoundError` is a KeyError
        return None


def _idle_if(idle: bool | None) -> ReferenceClass:  # noqa: FBT001 - its name says it
    return ReferenceClass.IDLE if idle else ReferenceClass.LIVE


def _by_owner(objects: Iterable[Kept]) -> list[list[Kept]]:
    """Group by owner; an object without an owner is a group of its own."""
    families: dict[str, list[Kept]] = {}
    for each in objects:
        owner = each.metadata.controller
        families.setdefault(owner.uid if owner else each.metadata.uid, []).append(each)
    return list(families.values())


def _age_of_set(each: Controller) -> tuple[int, str]:
    """A rollback renumbers an old ReplicaSet, so the highest number is the current one."""
    marks = each.metadata.annotations
    number = (marks.revision or marks.rollout)[:_DIGITS]
    return (int(number) if number.isdecimal() else 0, each.metadata.creation_timestamp or "")
