"""Kubernetes objects: the few fields that tell who needs which image, and where.

Source: Kubernetes API v1.34, core/v1, apps/v1, batch/v1. Whatever else an object has is skipped.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, field


class Shape(Struct, frozen=True, gc=False, rename="camel"):
    """The common form: camel case; no cycles, so nothing for the garbage collector."""


class Owner(Shape, frozen=True):
    """Who made an object, and ends with it."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Annotations(Shape, frozen=True):
    """The annotations that are read."""

    mirror: str = field(default="", name="kubernetes.io/config.mirror")
    """A static pod: some node's own file made it."""
    revision: str = field(default="", name="deployment.kubernetes.io/revision")
    rollout: str = field(default="", name="rollout.argoproj.io/revision")


class Meta(Shape, frozen=True):
    """What every object has."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    annotations: Annotations = Annotations()
    owner_references: tuple[Owner, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None

    @property
    def controller(self) -> Owner | None:
        """The one owner that would make it anew."""
        return next((each for each in self.owner_references if each.controller), None)


class Name(Shape, frozen=True):
    """An object of the same namespace, by its name."""

    name: str = ""


class Labelled(Meta, frozen=True):
    """Metadata with labels; for all other objects they are left out."""

    resource_version: str = ""
    """Changes whenever the object does."""
    labels: dict[str, str] = {}


class Named(Shape, frozen=True):
    """An object of which only the metadata is asked for."""

    metadata: Labelled


class Container(Shape, frozen=True):
    """A container of a pod, of whatever kind."""

    name: str = ""
    image: str = ""


class ImageSource(Shape, frozen=True):
    """A volume that is an image (KEP-4639)."""

    reference: str = ""


class Volume(Shape, frozen=True):
    """A volume, as far as it is an image."""

    name: str = ""
    image: ImageSource | None = None


class Requirement(Shape, frozen=True):
    """One condition on a node's labels or fields."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class Term(Shape, frozen=True):
    """Conditions that must all hold."""

    match_expressions: tuple[Requirement, ...] = ()
    match_fields: tuple[Requirement, ...] = ()


class NodeSelector(Shape, frozen=True):
    """Terms of which one must hold."""

    node_selector_terms: tuple[Term, ...] | None = ()


class NodeAffinity(Shape, frozen=True):
    """To which nodes a pod is drawn; only what is required counts."""

    required: NodeSelector | None = field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(Shape, frozen=True):
    """To what a pod is drawn."""

    node_affinity: NodeAffinity | None = None


class Toleration(Shape, frozen=True):
    """A taint that a pod puts up with."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class PodSpec(Shape, frozen=True):
    """What a pod, or a template of pods, asks for."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_name: str = ""
    node_selector: dict[str, str] = field(default_factory=dict)
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    os: Name | None = None
    service_account_name: str = ""
    image_pull_secrets: tuple[Name, ...] = ()

    @property
    def secrets(self) -> list[str]:
        """The pull secrets that it names, in order."""
        return [each.name for each in self.image_pull_secrets if each.name]


class Fact(Shape, frozen=True):
    """Something whose being there is all that counts."""


class ContainerState(Shape, frozen=True):
    """What a container does."""

    running: Fact | None = None
    terminated: Fact | None = None


class ContainerStatus(Shape, frozen=True):
    """What a node says of a container."""

    name: str
    image_id: str = field(default="", name="imageID")
    state: ContainerState = ContainerState()


class PodStatus(Shape, frozen=True):
    """What a node says of a pod."""

    phase: str = ""
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(Shape, frozen=True):
    """A pod."""

    metadata: Meta
    spec: PodSpec
    status: PodStatus = PodStatus()


class Template(Shape, frozen=True):
    """What pods are made after."""

    spec: PodSpec = PodSpec()


class NodeInfo(Shape, frozen=True):
    """What a node is."""

    architecture: str = ""
    operating_system: str = ""


class Held(Shape, frozen=True):
    """An image that a node holds."""

    names: tuple[str, ...] | None = ()


class NodeStatus(Shape, frozen=True):
    """What a kubelet says of its node."""

    node_info: NodeInfo = NodeInfo()
    images: tuple[Held, ...] = ()


class Taint(Shape, frozen=True):
    """What keeps pods off a node."""

    key: str
    value: str = ""
    effect: str = ""


class NodeSpec(Shape, frozen=True):
    """What is set for a node."""

    taints: tuple[Taint, ...] = ()


class Node(Shape, frozen=True):
    """A node."""

    metadata: Labelled
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


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


class Account(Shape, frozen=True):
    """A ServiceAccount."""

    metadata: Meta
    image_pull_secrets: tuple[Name, ...] = ()

    @property
    def secrets(self) -> list[str]:
        """The pull secrets that its pods get, in order."""
        return [each.name for each in self.image_pull_secrets if each.name]


class Secret(Shape, frozen=True):
    """A Secret that keeps a Helm release, or logins."""

    metadata: Meta
    type: str = ""
    data: dict[str, str] = field(default_factory=dict)


Item = TypeVar("Item")


class PageMeta(Shape, frozen=True):
    """Where a list stands."""

    resource_version: str = ""
    further: str = field(default="", name="continue")


class Page(Shape, Generic[Item], frozen=True):
    """A part of a list."""

    kind: str
    metadata: PageMeta
    items: tuple[Item, ...] | UnsetType | None = UNSET
