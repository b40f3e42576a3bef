"""Where a spec names or excludes platforms, does a scheduler agree?"""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from exporter.oci.platform import Platform
from exporter.sources.cluster.nodes import ClusterNodes, admits
from exporter.sources.cluster.objects import Node, PodSpec
from exporter.sources.cluster.platforms import allows, stated
from tests.sources.cluster.made import read

Json = dict[str, Any]

ARCHES = ("amd64", "arm64", "s390x", "loong64", "mips")
SYSTEMS = ("linux", "windows", "freebsd")
KEYS = {
    "kubernetes.io/arch": ARCHES,
    "beta.kubernetes.io/arch": ARCHES,
    "kubernetes.io/os": SYSTEMS,
    "beta.kubernetes.io/os": SYSTEMS,
    "pool": ("web", "burst"),
    "cores": ("8", "64"),
}
OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


@st.composite
def conditions(draw: st.DrawFn) -> Json:
    key = draw(st.sampled_from(sorted(KEYS)))
    operator = draw(st.sampled_from(OPERATORS))
    many = {"In": 3, "NotIn": 3, "Gt": 1, "Lt": 1}.get(operator, 0)
    values = draw(st.lists(st.sampled_from(KEYS[key]), min_size=min(many, 1), max_size=many))
    return {"key": key, "operator": operator, "values": values}


@st.composite
def specs(draw: st.DrawFn) -> PodSpec:
    keys = draw(st.lists(st.sampled_from(sorted(KEYS)), unique=True, max_size=2))
    spec: Json = {"nodeSelector": {key: draw(st.sampled_from(KEYS[key])) for key in keys}}
    if draw(st.booleans()):
        terms = st.lists(conditions(), max_size=3).map(lambda all_: {"matchExpressions": all_})
        made = {"nodeSelectorTerms": draw(st.lists(terms, min_size=1, max_size=3))}
        required = {"requiredDuringSchedulingIgnoredDuringExecution": made}
        spec["affinity"] = {"nodeAffinity": required}
    if draw(st.booleans()):
        spec["os"] = {"name": draw(st.sampled_from(SYSTEMS[:2]))}
    return read(spec, PodSpec)


@st.composite
def nodes(draw: st.DrawFn) -> Node:
    arch, system = draw(st.sampled_from(ARCHES)), draw(st.sampled_from(SYSTEMS))
    labels = {f"{beta}kubernetes.io/arch": arch for beta in ("", "beta.")}
    labels |= {f"{beta}kubernetes.io/os": system for beta in ("", "beta.")}
    for key in ("pool", "cores"):
        if draw(st.booleans()):
            labels[key] = draw(st.sampled_from(KEYS[key]))
    info = {"architecture": arch, "operatingSystem": system}
    return read({"metadata": {"name": "n", "labels": labels}, "status": {"nodeInfo": info}}, Node)


@given(specs(), nodes())
def test_no_platform_is_excluded_whose_node_a_pod_may_be_started_on(
    pod: PodSpec, node: Node
) -> None:
    info = node.status.node_info
    platform = Platform.of(info.operating_system, info.architecture)
    said = stated(pod)

    if admits(node, pod):
        assert allows(pod, platform)
        assert platform not in said.barred
        if info.operating_system == "linux":  # what names no system means it
            assert not said.platforms or platform in said.platforms


@given(specs(), st.lists(nodes(), max_size=4), st.lists(nodes(), max_size=2))
def test_a_node_more_never_takes_a_platform_from_where_a_pod_may_be_started(
    pod: PodSpec, there: list[Node], more: list[Node]
) -> None:
    before = ClusterNodes(there, whole=True).admitted(pod)
    after = ClusterNodes([*there, *more], whole=True).admitted(pod)

    assert before <= after
