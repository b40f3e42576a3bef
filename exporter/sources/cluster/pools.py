"""Node pools: the nodes that an autoscaler may start, also where none is there now."""

import re
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
    NodeInfo,
    NodePool,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    NodeSpec,
    NodeStatus,
    PodSpec,
    Taint,
)
from exporter.sources.cluster.platforms import matches

_ARCH, _OS = "kubernetes.io/arch", "kubernetes.io/os"
_ANY: Final = ("amd64", "arm64")
"""Architectures of a NodePool that names none. Source: Karpenter, FAQ (mixed architectures)."""
_DEFAULT: Final = "amd64"
"""Of a Cluster API group that names none: the autoscaler's `CAPI_SCALE_ZERO_DEFAULT_ARCH`."""
_KNOWN: Final = (
    *("kubernetes.io", "k8s.io", "karpenter.sh", "karpenter.k8s.aws", "karpenter.azure.com"),
    "eks.amazonaws.com",
)
"""Domains of labels that nodes have although their pool does not name them."""
_HOSTNAME: Final = "kubernetes.io/hostname"
"""What no pool can promise: a node that is started has a new name."""
_SOMETHING: Final = "?"
"""A value for a label that only has to exist."""
_NONE: Final = re.compile(r"0+(\.0*)?[A-Za-z]*")
"""A quantity of nothing."""
_LIMITED: Final = ("cpu", "memory", "nodes")
"""Limits that every node counts against. Source: Karpenter, NodePools (`spec.limits`)."""


@dataclass(frozen=True, slots=True)
class Pool:
    """Nodes that may be started, all of one platform."""

    platform: Platform
    labels: Mapping[str, str]
    taints: tuple[Taint, ...] = ()
    requirements: tuple[NodeSelectorRequirement, ...] = ()
    """What else their labels will fulfil (Karpenter)."""
    is_closed: bool = False
    """Does it start none until somebody changes it, as with a limit of zero?"""

    def nodes(self, pod: PodSpec) -> Iterator[Node]:
        """Yield the nodes of this pool that suit a pod best, one for each of its terms.

        Source: Karpenter `pkg/scheduling` (`Requirements.Compatible`).
        """
        selected = [
            NodeSelectorRequirement(key, "In", (value,)) for key, value in pod.node_selector.items()
        ]
        for term in pod.node_terms or (NodeSelectorTerm(),):
            labels = dict(self.labels)
            wanted = (*selected, *term.match_expressions)
            for key in {each.key for each in (*wanted, *self.requirements)} - labels.keys():
                value = self._value(key, [each for each in wanted if each.key == key])
                if value is not None:
                    labels[key] = value
            info = NodeInfo(self.platform.architecture, self.platform.os)
            yield Node(LabelledMeta(labels=labels), NodeSpec(self.taints), NodeStatus(info))

    def _value(self, key: str, wanted: list[NodeSelectorRequirement]) -> str | None:
        """Return the value of a label that suits best; None where a node does not have it."""
        own = [each for each in self.requirements if each.key == key]
        domain = key.rpartition("/")[0]
        known = any(domain == each or domain.endswith(f".{each}") for each in _KNOWN)
        if not own and (not known or key == _HOSTNAME):
            return None
        possible = [value for value in _values([*wanted, *own]) if _fulfils(key, value, own)]
        suiting = (value for value in possible if _fulfils(key, value, wanted))
        return next(suiting, possible[0] if possible else None)


def _fulfils(key: str, value: str | None, conditions: Iterable[NodeSelectorRequirement]) -> bool:
    labels = {} if value is None else {key: value}
    return all(matches(each, labels) for each in conditions)


def _values(conditions: Iterable[NodeSelectorRequirement]) -> list[str | None]:
    """Return values of a label; if any value fulfils the conditions, one of these does."""
    found: list[str | None] = []
    for each in conditions:
        if each.operator == "In":
            found += each.values
        elif each.operator in ("Gt", "Lt"):
            numbers = (int(value) for value in each.values if value.isdecimal())
            found += (str(number + step) for number in numbers for step in (1, -1))
    return [*found, _SOMETHING, None]


def of_karpenter(pools: Iterable[NodePool]) -> Iterator[Pool]:
    """Return the platforms of NodePools (karpenter.sh/v1), with their labels and taints."""
    for each in pools:
        meta, spec = each.spec.template.metadata, each.spec.template.spec
        fixed, required = dict(meta.labels), spec.requirements
        limits = (str(each.spec.limits.get(key, "")) for key in _LIMITED)
        closed = bool(each.metadata.deletion_timestamp) or any(map(_NONE.fullmatch, limits))
        arches = _allowed(_ARCH, fixed, required, _ANY)
        for arch, system in product(arches, _allowed(_OS, fixed, required, ("linux",))):
            labels = fixed | {_ARCH: arch, _OS: system}
            yield from _pool(labels, spec.taints, required, closed=closed)


def _allowed(
    key: str,
    labels: Mapping[str, str],
    required: Iterable[NodeSelectorRequirement],
    usual: tuple[str, ...],
) -> list[str]:
    """Return the values of a label that the nodes of a NodePool may have."""
    if key in labels:
        return [labels[key]]
    own = [each for each in required if each.key == key]
    named = dict.fromkeys(value for each in own if each.operator == "In" for value in each.values)
    return [value for value in named or usual if _fulfils(key, value, own)]


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
        taints, closed = tuple(_taints(marks.taints)), bool(_NONE.fullmatch(marks.most.strip()))
        yield from _pool(labels, taints, (), closed=closed)


def _taints(text: str) -> Iterator[Taint]:
    """Read `key=value:effect,…`."""
    for each in text.split(","):
        named, _, effect = each.strip().rpartition(":")
        key, _, value = named.partition("=")
        if key:
            yield Taint(key, value, effect)


def _pool(
    labels: dict[str, str],
    taints: tuple[Taint, ...],
    requirements: tuple[NodeSelectorRequirement, ...],
    *,
    closed: bool,
) -> Iterator[Pool]:
    try:
        platform = Platform.of(labels[_OS], labels[_ARCH])
    except Malformed:
        return  # what names no platform starts no node
    labels = labels | {f"beta.{key}": labels[key] for key in (_ARCH, _OS)}
    if platform.os and platform.architecture:
        yield Pool(platform, labels, taints, requirements, closed)
