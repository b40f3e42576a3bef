"""What do the pods want that are there, and what do they run?"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Final

from exporter.facts.use import ReferenceClass
from exporter.sources.cluster.objects.pod import Container, ContainerStatus, Pod
from exporter.sources.cluster.owners import Owners
from exporter.sources.cluster.want import Want, excess

_ENDED: Final = frozenset({"Succeeded", "Failed"})
"""Phases that no pod leaves: whoever wants its work done makes another."""


def of_pods(pods: Iterable[Pod], owners: Owners) -> Iterator[Want]:
    """Return the wish of every container that runs, or would be started again."""
    for pod in pods:
        if pod.status.phase not in _ENDED and pod.metadata.deletion_timestamp is None:
            yield from _of_pod(pod, owners)


def _of_pod(pod: Pod, owners: Owners) -> Iterator[Want]:
    spec, status = pod.spec, pod.status
    workload = owners.top("Pod", pod.metadata)
    if too_much := excess(spec):
        yield Want(workload, "", ReferenceClass.LIVE, excess=too_much)
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
        yield Want(
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
            yield Want(workload, image, ReferenceClass.LIVE, spec, spec.node_name, stays=stays)


def _goes_on(ephemeral: Container, told: dict[str, ContainerStatus]) -> bool:
    """An ephemeral container is started once, and never again."""
    state = told.get(ephemeral.name)
    return state is None or state.state.terminated is None
