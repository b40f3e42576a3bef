"""Image uses of a cluster: one for each workload, image and class."""

import re
from collections.abc import Callable, Iterable
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import ReferenceClass, Use, Workload
from exporter.oci.digest import Digest, Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.ports import Listing
from exporter.sources.cluster.images import PodImage
from exporter.sources.cluster.names import reference
from exporter.sources.cluster.nodes import ClusterNodes

_BARE: Final = re.compile(r"[0-9a-f]{64}")


def merged(
    images: Iterable[PodImage],
    nodes: ClusterNodes,
    login: Callable[[PodImage], str] = lambda _: "",
) -> Listing[Use]:
    """Put together what belongs together; a text that is no reference is a gap of its own.

    `login` names the credentials with which an image would be pulled.
    """
    groups: dict[tuple[Workload, str, ReferenceClass], list[PodImage]] = {}
    uses: list[Use] = []
    gaps: list[Gap] = []
    for each in images:
        if each.excess:
            subject = str(each.workload)
            gaps.append(Gap(Scope.REFERENCES, subject, Reason.TOO_LARGE, each.excess))
        else:
            groups.setdefault((each.workload, each.image, each.reference_class), []).append(each)
    for (workload, text, _), group in groups.items():
        try:
            uses.append(_use(reference(text), group, nodes, login))
        except Malformed as error:
            gaps.append(Gap(Scope.REFERENCES, str(workload), Reason.MALFORMED, str(error)))
    return Listing(tuple(uses), tuple(gaps))


def _use(
    named: Reference, group: list[PodImage], nodes: ClusterNodes, login: Callable[[PodImage], str]
) -> Use:
    first = group[0]
    platforms, admitted = _platforms(group, nodes)
    told = {each.image_id for each in group}
    content = frozenset(filter(None, (running(each, named) for each in told)))
    return Use(
        owner=str(first.workload),
        reference=named,
        reference_class=first.reference_class,
        platforms=platforms,
        admitted=admitted,
        workload=first.workload,
        running=content,
        alive=sum(each.alive for each in group),
        next_run=min((each.next_run for each in group if each.next_run), default=None),
        # Templates come before pods: what would be started counts, not what was.
        login=next(filter(None, map(login, group)), ""),
        holders=nodes.holders(named, content),
    )


def _platforms(
    group: list[PodImage], nodes: ClusterNodes
) -> tuple[frozenset[Platform], frozenset[Platform]]:
    """Return the platforms that must run it, and those on which it may be started besides.

    Both are empty where a pod is on a node that cannot be seen: then nothing is known.
    """
    must = nodes.platforms({each.node for each in group if each.node})
    if must is None:
        return frozenset(), frozenset()
    may = frozenset[Platform]()
    # Pods of one template share its spec, and that is looked at once.
    free = {id(each.pod): each for each in group if not (each.stays and must)}
    for each in free.values():
        if each.pod is not None:
            may |= nodes.admitted(each.pod)
            must |= nodes.admitted(each.pod) if each.everywhere else frozenset()
    return must, may - must


def running(image_id: str, wanted: Reference) -> Digest | None:
    """Read `imageID` of a container's status; None where it names no content.

    It is the digest that was pulled (an index's or an image's), or of the configuration where the
    image came without a registry: `docker-pullable://name@sha256:…` and `docker://sha256:…` of
    cri-dockerd, `name@sha256:…` and `sha256:…` of containerd, the bare identifier of CRI-O.

    A node that has the same image by several names tells the digest that one of them was pulled by
    (containerd `toCRIContainerStatus`): what another repository calls it says nothing of this one.
    """
    text = image_id.rpartition("://")[2]
    if _BARE.fullmatch(text):
        text = f"sha256:{text}"
    try:
        if "@" not in text:
            return Digest.parse(text)
        told = reference(text)
    except Malformed:
        return None
    same = (told.registry, told.repository) == (wanted.registry, wanted.repository)
    return told.digest if same else None
