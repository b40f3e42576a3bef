"""Images of pods and their templates, one for each container or volume."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.use import ReferenceClass, Workload
from exporter.screen import plain, without_credentials
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.objects import NEVER, Container, ContainerStatus, Pod, PodSpec

MOST_IMAGES: Final = 1_000
"""Maximum images of one object: containers and volumes together."""
_MOST_CONDITIONS: Final = 1_000
_MOST_SECRETS: Final = 100
_ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Final phases of a pod: a controller replaces it."""
_FAILED_PULLS: Final = frozenset({"ErrImagePull", "ImagePullBackOff"})
"""Reasons of a wait after a failed pull, which the node repeats."""
INJECTED: Final = "auto"
"""Image of a template whose pods get theirs from admission (istio.io, IST0146, read)."""
_LONGEST: Final = 4_000
"""Characters of a node's message that are parsed."""
_MOST_WORDS: Final = 300
"""Characters of it that are kept."""


@dataclass(frozen=True, slots=True)
class PodImage:
    """An image that one object needs."""

    workload: Workload
    image: str
    """The reference as written."""
    reference_class: ReferenceClass
    pod: PodSpec | None = None
    """Spec that decides where it may be started; None if unknown."""
    node: str = ""
    """Node of its pod."""
    image_id: str = ""
    """Image ID that its node reports."""
    alive: bool = False
    failing: bool = False
    """Did its node fail to pull it, and will retry? Set for one container of a pod."""
    pull_error: str = ""
    """Message of its node about that."""
    next_run: float | None = None
    is_made: bool = False
    """Is it a pod's, not a template's?"""
    everywhere: bool = False
    """Must every admitting node run it?"""
    stays: bool = False
    """Is it started on its own node only?"""
    excess: str = ""
    """List of the object that exceeds the limits; then `image` is empty."""


def of_template(
    workload: Workload,
    pod: PodSpec,
    reference_class: ReferenceClass,
    *,
    next_run: float | None = None,
    everywhere: bool = False,
) -> Iterator[PodImage]:
    """Return the images that pods of a template need."""
    if excess := _excess(pod):
        yield PodImage(workload, "", reference_class, excess=excess)
        return
    containers = (*pod.init_containers, *pod.containers)
    pulled = (each.image for each in containers if each.is_pulled)
    for image in dict.fromkeys((*pulled, *pod.image_volumes)):
        if image and image != INJECTED:
            yield PodImage(
                workload,
                image,
                reference_class,
                pod,
                pod.node_name,
                next_run=next_run,
                everywhere=everywhere,
                stays=bool(pod.node_name),
            )


def of_pods(pods: Iterable[Pod], owners: Owners) -> Iterator[PodImage]:
    """Return the images of containers that run, or that a node would start again."""
    for pod in pods:
        if pod.status.phase not in _ENDED and pod.metadata.deletion_timestamp is None:
            yield from _of_pod(pod, owners.top("Pod", pod.metadata))


def _of_pod(pod: Pod, workload: Workload) -> Iterator[PodImage]:
    spec, status = pod.spec, pod.status
    if excess := _excess(spec):
        yield PodImage(workload, "", ReferenceClass.LIVE, excess=excess)
        return
    # Nobody makes it anew where its node cannot run it: a pod of its own, a static one.
    stays = workload.kind == "Pod" and bool(spec.node_name)
    told = {
        each.name: each
        for each in (
            *status.init_container_statuses,
            *status.container_statuses,
            *status.ephemeral_container_statuses,
        )
    }
    errors = dict(_pull_errors(pod, told))
    for container in _startable(spec, told):
        state = told.get(container.name)
        yield PodImage(
            workload,
            container.image,
            ReferenceClass.LIVE,
            spec,
            spec.node_name,
            state.image_id if state else "",
            alive=state is not None and state.state.running is not None,
            failing=container.image in errors,
            pull_error=errors.pop(container.image, ""),
            is_made=True,
            stays=stays,
        )
    for image in spec.image_volumes:
        yield PodImage(
            workload,
            image,
            ReferenceClass.LIVE,
            spec,
            spec.node_name,
            failing=image in errors,
            pull_error=errors.pop(image, ""),
            is_made=True,
            stays=stays,
        )


def _startable(spec: PodSpec, told: Mapping[str, ContainerStatus]) -> Iterator[Container]:
    """Yield the containers that run, or may be started (again) by a pull.

    Of those that ended, an ephemeral one is never started again, nor one that is not restarted.
    Source: Kubernetes v1.34, `pkg/kubelet/kuberuntime` (`computePodActions`).
    """
    ended = {name for name, each in told.items() if each.state.terminated is not None}
    for each in (*spec.init_containers, *spec.containers):
        once = (each.restart_policy or spec.restart_policy) == NEVER
        if each.is_pulled and not (once and each.name in ended):
            yield each
    for each in spec.ephemeral_containers:
        if each.is_pulled and each.name not in ended:
            yield each


def _pull_errors(pod: Pod, told: Mapping[str, ContainerStatus]) -> Iterator[tuple[str, str]]:
    """Yield the images that the pod's node failed to pull, and what it said.

    A container waits for the images of volumes as well, with the same reason: then only the node's
    words tell which image it is. Source: Kubernetes v1.34, `pkg/kubelet/images/types.go`.
    """
    volumes = pod.spec.image_volumes
    for container in (*pod.spec.init_containers, *pod.spec.containers):
        state = told.get(container.name)
        waiting = state and state.state.waiting
        if not waiting or waiting.reason not in _FAILED_PULLS:
            continue
        for image in (container.image, *volumes) if volumes else (container.image,):
            if not volumes or f'"{image}"' in waiting.message:
                yield image, _said(waiting.message)


def _said(message: str) -> str:
    """Return a node's message in one printable line, without the query of an address."""
    known = message[:_LONGEST].rpartition(": ErrImagePull: ")[2]
    if known.startswith("Back-off pulling image "):
        return ""  # it names no cause
    words = without_credentials(" ".join(known.split()))
    return plain(words if len(words) <= _MOST_WORDS else f"{words[:_MOST_WORDS]}…")


def _excess(pod: PodSpec) -> str:
    """Say of what a pod has more than any has in earnest; empty where it is of nothing.

    Whoever makes an object chooses how long its lists are, and one must not take all the time.
    """
    images = (pod.containers, pod.init_containers, pod.ephemeral_containers, pod.volumes)
    if sum(map(len, images)) > MOST_IMAGES:
        return f"more than {MOST_IMAGES} containers and volumes"
    terms = pod.node_terms or ()
    conditions = (each for term in terms for each in (*term.match_expressions, *term.match_fields))
    chosen = len(pod.node_selector) + len(pod.tolerations) + len(terms)
    if chosen + sum(1 + len(each.values) for each in conditions) > _MOST_CONDITIONS:
        return f"more than {_MOST_CONDITIONS} conditions on nodes"
    if len(pod.image_pull_secrets) > _MOST_SECRETS:
        return f"more than {_MOST_SECRETS} pull secrets"
    return ""
