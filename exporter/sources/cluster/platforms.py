"""Platforms that a pod's spec names or excludes, and conditions on the labels of nodes."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import product
from typing import Final

from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.sources.cluster import objects
from exporter.sources.cluster.objects import NodeSelectorRequirement, PodSpec

_ARCHITECTURES: Final = ("kubernetes.io/arch", "beta.kubernetes.io/arch")
_SYSTEMS: Final = ("kubernetes.io/os", "beta.kubernetes.io/os")
"""Labels that a kubelet gives its node. Source: Kubernetes, Well-Known Labels."""
_LABELS: Final = frozenset({*_ARCHITECTURES, *_SYSTEMS})
_COMMON: Final = frozenset(
    {*("amd64", "arm64", "arm", "386", "ppc64le", "s390x", "riscv64", "loong64", "mips64le")}
)
"""Architectures for which images are built."""
_LINUX, _WINDOWS = "linux", "windows"
_OTHER: Final = "?"
"""No valid label: a spec that excludes it names the values that it wants."""
_NUMBER: Final = re.compile(r"[+-]?[0-9]{1,19}")
"""Integers of Go's `ParseInt`, without underscores."""


@dataclass(frozen=True, slots=True)
class Stated:
    """Platforms in a spec."""

    platforms: frozenset[Platform] = frozenset()
    """Named platforms; empty without an architecture. The default system is Linux."""
    barred: frozenset[Platform] = frozenset()
    """Excluded platforms, if none is named."""


def stated(pod: PodSpec) -> Stated:
    """Return the platforms that selectors, required node affinity and `spec.os` name or exclude."""
    architectures = _COMMON | _named(pod, _ARCHITECTURES)
    systems = {_LINUX, _WINDOWS} | _named(pod, _SYSTEMS) | ({pod.os.name} if pod.os else set())
    systems -= {""}
    every = [(system, each) for system in systems for each in architectures]
    open_ = any(_allowed(pod, system, _OTHER) for system in systems)
    if not open_:
        any_system = any(_allowed(pod, _OTHER, each) for each in architectures)
        meant = {_LINUX} if any_system else systems
        wanted = (each for each in every if each[0] in meant and _allowed(pod, *each))
        if platforms := _platforms(wanted):
            return Stated(platforms)
    return Stated(barred=_platforms(each for each in every if not _allowed(pod, *each)))


def all_but(platforms: Iterable[Platform]) -> frozenset[Platform]:
    """Return the common platforms without some, which are in any variant."""
    kept = {(each.os, each.architecture) for each in platforms}
    return _platforms({*product((_LINUX, _WINDOWS), _COMMON)} - kept)


def allows(pod: PodSpec, platform: Platform) -> bool:
    """Does the spec not exclude a platform?"""
    return _allowed(pod, platform.os, platform.architecture)


def only_by_platform(pod: PodSpec) -> bool:
    """Does only the platform select the nodes of a pod? Taints are ignored."""
    if not pod.node_selector.keys() <= _LABELS:
        return False
    terms = pod.node_terms
    return terms is None or any(
        not term.match_fields and all(each.key in _LABELS for each in term.match_expressions)
        for term in terms
    )


def _allowed(pod: PodSpec, system: str, architecture: str) -> bool:
    labels = dict.fromkeys(_ARCHITECTURES, architecture) | dict.fromkeys(_SYSTEMS, system)
    if any(labels.get(key, value) != value for key, value in pod.node_selector.items()):
        return False
    if pod.os is not None and pod.os.name not in ("", system):
        return False
    terms = pod.node_terms
    return terms is None or any(_may_hold(term, labels) for term in terms)


def _may_hold(term: objects.NodeSelectorTerm, labels: Mapping[str, str]) -> bool:
    if not term.match_expressions and not term.match_fields:
        return False
    return all(matches(each, labels) for each in term.match_expressions if each.key in labels)


def _named(pod: PodSpec, keys: tuple[str, ...]) -> set[str]:
    found = {pod.node_selector[key] for key in keys if key in pod.node_selector}
    for term in pod.node_terms or ():
        for each in term.match_expressions:
            if each.key in keys:
                found.update(each.values)
    return found


def _platforms(pairs: Iterable[tuple[str, str]]) -> frozenset[Platform]:
    found = set()
    for system, architecture in pairs:
        try:
            platform = Platform.of(system, architecture)
        except Malformed:
            continue
        if platform.os and platform.architecture:
            found.add(platform)
    return frozenset(found)


def matches(condition: NodeSelectorRequirement, labels: Mapping[str, str]) -> bool:
    """Do labels fulfil a condition?

    Source: Kubernetes `component-helpers/scheduling/corev1/nodeaffinity`.
    """
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
            # Whole numbers; what is none matches nothing.
            texts = (value or "", *condition.values[:1])
            numbers = [int(text) for text in texts if _NUMBER.fullmatch(text)]
            ordered = numbers if condition.operator == "Lt" else numbers[::-1]
            return len(ordered) == len(texts) == 2 and ordered[0] < ordered[1]  # noqa: PLR2004 - both of them
    return False
