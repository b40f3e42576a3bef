"""Nodes of a cluster: their platforms, admitted pods and cached images."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final

import msgspec

from exporter.facts.use import Holder, Nodes
from exporter.oci.digest import Digest, Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference, Repository, Tag
from exporter.sources.cluster import objects
from exporter.sources.cluster.names import plain, reference
from exporter.sources.cluster.objects import Node, NodeSelectorRequirement, PodSpec, Scheduling
from exporter.sources.cluster.platforms import all_but, allows, matches, only_by_platform, stated
from exporter.sources.cluster.pools import Pool

_CONDITIONS: Final = (
    *("not-ready", "unreachable", "unschedulable", "network-unavailable", "out-of-service"),
    *("memory-pressure", "disk-pressure", "pid-pressure"),
)
_PASSING: Final = frozenset(
    {
        *(f"node.kubernetes.io/{each}" for each in _CONDITIONS),
        *(f"node.cloudprovider.kubernetes.io/{each}" for each in ("uninitialized", "shutdown")),
    }
)
"""Taints of a node's current state: they pass, and DaemonSets tolerate most of them.

Source: Kubernetes `api/core/v1/well_known_taints.go`, `cloud-provider/api/well_known_taints.go`.
"""
_FEW: Final = 3
"""Maximum nodes that are named for one image."""
_BARRING: Final = frozenset({"NoSchedule", "NoExecute"})
_NAME: Final = "metadata.name"

NO_RUNTIMES: Final[Mapping[str, Scheduling]] = {}

ImageName = tuple[str, Repository, Tag | Digest]


def admits(node: Node, pod: PodSpec) -> bool:
    """May the pod be started on this node, once it is ready?

    Source: Kubernetes `component-helpers/scheduling/corev1` (nodeaffinity, helpers). Resources, pod
    affinity and topology are ignored: they pass too.
    """
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in pod.node_selector.items()):
        return False
    if pod.os is not None and pod.os.name not in ("", node.status.node_info.operating_system):
        return False
    terms = pod.node_terms
    if terms is not None and not any(_holds(term, node) for term in terms):
        return False
    bars = (each for each in node.spec.taints if each.effect in _BARRING)
    return all(
        any(_tolerates(each, taint) for each in pod.tolerations)
        for taint in bars
        if taint.key not in _PASSING
    )


def _tolerates(toleration: objects.Toleration, taint: objects.Taint) -> bool:
    if toleration.effect not in ("", taint.effect):
        return False
    if not toleration.key:
        return toleration.operator == "Exists"
    if toleration.key != taint.key:
        return False
    if toleration.operator in ("", "Equal"):
        return toleration.value == taint.value
    # Exists, and since Kubernetes 1.35 (KEP-5471) Gt and Lt.
    wanted = NodeSelectorRequirement(taint.key, toleration.operator, (toleration.value,))
    return matches(wanted, {taint.key: taint.value})


def _holds(term: objects.NodeSelectorTerm, node: Node) -> bool:
    """Does a node fulfil all conditions of a term? An empty term matches no node."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {_NAME: node.metadata.name}
    return all(matches(each, node.metadata.labels) for each in term.match_expressions) and all(
        matches(each, fields) for each in term.match_fields
    )


