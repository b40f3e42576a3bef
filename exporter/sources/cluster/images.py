"""Images that pods and their templates need, one for each container or volume."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from exporter.facts.use import ReferenceClass, Workload
from exporter.screen import plain, without_credentials
from exporter.sources.cluster.names import Owners
from exporter.sources.cluster.objects import NEVER, Container, ContainerStatus, Pod, PodSpec

MOST_IMAGES: Final = 1_000
"""Images that one object may name: containers and volumes together."""
_MOST_CONDITIONS: Final = 1_000
_MOST_SECRETS: Final = 100
_ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases that no pod leaves: whoever wants its work done makes another."""
_FAILED_PULLS: Final = frozenset({"ErrImagePull", "ImagePullBackOff"})
"""Reasons to wait, where the node asked the registry and will ask again."""
INJECTED: Final = "auto"
"""What a template names where admission gives its pods the image (istio.io, IST0146, read)."""
_LONGEST: Final = 4_000
"""Characters of a node's message that are looked at."""
_MOST_WORDS: Final = 300
"""Characters that are kept of it."""


@dataclass(frozen=True, slots=True)
class PodImage:
    """An image that one object needs."""

    workload: Workload
    image: str
    """The reference, as it was written."""
    reference_class: ReferenceClass
    pod: PodSpec | None = None
    """What decides where it may be started; None where that is not known."""
    node: str = ""
    """Where its pod is bound."""
    image_id: str = ""
    """What its node says that it runs."""
    alive: bool = False
    failing: bool = False
    """Did its node fail to pull it, and will try again? Of one pod, one container says so."""
    pull_error: str = ""
    """What its node said of that."""
    next_run: float | None = None
    is_made: bool = False
    """Is it a pod's, and no template's?"""
    everywhere: bool = False
    """Must every node run it that admits it?"""
    stays: bool = False
    """Is it started on its node, and nowhere else?"""
    excess: str = ""
    """Of what its object has too much to be read; then `image` is empty."""


def of_template(
    workload: Workload,
    pod: PodSpec,
    reference_class: ReferenceClass,
    *,
    next_run: float | None = None,
    everywhere: bool = False,
) -> Iterator[PodImage]:
    """Return what pods of a template would need."""
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
    """Return what every container needs that runs, or would be started again."""
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
    """Return a node's words in one printable line, without what a signed address may reveal."""
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
