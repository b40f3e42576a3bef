"""Kubernetes objects: the few fields that tell who needs which image, and where.

Source: Kubernetes API v1.34, core/v1, apps/v1, batch/v1. Whatever else an object has is skipped.
"""

from __future__ import annotations

from typing import Generic, TypeVar

from msgspec import UNSET, Raw, Struct, UnsetType, field


class ApiStruct(Struct, frozen=True, gc=False, rename="camel"):
    """The common form: camel case; no cycles, so nothing for the garbage collector."""


class OwnerReference(ApiStruct, frozen=True):
    """Who made an object, and ends with it."""

    kind: str
    name: str
    uid: str
    controller: bool = False


class Annotations(ApiStruct, frozen=True):
    """The annotations that are read."""

    mirror: str = field(default="", name="kubernetes.io/config.mirror")
    """A static pod: some node's own file made it."""
    revision: str = field(default="", name="deployment.kubernetes.io/revision")
    rollout: str = field(default="", name="rollout.argoproj.io/revision")


class ObjectMeta(ApiStruct, frozen=True):
    """What every object has."""

    name: str = ""
    namespace: str = ""
    uid: str = ""
    annotations: Annotations = Annotations()
    owner_references: tuple[OwnerReference, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None

    @property
    def controller(self) -> OwnerReference | None:
        """The one owner that would make it anew."""
        return next((each for each in self.owner_references if each.controller), None)


class LocalObjectReference(ApiStruct, frozen=True):
    """An object of the same namespace, by its name."""

    name: str = ""


class LabelledMeta(ObjectMeta, frozen=True):
    """Metadata with labels; for all other objects they are left out."""

    resource_version: str = ""
    """Changes whenever the object does."""
    labels: dict[str, str] = {}


class PartialObjectMetadata(ApiStruct, frozen=True):
    """An object of which only the metadata is asked for."""

    metadata: LabelledMeta


class Container(ApiStruct, frozen=True):
    """A container of a pod, of whatever kind."""

    name: str = ""
    image: str = ""


class ImageSource(ApiStruct, frozen=True):
    """A volume that is an image (KEP-4639)."""

    reference: str = ""


class Volume(ApiStruct, frozen=True):
    """A volume, as far as it is an image."""

    name: str = ""
    image: ImageSource | None = None


class NodeSelectorRequirement(ApiStruct, frozen=True):
    """One condition on a node's labels or fields."""

    key: str
    operator: str
    values: tuple[str, ...] = ()


class NodeSelectorTerm(ApiStruct, frozen=True):
    """Conditions that must all hold."""

    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(ApiStruct, frozen=True):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] | None = ()


class NodeAffinity(ApiStruct, frozen=True):
    """To which nodes a pod is drawn; only what is required counts."""

    required: NodeSelector | None = field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(ApiStruct, frozen=True):
    """To what a pod is drawn."""

    node_affinity: NodeAffinity | None = None


class Toleration(ApiStruct, frozen=True):
    """A taint that a pod puts up with."""

    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class PodSpec(ApiStruct, frozen=True):
    """What a pod, or a template of pods, asks for."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_name: str = ""
    node_selector: dict[str, str] = field(default_factory=dict)
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    os: LocalObjectReference | None = None
    service_account_name: str = ""
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()

    @property
    def secrets(self) -> list[str]:
        """The pull secrets that it names, in order."""
        return [each.name for each in self.image_pull_secrets if each.name]


class Fact(ApiStruct, frozen=True):
    """Something whose being there is all that counts."""


class ContainerState(ApiStruct, frozen=True):
    """What a container does."""

    running: Fact | None = None
    terminated: Fact | None = None


class ContainerStatus(ApiStruct, frozen=True):
    """What a node says of a container."""

    name: str
    image_id: str = field(default="", name="imageID")
    state: ContainerState = ContainerState()


class PodStatus(ApiStruct, frozen=True):
    """What a node says of a pod."""

    phase: str = ""
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(ApiStruct, frozen=True):
    """A pod."""

    metadata: ObjectMeta
    spec: PodSpec
    status: PodStatus = PodStatus()


class PodTemplate(ApiStruct, frozen=True):
    """What pods are made after."""

    spec: PodSpec = PodSpec()


class NodeInfo(ApiStruct, frozen=True):
    """What a node is."""

    architecture: str = ""
    operating_system: str = ""


class ContainerImage(ApiStruct, frozen=True):
    """An image that a node holds."""

    names: tuple[str, ...] | None = ()


class NodeStatus(ApiStruct, frozen=True):
    """What a kubelet says of its node."""

    node_info: NodeInfo = NodeInfo()
    images: tuple[ContainerImage, ...] = ()


class Taint(ApiStruct, frozen=True):
    """What keeps pods off a node."""

    key: str
    value: str = ""
    effect: str = ""


class NodeSpec(ApiStruct, frozen=True):
    """What is set for a node."""

    taints: tuple[Taint, ...] = ()


class Node(ApiStruct, frozen=True):
    """A node."""

    metadata: LabelledMeta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class RollingUpdate(ApiStruct, frozen=True):
    """How far a StatefulSet's update goes."""

    partition: int | None = 0
    """Pods before this one stay with the revision before."""


