"""Who wants which image: one container's wish, before what belongs together is put together?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from exporter.facts.use import ReferenceClass, Workload
from exporter.sources.cluster.objects.pod import PodSpec

if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Want:
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
) -> Iterator[Want]:
    """Return what pods of a template would want."""
    for image in dict.fromkeys(images(pod)):
        if image:
            yield Want(
                workload,
                image,
                reference_class,
                pod,
                pod.node_name,
                next_run=next_run,
                everywhere=everywhere,
                stays=bool(pod.node_name),
            )
