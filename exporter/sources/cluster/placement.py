"""On which nodes may a pod be started, as the scheduler decides it by labels and taints?"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from exporter.sources.cluster.objects.node import Node, Taint
    from exporter.sources.cluster.objects.pod import PodSpec, Requirement, Term, Toleration

_PASSING: Final = frozenset(
    {
        "node.kubernetes.io/not-ready",
        "node.kubernetes.io/unreachable",
        "node.kubernetes.io/unschedulable",
        "node.kubernetes.io/memory-pressure",
        "node.kubernetes.io/disk-pressure",
        "node.kubernetes.io/pid-pressure",
        "node.kubernetes.io/network-unavailable",
        "node.kubernetes.io/out-of-service",
        "node.cloudprovider.kubernetes.io/uninitialized",
        "node.cloudprovider.kubernetes.io/shutdown",
    }
)
"""Taints that say how a node does right now: they pass, and DaemonSets tolerate most of them.

Source: Kubernetes `api/core/v1/well_known_taints.go`, `cloud-provider/api/well_known_taints.go`.
"""
_BARRING: Final = frozenset({"NoSchedule", "NoExecute"})
_NAME: Final = "metadata.name"
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
"""As Go's `ParseInt` takes them: with no underscores, which a label may have."""


def admits(node: Node, pod: PodSpec) -> bool:
    """May the pod be started on this node, once it is well?

    Source: Kubernetes `component-helpers/scheduling/corev1` (nodeaffinity, helpers). Resources,
    pod affinity and topology are left aside: they pass too.
    """
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in pod.node_selector.items()):
        return False
    if pod.os is not None and pod.os.name not in ("", node.status.node_info.operating_system):
        return False
    return _drawn(node, pod) and all(_tolerated(taint, pod.tolerations) for taint in _bars(node))


def _bars(node: Node) -> list[Taint]:
    return [
        taint
        for taint in node.spec.taints
        if taint.effect in _BARRING and taint.key not in _PASSING
    ]


def _tolerated(taint: Taint, tolerations: tuple[Toleration, ...]) -> bool:
    return any(_tolerates(each, taint) for each in tolerations)


def _tolerates(toleration: Toleration, taint: Taint) -> bool:
    if toleration.effect not in ("", taint.effect):
        return False
    if not toleration.key:
        return toleration.operator == "Exists"
    if toleration.key != taint.key:
        return False
    if toleration.operator in ("", "Equal"):
        return toleration.value == taint.value
    return True  # Exists; one that is newer than these lines may admit, so it does


def _drawn(node: Node, pod: PodSpec) -> bool:
    affinity = pod.affinity and pod.affinity.node_affinity
    if not affinity or affinity.required is None:
        return True
    return any(_holds(term, node) for term in affinity.required.node_selector_terms or ())


def _holds(term: Term, node: Node) -> bool:
    """Do all conditions of a term hold? One without any matches no node."""
    if not term.match_expressions and not term.match_fields:
        return False
    fields = {_NAME: node.metadata.name}
    return all(_matches(each, node.metadata.labels) for each in term.match_expressions) and all(
        _matches(each, fields) for each in term.match_fields
    )


def _matches(condition: Requirement, labels: Mapping[str, str]) -> bool:
    value = labels.get(condition.key)
    match condition.operator:
        case "In":
            return value in condition.values
        case "NotIn":
            return value not in condition.values
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case "Gt" | "Lt":
            return _compares(value, condition)
    return False


def _compares(value: str | None, condition: Requirement) -> bool:
    """Compare as whole numbers; what is none matches nothing."""
    texts = (value or "", *condition.values[:1])
    if not all(map(_NUMBER.fullmatch, texts)) or len(texts) == 1:
        return False
    left, right = map(int, texts)
    return left > right if condition.operator == "Gt" else left < right