class ClusterNodes:
    """Nodes of one cluster, and the platforms on which its pods must or may be started."""

    def __init__(  # noqa: PLR0913 - what nodes there are, were and may be, and what chooses them
        self,
        nodes: Sequence[Node],
        *,
        whole: bool,
        absent: Sequence[Node] = (),
        pools: Sequence[Pool] = (),
        always: frozenset[Platform] = frozenset(),
        runtimes: Mapping[str, Scheduling] = NO_RUNTIMES,
    ) -> None:
        """Take the nodes; `whole` says that one that is not among them is not there.

        `absent` are nodes that are not there now and may come back, `pools` those that may be
        started, `always` the platforms that must be servable whatever nodes there are, `runtimes`
        what each RuntimeClass adds to its pods.
        """
        self._pools, self._runtimes = pools, runtimes
        self._whole, self.always = whole, always
        self._nodes = [(node, _platform(node)) for node in nodes]
        self._possible = [*self._nodes, *((node, _platform(node)) for node in absent)]
        self._platforms = {node.metadata.name: platform for node, platform in self._nodes}
        self._held = _held(self._nodes)
        self._admitted: dict[bytes, frozenset[Platform]] = {}

    def platforms(self, names: Iterable[str]) -> frozenset[Platform] | None:
        """Return the platforms of these nodes; None where one of them is not known.

        A node that has left the cluster needs nothing any more.
        """
        found: set[Platform] = set()
        for name in names:
            platform = self._platforms.get(name)
            if platform is not None:
                found.add(platform)
            elif name in self._platforms or not self._whole:
                return None
        return frozenset(found)

    def placed(self, pod: PodSpec) -> PodSpec:
        """Return a template's spec as its pods have it, with what their RuntimeClass adds.

        Source: Kubernetes v1.34, `plugin/pkg/admission/runtimeclass` (`setScheduling`).
        """
        added = self._runtimes.get(pod.runtime_class_name or "")
        if added is None:
            return pod
        selector = {**pod.node_selector, **added.node_selector}
        new = tuple(each for each in added.tolerations if each not in pod.tolerations)
        if selector == pod.node_selector and not new:
            return pod
        tolerations = (*pod.tolerations, *new)
        return msgspec.structs.replace(pod, node_selector=selector, tolerations=tolerations)

    def left(self, name: str) -> bool:
        """Is it certain that no node of this name exists any more?"""
        return bool(name) and self._whole and name not in self._platforms

    def reach(self, pod: PodSpec) -> Nodes:
        """Return where a pod must be servable, and where else it may be started.

        Where no node admits it now, the pools tell that start none, or else its own spec; where
        none of them does, nothing is known, but for what the spec excludes.
        """
        admitted, said = self.admitted(pod), stated(pod)
        sure = not admitted or only_by_platform(pod)
        must = frozenset(each for each in self.always if sure and allows(pod, each))
        closed = frozenset[Platform]() if admitted else self._of_pools(pod, closed=True)
        return Nodes(must, (admitted or closed or said.platforms) - must, said.barred)

    def anywhere(self) -> Nodes:
        """Return where pods without a known spec are started: on nodes that exist, or may."""
        found = {platform for _, platform in self._possible}
        found |= {pool.platform for pool in self._pools}
        known = frozenset(each for each in found if each)
        if self.always or not self._whole or not known or len(known) < len(found):
            return Nodes(self.always)
        return Nodes(known) if len(known) == 1 else Nodes(barred=all_but(known))

    def shown_by(self, pods: Iterable[PodSpec], template: PodSpec) -> PodSpec | None:
        """Return a pod that shows where those of a template are started, if the template does not.

        Admission may add selectors and tolerations to pods: for a RuntimeClass that cannot be read,
        for devices (ExtendedResourceToleration), for a namespace, by a webhook. Where nodes cannot
        be seen, another template's pod is told from its own by the RuntimeClass alone.
        """
        told = self.reach(template)
        if told.known or not (self._whole or template.runtime_class_name):
            return None
        for pod in pods:
            if _adds_to(template, pod):
                shown = self.reach(pod)
                if shown.known or shown.barred > told.barred:
                    return pod
        return None

    def admitted(self, pod: PodSpec) -> frozenset[Platform]:
        """Return the platforms of all nodes on which a pod may be started."""
        key = spec_key(pod)
        if key not in self._admitted:
            found: set[Platform] = set()
            for node, platform in self._possible:
                if platform is not None and platform not in found and admits(node, pod):
                    found.add(platform)
            found |= self._of_pools(pod, closed=False)
            self._admitted[key] = frozenset(found)
        return self._admitted[key]

    def _of_pools(self, pod: PodSpec, *, closed: bool) -> frozenset[Platform]:
        return frozenset(
            pool.platform
            for pool in self._pools
            if pool.is_closed is closed and any(admits(node, pod) for node in pool.nodes(pod))
        )

    def admitted_nowhere(self, pod: PodSpec) -> bool:
        """Is it certain that no node admits a pod? Admitting needs no known platform."""
        return (
            self._whole
            and not self.admitted(pod)
            and not any(admits(node, pod) for node, _ in self._possible)
        )

    def holders(self, named: Reference, running: frozenset[Digest]) -> tuple[Holder, ...]:
        """Return the first few nodes that report an image, by its name or its content."""
        name = named.digest or named.tag
        where = (named.registry, named.repository)
        found: dict[str, Holder] = {}
        for each in (*running, *((name,) if name else ())):
            found |= self._held.get((*where, each), {})
        return tuple(found[node] for node in sorted(found)[:_FEW])


def _adds_to(template: PodSpec, pod: PodSpec) -> bool:
    """Has a pod all that chooses the nodes of a template, and perhaps more?"""
    return (
        pod.node_selector.items() >= template.node_selector.items()
        and all(each in pod.tolerations for each in template.tolerations)
        and template.affinity in (None, pod.affinity)
        and (template.os, template.runtime_class_name) == (pod.os, pod.runtime_class_name)
    )


def spec_key(pod: PodSpec) -> bytes:
    """Return a key that pods with the same admitting nodes share.

    Kubernetes adds tolerations of passing taints to each pod, which its template lacks.
    """
    tolerations = [each for each in pod.tolerations if each.key not in _PASSING]
    return msgspec.json.encode((pod.node_selector, pod.affinity, tolerations, pod.os))


def _platform(node: Node) -> Platform | None:
    """Return the platform of a node; None if it is not stated in full, as by virtual nodes."""
    told = node.status.node_info
    try:
        platform = Platform.of(told.operating_system, told.architecture)
    except Malformed:
        return None
    return platform if platform.os and platform.architecture else None


def _held(nodes: Iterable[tuple[Node, Platform | None]]) -> dict[ImageName, dict[str, Holder]]:
    held: dict[ImageName, dict[str, Holder]] = {}
    for node, platform in nodes:
        if platform is None:
            continue
        holder = Holder(plain(node.metadata.name), platform)
        for text in (text for image in node.status.images for text in image.names or ()):
            try:
                named = reference(text)
            except Malformed:  # some runtimes write `<none>` there
                continue
            if name := named.digest or named.tag:
                where = (named.registry, named.repository, name)
                held.setdefault(where, {})[holder.node] = holder
    return held
