"""What makes pods: controllers, jobs and schedules, and their former revisions?"""

from __future__ import annotations

from msgspec import Raw

from exporter.sources.cluster.objects.meta import Meta, Shape
from exporter.sources.cluster.objects.pod import Template


class Rolling(Shape, frozen=True):
    """How far a StatefulSet's update goes."""

    partition: int | None = 0
    """Pods before this one stay with the revision before."""


class UpdateStrategy(Shape, frozen=True):
    """How pods follow a template that has changed."""

    rolling_update: Rolling | None = None


class ReplicatedSpec(Shape, frozen=True):
    """What keeps a number of pods alive."""

    template: Template | None = Template()
    replicas: int | None = 1
    update_strategy: UpdateStrategy | None = None


class ReplicatedStatus(Shape, frozen=True):
    """Which revisions a StatefulSet makes its pods of, by their names."""

    current_revision: str = ""
    update_revision: str = ""


class Replicated(Shape, frozen=True):
    """A Deployment, StatefulSet, ReplicaSet, ReplicationController or DaemonSet."""

    metadata: Meta
    spec: ReplicatedSpec
    status: ReplicatedStatus = ReplicatedStatus()

    @property
    def held_back(self) -> str:
        """The revision of which pods are made anew that a partition keeps from the newest one.

        Source: Kubernetes `pkg/controller/statefulset` (`newVersionedStatefulSetPod`).
        """
        strategy, told = self.spec.update_strategy, self.status
        rolling = strategy and strategy.rolling_update
        kept = bool(rolling and rolling.partition) and self.spec.replicas != 0
        return (
            told.current_revision if kept and told.current_revision != told.update_revision else ""
        )


class Condition(Shape, frozen=True):
    """What holds of an object."""

    type: str
    status: str


class JobStatus(Shape, frozen=True):
    """How a job goes."""

    conditions: tuple[Condition, ...] = ()


class JobSpec(Shape, frozen=True):
    """What a job runs."""

    template: Template
    suspend: bool | None = False


class Job(Shape, frozen=True):
    """A job."""

    metadata: Meta
    spec: JobSpec
    status: JobStatus = JobStatus()


class JobTemplate(Shape, frozen=True):
    """What jobs are made after."""

    spec: JobSpec


class CronJobSpec(Shape, frozen=True):
    """What runs when."""

    schedule: str
    job_template: JobTemplate
    time_zone: str | None = None
    suspend: bool | None = False


class CronJob(Shape, frozen=True):
    """A job on a schedule."""

    metadata: Meta
    spec: CronJobSpec


class RevisionSpec(Shape, frozen=True):
    """What a controller revision keeps of its owner's spec."""

    template: Template = Template()


class RevisionData(Shape, frozen=True):
    """A StatefulSet's or DaemonSet's former spec, as a patch."""

    spec: RevisionSpec = RevisionSpec()


class Revision(Shape, frozen=True):
    """A ControllerRevision; of other controllers than Kubernetes' own its data may be anything."""

    metadata: Meta
    revision: int = 0
    data: Raw = Raw(b"null")
