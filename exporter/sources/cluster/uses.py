"""Image uses of a cluster: one for each workload, image and class."""

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Final

from exporter.facts.gap import Gap, Reason, Scope
from exporter.facts.use import Nodes, ReferenceClass, Use, Workload
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Reference
from exporter.ports import Listing
from exporter.sources.cluster.images import PodImage
from exporter.sources.cluster.memory import ClusterMemory
from exporter.sources.cluster.names import reference
from exporter.sources.cluster.nodes import ClusterNodes, spec_key
from exporter.sources.cluster.platforms import Stated, allows, only_by_platform, stated

_BARE: Final = re.compile(r"[0-9a-f]{64}")


def no_login(_: PodImage) -> str:
    """Return the credentials of an image where they are not looked at."""
    return ""


def merged(
    images: Iterable[PodImage],
    nodes: ClusterNodes,
    login: Callable[[PodImage], str] = no_login,
    memory: ClusterMemory | None = None,
) -> Listing[Use]:
    """Put together what belongs together; a text that is no reference is a gap of its own.

    `login` names the credentials with which an image would be pulled; `memory` knows where
    workloads ran lately.
    """
    groups: dict[tuple[Workload, str, ReferenceClass], list[PodImage]] = {}
    uses: list[Use] = []
    gaps: list[Gap] = []
    memory = memory or ClusterMemory(0.0)
    for each in images:
        if each.excess:
            subject = str(each.workload)
            gaps.append(Gap(Scope.REFERENCES, subject, Reason.TOO_LARGE, each.excess))
            continue
        placed = each.pod and nodes.placed(each.pod)
        known = each if placed is each.pod else replace(each, pod=placed)
        groups.setdefault((each.workload, each.image, each.reference_class), []).append(known)
    for (workload, text, _), every in groups.items():
        # What is made anew is made after a template: a pod outlives its node for a minute only.
        group = [each for each in every if not nodes.left(each.node)]
        if not group and workload.kind == "DaemonSet":
            continue
        group = group or every
        try:
            named = reference(text)
        except Malformed as error:
            gaps.append(Gap(Scope.REFERENCES, str(workload), Reason.MALFORMED, str(error)))
            continue
        wanted = _wanted(named, group, nodes, memory)
        uses += (_use(named, each, part, nodes, login) for each, part in wanted)
    return Listing(tuple(uses), tuple(gaps))


def _use(
    named: Reference,
    where: Nodes,
    group: list[PodImage],
    nodes: ClusterNodes,
    login: Callable[[PodImage], str],
) -> Use:
    first = group[0]
    told = {each.image_id for each in group}
    content = frozenset(filter(None, (running(each, named) for each in told)))
    return Use(
        owner=str(first.workload),
        reference=named,
        reference_class=first.reference_class,
        platforms=where.platforms,
        admitted=where.admitted,
        barred=where.barred,
        workload=first.workload,
        running=content,
        alive=sum(each.alive for each in group),
        failing_pulls=sum(each.failing for each in group),
        pull_error=next((each.pull_error for each in group if each.pull_error), ""),
        next_run=min((each.next_run for each in group if each.next_run), default=None),
        # Templates come before pods: what would be started counts, not what was.
        login=next(filter(None, map(login, group)), ""),
        holders=nodes.holders(named, content),
    )


def _wanted(
    named: Reference, group: list[PodImage], nodes: ClusterNodes, memory: ClusterMemory
) -> list[tuple[Nodes, list[PodImage]]]:
    """Part what a workload wants by its specs, where they differ in what they can be started on.

    What an old template can be started on must not stand for a new one.
    """
    specs: dict[bytes, list[PodImage]] = {}
    for each in group:
        specs.setdefault(spec_key(each.pod) if each.pod else b"", []).append(each)
    if len(specs) > 1:
        # A custom resource says nothing of nodes; what it makes does.
        silent = specs.pop(b"", [])
        next(iter(specs.values())).extend(silent)
        specs = _as_made(specs, nodes)
    parts: dict[Nodes, list[PodImage]] = {}
    for images in specs.values():
        parts.setdefault(_nodes(named, images, nodes, memory), []).extend(images)
    return list(parts.items()) if len(parts) == 1 else _joined(parts)


def _as_made(
    specs: dict[bytes, list[PodImage]], nodes: ClusterNodes
) -> dict[bytes, list[PodImage]]:
    """Put a template that does not tell its nodes to its pods that do, unless one is as it is."""
    kept = dict(specs)
    made = {key: each for key, each in specs.items() if any(one.is_made for one in each)}
    pods = {key: each[0].pod for key, each in made.items() if each[0].pod}
    for key in specs.keys() - made.keys():
        template = specs[key][0].pod
        if template and (shown := nodes.shown_by(pods.values(), template)):
            kept[spec_key(shown)] = [*kept[spec_key(shown)], *kept.pop(key)]
    return kept


def _joined(parts: dict[Nodes, list[PodImage]]) -> list[tuple[Nodes, list[PodImage]]]:
    """Put together the parts that are judged alike together and apart.

    Those that must run somewhere are: each platform counts by itself. One that only may run on
    some is lost where none of them is left, so it stands by itself unless it may run where others
    must.
    """
    firm, together = Nodes(), list[PodImage]()
    apart: dict[Nodes, list[PodImage]] = {}
    ordered = sorted(parts.items(), key=lambda part: not part[0].settled.platforms)
    for nodes, images in ordered:
        settled = nodes.settled
        if settled.platforms or settled.every & firm.platforms:
            firm = firm.also(settled)
            together += images
        else:
            apart.setdefault(nodes, []).extend(images)
    firm = Nodes(firm.platforms, firm.admitted - firm.platforms)
    return [*(((firm, together),) if together else ()), *apart.items()]


def _nodes(
    named: Reference, images: list[PodImage], nodes: ClusterNodes, memory: ClusterMemory
) -> Nodes:
    """Return where pods of one spec must and may be started.

    Where a pod is on a node that cannot be seen, all that its spec names counts, or nothing is
    known.
    """
    first = images[0]
    reach = nodes.reach(first.pod) if first.pod else nodes.anywhere()
    must = nodes.platforms({each.node for each in images if each.node})
    if must is None:
        said = stated(first.pod) if first.pod else Stated()
        return Nodes(said.platforms | reach.platforms, barred=said.barred)
    if must and all(each.stays for each in images):
        return Nodes(must)
    who = str(first.workload), str(named)
    must |= memory.ran(*who, must) & reach.every
    if first.pod and only_by_platform(first.pod):
        must |= {each for each in memory.before(*who) if allows(first.pod, each)}
    must |= reach.platforms
    if any(each.everywhere for each in images):
        must |= reach.admitted
    known = Nodes(must, reach.admitted - must)
    return known if known.known else reach


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
