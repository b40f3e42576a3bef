"""Kubernetes objects: the fields that show which workload needs which image, and where.

Source: Kubernetes API v1.34, core/v1, apps/v1, batch/v1; classes and fields have its names. Other
fields are skipped.
"""

from typing import Final

from msgspec import Raw, Struct, field

NEVER: Final = "Never"
"""Of a pull policy: nodes use the cached image. Of a restart policy: started once."""


class ApiStruct(Struct, frozen=True, gc=False, rename="camel"):
    """Common form: camel case; no cycles, so nothing for the garbage collector."""


class OwnerReference(ApiStruct, frozen=True):
    kind: str
    name: str
    uid: str
    controller: bool = False


class Annotations(ApiStruct, frozen=True):
    revision: str = field(default="", name="deployment.kubernetes.io/revision")
    rollout: str = field(default="", name="rollout.argoproj.io/revision")


class ObjectMeta(ApiStruct, frozen=True):
    name: str = ""
    namespace: str = ""
    uid: str = ""
    annotations: Annotations = Annotations()
    owner_references: tuple[OwnerReference, ...] = ()
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None

    @property
    def controller(self) -> OwnerReference | None:
        """Is it the controller, which would create the object again?"""
        return next((each for each in self.owner_references if each.controller), None)


class LabelledMeta(ObjectMeta, frozen=True):
    """Metadata with labels; other objects are read without them."""

    resource_version: str = ""
    labels: dict[str, str] = {}

    @property
    def version(self) -> tuple[str, ...]:
        """Version of the content, unique among objects of a kind."""
        return self.namespace, self.name, self.uid, self.resource_version


class PartialObjectMetadata(ApiStruct, frozen=True):
    metadata: LabelledMeta


class LocalObjectReference(ApiStruct, frozen=True):
    name: str = ""


class Container(ApiStruct, frozen=True):
    name: str = ""
    image: str = ""
    image_pull_policy: str = ""
    restart_policy: str = ""

    @property
    def is_pulled(self) -> bool:
        """May its node request the image from a registry?"""
        return self.image_pull_policy != NEVER


class ImageVolumeSource(ApiStruct, frozen=True):
    """A volume that is an image (KEP-4639)."""

    reference: str = ""
    pull_policy: str = ""


class Volume(ApiStruct, frozen=True):
    image: ImageVolumeSource | None = None


class NodeSelectorRequirement(ApiStruct, frozen=True):
    key: str
    operator: str
    values: tuple[str, ...] = ()


class NodeSelectorTerm(ApiStruct, frozen=True):
    match_expressions: tuple[NodeSelectorRequirement, ...] = ()
    match_fields: tuple[NodeSelectorRequirement, ...] = ()


class NodeSelector(ApiStruct, frozen=True):
    node_selector_terms: tuple[NodeSelectorTerm, ...] | None = ()


class NodeAffinity(ApiStruct, frozen=True):
    required: NodeSelector | None = field(
        default=None, name="requiredDuringSchedulingIgnoredDuringExecution"
    )


class Affinity(ApiStruct, frozen=True):
    node_affinity: NodeAffinity | None = None


class Toleration(ApiStruct, frozen=True):
    key: str = ""
    operator: str = "Equal"
    value: str = ""
    effect: str = ""


class PodOS(ApiStruct, frozen=True):
    name: str = ""


class PodSpec(ApiStruct, frozen=True):
    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    ephemeral_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_name: str = ""
    node_selector: dict[str, str] = field(default_factory=dict)
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    os: PodOS | None = None
    runtime_class_name: str | None = None
    restart_policy: str = ""
    service_account_name: str = ""
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()

    @property
    def image_volumes(self) -> list[str]:
        """Volumes with images that its node may pull."""
        images = (each.image for each in self.volumes if each.image)
        return [each.reference for each in images if each.reference and each.pull_policy != NEVER]

    @property
    def node_terms(self) -> tuple[NodeSelectorTerm, ...] | None:
        """Required node affinity: at least one term must match; None without any."""
        affinity = self.affinity and self.affinity.node_affinity
        required = affinity and affinity.required
        return (required.node_selector_terms or ()) if required else None


class Present(ApiStruct, frozen=True):
    """An object whose existence alone counts."""


class ContainerStateWaiting(ApiStruct, frozen=True):
    reason: str = ""
    message: str = ""


class ContainerState(ApiStruct, frozen=True):
    waiting: ContainerStateWaiting | None = None
    running: Present | None = None
    terminated: Present | None = None


class ContainerStatus(ApiStruct, frozen=True):
    name: str
    image_id: str = field(default="", name="imageID")
    state: ContainerState = ContainerState()


class PodStatus(ApiStruct, frozen=True):
    phase: str = ""
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    ephemeral_container_statuses: tuple[ContainerStatus, ...] = ()


class Pod(ApiStruct, frozen=True):
    metadata: ObjectMeta
    spec: PodSpec
    status: PodStatus = PodStatus()


class PodTemplate(ApiStruct, frozen=True):
    spec: PodSpec = PodSpec()


class NodeInfo(ApiStruct, frozen=True):
    architecture: str = ""
    operating_system: str = ""


class ContainerImage(ApiStruct, frozen=True):
    names: tuple[str, ...] | None = ()


class NodeStatus(ApiStruct, frozen=True):
    node_info: NodeInfo = NodeInfo()
    images: tuple[ContainerImage, ...] = ()


class Taint(ApiStruct, frozen=True):
    key: str
    value: str = ""
    effect: str = ""


class NodeSpec(ApiStruct, frozen=True):
    taints: tuple[Taint, ...] = ()


