"""What does a pod ask for, or a template of pods, and what does a node say of it?"""

from __future__ import annotations

from msgspec import field

from exporter.sources.cluster.objects.meta import Meta, Name, Shape


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


class System(Shape, frozen=True):
    """The operating system that a pod states."""

    name: str = ""


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
    os: System | None = None
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