class UpdateStrategy(ApiStruct, frozen=True):
    """How pods follow a template that has changed."""

    rolling_update: RollingUpdate | None = None


class ControllerSpec(ApiStruct, frozen=True):
    """What keeps a number of pods alive."""

    template: PodTemplate | None = PodTemplate()
    replicas: int | None = 1
    update_strategy: UpdateStrategy | None = None


class ControllerStatus(ApiStruct, frozen=True):
    """Which revisions a StatefulSet makes its pods of, by their names."""

    current_revision: str = ""
    update_revision: str = ""


class Controller(ApiStruct, frozen=True):
    """A Deployment, StatefulSet, ReplicaSet, ReplicationController or DaemonSet."""

    metadata: ObjectMeta
    spec: ControllerSpec
    status: ControllerStatus = ControllerStatus()

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


class JobCondition(ApiStruct, frozen=True):
    """What holds of an object."""

    type: str
    status: str


class JobStatus(ApiStruct, frozen=True):
    """How a job goes."""

    conditions: tuple[JobCondition, ...] = ()


class JobSpec(ApiStruct, frozen=True):
    """What a job runs."""

    template: PodTemplate
    suspend: bool | None = False


class Job(ApiStruct, frozen=True):
    """A job."""

    metadata: ObjectMeta
    spec: JobSpec
    status: JobStatus = JobStatus()


class JobTemplate(ApiStruct, frozen=True):
    """What jobs are made after."""

    spec: JobSpec


class CronJobSpec(ApiStruct, frozen=True):
    """What runs when."""

    schedule: str
    job_template: JobTemplate
    time_zone: str | None = None
    suspend: bool | None = False


class CronJob(ApiStruct, frozen=True):
    """A job on a schedule."""

    metadata: ObjectMeta
    spec: CronJobSpec


class RevisionSpec(ApiStruct, frozen=True):
    """What a controller revision keeps of its owner's spec."""

    template: PodTemplate = PodTemplate()


class RevisionData(ApiStruct, frozen=True):
    """A StatefulSet's or DaemonSet's former spec, as a patch."""

    spec: RevisionSpec = RevisionSpec()


class ControllerRevision(ApiStruct, frozen=True):
    """A ControllerRevision; of other controllers than Kubernetes' own its data may be anything."""

    metadata: ObjectMeta
    revision: int = 0
    data: Raw = Raw(b"null")


class ServiceAccount(ApiStruct, frozen=True):
    """A ServiceAccount."""

    metadata: ObjectMeta
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()

    @property
    def secrets(self) -> list[str]:
        """The pull secrets that its pods get, in order."""
        return [each.name for each in self.image_pull_secrets if each.name]


class Secret(ApiStruct, frozen=True):
    """A Secret that keeps a Helm release, or logins."""

    metadata: ObjectMeta
    type: str = ""
    data: dict[str, str] = field(default_factory=dict)


Item = TypeVar("Item")


class ListMeta(ApiStruct, frozen=True):
    """Where a list stands."""

    resource_version: str = ""
    further: str = field(default="", name="continue")


class ObjectList(ApiStruct, Generic[Item], frozen=True):
    """A part of a list."""

    kind: str
    metadata: ListMeta
    items: tuple[Item, ...] | UnsetType | None = UNSET