class Node(ApiStruct, frozen=True):
    metadata: LabelledMeta
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class NodePoolNodeSpec(ApiStruct, frozen=True):
    requirements: tuple[NodeSelectorRequirement, ...] = ()
    taints: tuple[Taint, ...] = ()


class NodePoolTemplate(ApiStruct, frozen=True):
    metadata: LabelledMeta = LabelledMeta()
    spec: NodePoolNodeSpec = NodePoolNodeSpec()


class NodePoolSpec(ApiStruct, frozen=True):
    template: NodePoolTemplate = NodePoolTemplate()
    limits: dict[str, str | int | float] = field(default_factory=dict)


class NodePool(ApiStruct, frozen=True):
    """A Karpenter NodePool. Source: Karpenter, karpenter.sh v1 and v1beta1 (0.32 to 0.37), read."""

    metadata: ObjectMeta
    spec: NodePoolSpec = NodePoolSpec()


class CapacityAnnotations(ApiStruct, frozen=True):
    """Labels, taints and limit of a node group, for the autoscaler to start it from zero."""

    labels: str = field(default="", name="capacity.cluster-autoscaler.kubernetes.io/labels")
    taints: str = field(default="", name="capacity.cluster-autoscaler.kubernetes.io/taints")
    most: str = field(
        default="", name="cluster.x-k8s.io/cluster-api-autoscaler-node-group-max-size"
    )


class MachinesMeta(ApiStruct, frozen=True):
    name: str = ""
    namespace: str = ""
    annotations: CapacityAnnotations = CapacityAnnotations()


class Machines(ApiStruct, frozen=True):
    """A MachineDeployment or MachinePool. Source: Cluster API 1.14, v1beta2 and v1beta1, read."""

    metadata: MachinesMeta = MachinesMeta()


class Scheduling(ApiStruct, frozen=True):
    """Scheduling constraints that admission adds to the pods of a RuntimeClass."""

    node_selector: dict[str, str] = field(default_factory=dict)
    tolerations: tuple[Toleration, ...] = ()


class RuntimeClass(ApiStruct, frozen=True):
    metadata: ObjectMeta
    scheduling: Scheduling | None = None


class RollingUpdate(ApiStruct, frozen=True):
    partition: int | None = 0
    """Pods with a lower ordinal stay at the previous revision."""


class UpdateStrategy(ApiStruct, frozen=True):
    rolling_update: RollingUpdate | None = None


class ControllerSpec(ApiStruct, frozen=True):
    template: PodTemplate | None = PodTemplate()
    replicas: int | None = 1
    update_strategy: UpdateStrategy | None = None

    @property
    def pod(self) -> PodSpec:
        """Template of its pods; an empty one if it has none."""
        return self.template.spec if self.template else PodSpec()


class ControllerStatus(ApiStruct, frozen=True):
    """Names of the revisions of a StatefulSet's pods."""

    current_revision: str = ""
    update_revision: str = ""


class Controller(ApiStruct, frozen=True):
    """A Deployment, StatefulSet, ReplicaSet, ReplicationController or DaemonSet."""

    metadata: ObjectMeta
    spec: ControllerSpec
    status: ControllerStatus = ControllerStatus()

    @property
    def held_back(self) -> str:
        """An older revision that a partition still starts pods of; empty if there is none.

        Source: Kubernetes `pkg/controller/statefulset` (`newVersionedStatefulSetPod`).
        """
        rolling = self.spec.update_strategy and self.spec.update_strategy.rolling_update
        kept = bool(rolling and rolling.partition) and self.spec.replicas != 0
        current = self.status.current_revision
        return current if kept and current != self.status.update_revision else ""


class JobCondition(ApiStruct, frozen=True):
    type: str
    status: str


class JobStatus(ApiStruct, frozen=True):
    conditions: tuple[JobCondition, ...] = ()


class JobSpec(ApiStruct, frozen=True):
    template: PodTemplate
    suspend: bool | None = False
    parallelism: int | None = 1

    @property
    def makes_none(self) -> bool:
        """Does it create no pods until somebody changes it?"""
        return bool(self.suspend) or self.parallelism == 0


class Job(ApiStruct, frozen=True):
    metadata: ObjectMeta
    spec: JobSpec
    status: JobStatus = JobStatus()


class JobTemplate(ApiStruct, frozen=True):
    spec: JobSpec


class CronJobSpec(ApiStruct, frozen=True):
    schedule: str
    job_template: JobTemplate
    time_zone: str | None = None
    suspend: bool | None = False


class CronJob(ApiStruct, frozen=True):
    metadata: ObjectMeta
    spec: CronJobSpec


class RevisionData(ApiStruct, frozen=True):
    """Previous spec of a StatefulSet or DaemonSet, as a patch."""

    spec: ControllerSpec = ControllerSpec()


class ControllerRevision(ApiStruct, frozen=True):
    metadata: ObjectMeta
    revision: int = 0
    data: Raw = Raw(b"null")
    """Other controllers than Kubernetes' own may store any value."""


class ServiceAccount(ApiStruct, frozen=True):
    metadata: ObjectMeta
    image_pull_secrets: tuple[LocalObjectReference, ...] = ()


class Secret(ApiStruct, frozen=True):
    type: str = ""
    data: dict[str, str] = field(default_factory=dict)


class HelmHook(ApiStruct, frozen=True):
    manifest: str = ""


class HelmRelease(ApiStruct, frozen=True):
    """Content of a Helm Secret."""

    manifest: str = ""
    hooks: Raw = Raw(b"null")
