"""What would the controllers start: Deployments and their like, jobs and schedules?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from exporter.facts.use import ReferenceClass
from exporter.sources.cluster.fleet import Fleet
from exporter.sources.cluster.objects.workload import CronJob, Job, Replicated
from exporter.sources.cluster.owners import Owners
from exporter.sources.cluster.schedule import next_run
from exporter.sources.cluster.want import Want, of_template

_FINISHED: Final = frozenset({"Complete", "Failed"})


def of_replicated(kind: str, objects: Iterable[Replicated], owners: Owners) -> Iterator[Want]:
    """Return what keeps a number of pods alive; at zero it is idle."""
    for each in objects:
        if each.spec.template is not None:
            reference_class = resting(each)
            workload = owners.top(kind, each.metadata)
            yield from of_template(workload, each.spec.template.spec, reference_class)


def resting(replicated: Replicated) -> ReferenceClass:
    """Is it live, or idle at zero? Without a number there is one replica."""
    return ReferenceClass.IDLE if replicated.spec.replicas == 0 else ReferenceClass.LIVE


def of_daemons(objects: Iterable[Replicated], owners: Owners, fleet: Fleet) -> Iterator[Want]:
    """Return what every node that admits it must run; where no node does, it is idle."""
    for each in objects:
        if each.spec.template is None:
            continue
        pod = each.spec.template.spec
        reference_class = ReferenceClass.IDLE if fleet.nowhere(pod) else ReferenceClass.LIVE
        workload = owners.top("DaemonSet", each.metadata)
        yield from of_template(workload, pod, reference_class, everywhere=True)


def of_jobs(jobs: Iterable[Job], owners: Owners) -> Iterator[Want]:
    """Return what jobs want that have not ended; a suspended one is idle."""
    for job in jobs:
        ended = any(
            each.type in _FINISHED and each.status == "True" for each in job.status.conditions
        )
        if not ended:
            reference_class = _unless(suspended=job.spec.suspend)
            workload = owners.top("Job", job.metadata)
            yield from of_template(workload, job.spec.template.spec, reference_class)


def of_schedules(schedules: Iterable[CronJob], owners: Owners, now: float) -> Iterator[Want]:
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
