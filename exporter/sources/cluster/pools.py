"""Node pools: the nodes that an autoscaler may start, also where none is there now."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.sources.cluster.objects import (
    LabelledMeta,
    Machines,
    Node,
    NodePool,
    NodeSelectorRequirement,
    NodeSpec,
    PodSpec,
    Taint,
)

_ARCH, _OS = "kubernetes.io/arch", "kubernetes.io/os"
_ANY: Final = ("amd64", "arm64")
"""Architectures of a NodePool that names none. Source: Karpenter, FAQ (mixed architectures)."""
_DEFAULT: Final = "amd64"
"""Of a Cluster API group that names none: the autoscaler's `CAPI_SCALE_ZERO_DEFAULT_ARCH`."""
_KNOWN: Final = ("kubernetes.io", "k8s.io", "karpenter.sh", "karpenter.k8s.aws")
"""Domains of labels that nodes have although their pool does not name them."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes that may be started, all of one platform."""

    platform: Platform
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    requirements: tuple[NodeSelectorRequirement, ...] = ()
    """What else their labels will fulfil (Karpenter)."""

    def node(self, pod: PodSpec) -> Node:
        """Return the node of this pool that suits a pod best."""
        labels = {key: value for key, value in _wanted(pod) if self._may_have(key, value)}
        return Node(LabelledMeta(labels={**labels, **self.labels}), NodeSpec(self.taints))

    def _may_have(self, key: str, value: str) -> bool:
        for each in self.requirements:
            if each.key == key:
                if each.operator == "In":
                    return value in each.values
                return each.operator != "NotIn" or value not in each.values
        domain = key.rpartition("/")[0]
        return any(domain == each or domain.endswith(f".{each}") for each in _KNOWN)


def _wanted(pod: PodSpec) -> Iterator[tuple[str, str]]:
    for term in pod.node_terms or ():
        for each in term.match_expressions:
            if each.operator == "In":
                yield from ((each.key, value) for value in each.values)
    yield from pod.node_selector.items()


def of_karpenter(pools: Iterable[NodePool]) -> Iterator[Pool]:
    """Return the platforms of NodePools (karpenter.sh/v1), with their labels and taints."""
    for each in pools:
        meta, spec = each.spec.template.metadata, each.spec.template.spec
        required = {one.key: one.values for one in spec.requirements if one.operator == "In"}
        fixed = dict(meta.labels)
        named = (fixed[_ARCH],) if _ARCH in fixed else required.get(_ARCH, _ANY)
        systems = (fixed[_OS],) if _OS in fixed else required.get(_OS, ("linux",))
        for arch, system in product(named, systems):
            labels = fixed | {_ARCH: arch, _OS: system}
            yield from _pool(system, arch, labels, spec.taints, spec.requirements)


def of_machines(groups: Iterable[Machines]) -> Iterator[Pool]:
    """Return the platforms of node groups of the Cluster API that are scaled from zero.

    Source: cluster-autoscaler, `cloudprovider/clusterapi` (README, Scale from zero support).
    """
    for each in groups:
        marks = each.metadata.annotations
        if not (marks.labels or marks.taints or marks.most):
            continue  # the autoscaler does not manage it
        pairs = (one.partition("=") for one in marks.labels.split(",") if "=" in one)
        labels = {key.strip(): value.strip() for key, _, value in pairs}
        arch, system = labels.get(_ARCH, _DEFAULT), labels.get(_OS, "linux")
        labels |= {_ARCH: arch, _OS: system}
        yield from _pool(system, arch, labels, tuple(_taints(marks.taints)), ())


def _taints(text: str) -> Iterator[Taint]:
    """Read `key=value:effect,…`."""
    for each in text.split(","):
        named, _, effect = each.strip().rpartition(":")
        key, _, value = named.partition("=")
        if key:
            yield Taint(key, value, effect)


def _pool(
    system: str,
    arch: str,
    labels: Mapping[str, str],
    taints: tuple[Taint, ...],
    requirements: tuple[NodeSelectorRequirement, ...],
) -> Iterator[Pool]:
    try:
        platform = Platform.of(system, arch)
    except Malformed:
        return  # what names no platform starts no node
    if platform.os and platform.architecture:
        yield Pool(platform, labels, taints, requirements)
