"""Images that pods and their templates need, one for each container or volume."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import chain
from typing import Final

from exporter.facts.use import ReferenceClass, Workload
from exporter.sources.cluster.objects import Container, ContainerStatus, Pod, PodSpec
from exporter.sources.cluster.owners import Owners

MOST_IMAGES: Final = 1_000
"""Images that one object may name: containers and volumes together."""
_MOST_CONDITIONS: Final = 1_000
_MOST_SECRETS: Final = 100


@dataclass(frozen=True, slots=True)
class PodImage:
    """One wish."""

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
    next_run: float | None = None
    everywhere: bool = False
    """Must every node run it that admits it?"""
    stays: bool = False
    """Is it started on its node, and nowhere else?"""
    excess: str = ""
    """Of what its object has too much to be read; then `image` is empty."""


def excess(pod: PodSpec) -> str:
    """Say of what a pod has more than any has in earnest; empty where it is of nothing.

    Whoever makes an object chooses how long its lists are, and one must not take all the time.
    """
    wanted = len(pod.containers) + len(pod.init_containers) + len(pod.ephemeral_containers)
    if wanted + len(pod.volumes) > MOST_IMAGES:
        return f"more than {MOST_IMAGES} containers and volumes"
    if len(pod.node_selector) + len(pod.tolerations) + _conditions(pod) > _MOST_CONDITIONS:
        return f"more than {_MOST_CONDITIONS} conditions on nodes"
    if len(pod.image_pull_secrets) > _MOST_SECRETS:
        return f"more than {_MOST_SECRETS} pull secrets"
    return ""


def _conditions(pod: PodSpec) -> int:
    affinity = pod.affinity and pod.affinity.node_affinity
    required = affinity and affinity.required
    terms = (required and required.node_selector_terms) or ()
    return len(terms) + sum(
        1 + len(each.values)
        for term in terms
        for each in (*term.match_expressions, *term.match_fields)
    )


def images(pod: PodSpec) -> Iterator[str]:
    """Return what a pod's containers and volumes pull; of a template no more is known."""
    for container in (*pod.init_containers, *pod.containers):
        yield container.image
    for volume in pod.volumes:
        if volume.image is not None:
            yield volume.image.reference


def of_template(
    workload: Workload,
    pod: PodSpec,
    reference_class: ReferenceClass,
    *,
    next_run: float | None = None,
    everywhere: bool = False,
) -> Iterator[PodImage]:
    """Return what pods of a template would want."""
    if too_much := excess(pod):
        yield PodImage(workload, "", reference_class, excess=too_much)
        return
    for image in dict.fromkeys(images(pod)):
        if image:
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


_ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases that no pod leaves: whoever wants its work done makes another."""


def of_pods(pods: Iterable[Pod], owners: Owners) -> Iterator[PodImage]:
    """Return the wish of every container that runs, or would be started again."""
    for pod in pods:
        if pod.status.phase not in _ENDED and pod.metadata.deletion_timestamp is None:
            yield from _of_pod(pod, owners)


def _of_pod(pod: Pod, owners: Owners) -> Iterator[PodImage]:
    spec, status = pod.spec, pod.status
    workload = owners.top("Pod", pod.metadata)
    if too_much := excess(spec):
        yield PodImage(workload, "", ReferenceClass.LIVE, excess=too_much)
        return
    # Nobody makes it anew where its node cannot run it: a pod of its own, a static one.
    stays = workload.kind == "Pod" and bool(spec.node_name)
    told = {
        each.name: each
        for each in chain(
            status.init_container_statuses,
            status.container_statuses,
            status.ephemeral_container_statuses,
        )
    }
    lasting = chain(spec.init_containers, spec.containers)
    passing = (each for each in spec.ephemeral_containers if _goes_on(each, told))
    for container in chain(lasting, passing):
        state = told.get(container.name)
        yield PodImage(
            workload,
            container.image,
            ReferenceClass.LIVE,
            spec,
            spec.node_name,
            state.image_id if state else "",
            alive=state is not None and state.state.running is not None,
            stays=stays,
        )
    for volume in spec.volumes:
        if volume.image is not None and volume.image.reference:
            image = volume.image.reference
            yield PodImage(workload, image, ReferenceClass.LIVE, spec, spec.node_name, stays=stays)


def _goes_on(ephemeral: Container, told: dict[str, ContainerStatus]) -> bool:
    """An ephemeral container is started once, and never again."""
    state = told.get(ephemeral.name)
    return state is None or state.state.terminated is None
