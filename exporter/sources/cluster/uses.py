"""Image uses of a cluster: one for each workload, image and class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.use import ReferenceClass, Use, Workload
from exporter.oci.digest import Digest, Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference
from exporter.ports import Listing
from exporter.sources.cluster.gaps import Gaps
from exporter.sources.cluster.images import PodImage
from exporter.sources.cluster.nodes import ClusterNodes
from exporter.sources.cluster.text import reference

Key = tuple["Workload", str, "ReferenceClass"]


def no_login(_: PodImage) -> str:
    """Say nothing of credentials."""
    return ""


def merged(
    cluster: str,
    wants: Iterable[PodImage],
    fleet: ClusterNodes,
    login: Callable[[PodImage], str] = no_login,
) -> Listing[Use]:
    """Put together what belongs together; a text that is no reference is a gap of its own.

    `login` names the credentials with which a want would be pulled.
    """
    groups: dict[Key, list[PodImage]] = {}
    references, found = _References(Gaps(cluster, "images")), []
    for want in wants:
        if want.excess:
            references.gaps.add(str(want.workload), Reason.TOO_LARGE, want.excess)
            continue
        groups.setdefault((want.workload, want.image, want.reference_class), []).append(want)
    for key, group in groups.items():
        if named := references.read(key):
            found.append(_use(named, group, fleet, login))
    return Listing(tuple(found), references.gaps.all())


def _use(
    named: Reference, group: list[PodImage], fleet: ClusterNodes, login: Callable[[PodImage], str]
) -> Use:
    first = group[0]
    platforms, admitted = _platforms(group, fleet)
    told = {want.image_id for want in group}
    content = frozenset(filter(None, (running(each, named) for each in told)))
    return Use(
        owner=str(first.workload),
        reference=named,
        reference_class=first.reference_class,
        platforms=platforms,
        admitted=admitted,
        workload=first.workload,
        running=content,
        alive=sum(want.alive for want in group),
        next_run=min((want.next_run for want in group if want.next_run), default=None),
        # Templates come before pods: what would be started counts, not what was.
        login=next(filter(None, map(login, group)), ""),
        holders=fleet.holders(named, content),
    )


def _platforms(
    group: list[PodImage], fleet: ClusterNodes
) -> tuple[frozenset[Platform], frozenset[Platform]]:
    """Return the platforms that must run it, and those on which it may be started besides.

    Both are empty where a pod is on a node that cannot be seen: then nothing is known.
    """
    must = fleet.bound({want.node for want in group if want.node})
    if must is None:
        return frozenset(), frozenset()
    free = (want for want in group if not (want.stays and must))
    pods = {id(want.pod): want for want in free if want.pod is not None}
    for want in pods.values():
        if want.everywhere and want.pod is not None:
            must |= fleet.admitted(want.pod)
    may = frozenset[Platform]().union(
        *(fleet.admitted(want.pod) for want in pods.values() if want.pod is not None)
    )
    return must, may - must


@dataclass(slots=True)
class _References:
    """The texts that were read, each once, and those that are no references."""

    gaps: Gaps
    read_before: dict[str, Reference | Malformed] = field(default_factory=dict)

    def read(self, key: Key) -> Reference | None:
        workload, text, _ = key
        if text not in self.read_before:
            self.read_before[text] = _parsed(text)
        found = self.read_before[text]
        if isinstance(found, Malformed):
            self.gaps.add(str(workload), Reason.MALFORMED, str(found))
            return None
        return found


def _parsed(text: str) -> Reference | Malformed:
    try:
        return reference(text)
    except Malformed as error:
        return error


_BARE: Final = re.compile(r"[0-9a-f]{64}")


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
