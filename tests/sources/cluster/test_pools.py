"""Do the nodes count that an autoscaler may start, before there is one?"""

from __future__ import annotations

from collections import ChainMap
from itertools import product
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from exporter.facts.gap import Reason
from exporter.sources.cluster import resources
from exporter.sources.cluster.cluster import ClusterOptions
from exporter.sources.cluster.nodes import admits
from exporter.sources.cluster.objects import Node, NodePool, NodeSelectorRequirement, PodSpec
from exporter.sources.cluster.platforms import matches
from exporter.sources.cluster.pools import of_karpenter
from tests.placements import FLEET, TOLERATES_ARM, Placement, chosen
from tests.sources.cluster.api import Site, cluster
from tests.sources.cluster.made import read

if TYPE_CHECKING:
    from pathlib import Path

Json = dict[str, Any]
ARM = "linux/arm64"
_CAPACITY = "capacity.cluster-autoscaler.kubernetes.io"


def karpenter(*arches: str, taint: str = "", **labels: str) -> tuple[str, Json]:
    requirements = [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}]
    if arches:
        arch = {"key": "kubernetes.io/arch", "operator": "In", "values": list(arches)}
        requirements.append(arch)
    spec: Json = {"requirements": requirements}
    if taint:
        spec["taints"] = [{"key": taint, "value": "arm64", "effect": "NoSchedule"}]
    template = {"metadata": {"labels": labels}, "spec": spec}
    pool = {"metadata": {"name": "p"}, "spec": {"template": template}}
    return "/apis/karpenter.sh/v1/nodepools", pool


def machines(labels: str, taints: str = "") -> tuple[str, Json]:
    marks = {f"{_CAPACITY}/labels": labels, f"{_CAPACITY}/taints": taints}
    meta = {"name": "m", "namespace": "capi", "annotations": marks}
    return "/apis/cluster.x-k8s.io/v1beta1/machinedeployments", {"metadata": meta}


ANYWHERE = Placement("anywhere", "arm64", "", {}, ("x1",))


@pytest.mark.parametrize(
    ("pool", "case", "means"),
    [
        (karpenter("amd64", "arm64"), ANYWHERE, f"live warning may {ARM}"),
        (karpenter(), ANYWHERE, f"live warning may {ARM}"),
        (karpenter("amd64"), ANYWHERE, "live info"),
        (karpenter("arm64", taint="arch"), ANYWHERE, "live info"),
        (karpenter("arm64", taint="arch"), Placement("t", "arm64", "", TOLERATES_ARM, ("x1",)),
         f"live warning may {ARM}"),
        (karpenter("arm64", pool="burst"),
         Placement("p", "arm64", "", chosen(pool="burst"), ("",)), f"live critical must {ARM}"),
        (karpenter("arm64", pool="burst"),
         Placement("p", "amd64", "", chosen(pool="burst"), ("",)), "live info"),
        (karpenter("arm64"), Placement("o", "amd64", "", chosen(pool="other"), ("",)),
         "live critical must linux/amd64"),
        (karpenter("arm64"),
         Placement("z", "amd64", "", chosen(**{"topology.kubernetes.io/zone": "a"}), ("",)),
         "live info"),
        (machines("kubernetes.io/arch=arm64,pool=burst"), ANYWHERE, f"live warning may {ARM}"),
        (machines("kubernetes.io/arch=arm64,pool=burst"),
         Placement("p", "amd64", "", chosen(pool="burst"), ("",)), "live info"),
        (machines("kubernetes.io/arch=arm64", "arch=arm64:NoSchedule"), ANYWHERE, "live info"),
        (machines("pool=burst"), Placement("p", "arm64", "", chosen(pool="burst"), ("",)),
         "live info"),
    ],
)  # fmt: skip
def test_a_pool_at_zero_counts_as_its_nodes_would(
    pool: tuple[str, Json], case: Placement, means: str, tmp_path: Path
) -> None:
    site = Site()

    x1, x2, *_ = FLEET
    for each in (x1, x2):
        site.create(each)
    site.put(*pool)
    case.documents("shop", site.create)

    with cluster(site, tmp_path, ClusterOptions(pools=True)) as source:
        uses = source.uses()

    assert uses.complete
    assert case.outcome(uses.entries) == means


ARCH, ZONE, CPUS = "kubernetes.io/arch", "topology.kubernetes.io/zone", "karpenter.k8s.aws/cpus"
Condition = tuple[str, str, list[str]]


def required(*conditions: Condition) -> list[Json]:
    return [{"key": key, "operator": how, "values": of} for key, how, of in conditions]


def node_pool(*conditions: Condition, **more: Any) -> tuple[str, Json]:
    template = {
        "metadata": {"labels": {"pool": "p"}},
        "spec": {"requirements": required(*conditions)},
    }
    meta = {"name": "p"} | more.pop("metadata", {})
    spec = {"template": template} | more
    return "/apis/karpenter.sh/v1/nodepools", {"metadata": meta, "spec": spec}


def terms(*each: list[Json]) -> Json:
    made = {"nodeSelectorTerms": [{"matchExpressions": one} for one in each]}
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": made}}
    return {"affinity": affinity}


ARM_ONLY = (ARCH, "In", ["arm64"])
PINNED = chosen(pool="p")


@pytest.mark.parametrize(
    ("pool", "spec", "lost", "means"),
    [
        (node_pool((ARCH, "NotIn", ["arm64"])), {}, "arm64", "live info"),
        (node_pool((ARCH, "NotIn", ["amd64"])), PINNED, "amd64", "live info"),
        (node_pool((ARCH, "In", ["amd64", "arm64"]), (ARCH, "NotIn", ["arm64"])), {}, "arm64",
         "live info"),
        (node_pool((ARCH, "In", ["amd64", "arm64"]), ARM_ONLY), PINNED, "amd64", "live info"),
        (node_pool(ARM_ONLY, limits={"cpu": "0"}), {}, "arm64", "live info"),
        (node_pool(ARM_ONLY, limits={"cpu": 0}), PINNED, "arm64", f"live critical must {ARM}"),
        (node_pool(ARM_ONLY, limits={"memory": "0Gi"}), PINNED, "amd64", "live info"),
        (node_pool(ARM_ONLY, limits={"cpu": "1000", "nvidia.com/gpu": 0}), {}, "arm64",
         f"live warning may {ARM}"),
        (node_pool(ARM_ONLY, metadata={"deletionTimestamp": "2026-11-30T00:00:00Z"}), {}, "arm64",
         "live info"),
        (node_pool(ARM_ONLY), chosen(host="x1"), "arm64", "live info"),
        (node_pool(ARM_ONLY), chosen(**{"beta.kubernetes.io/arch": "amd64"}), "arm64", "live info"),
        (node_pool(ARM_ONLY, (ZONE, "In", ["a"])), terms(
            required((ZONE, "In", ["a"]), ("pool", "In", ["p"])),
            required((ZONE, "In", ["b"]), ("pool", "In", ["web"]))), "amd64", "live info"),
        (node_pool(ARM_ONLY, (ZONE, "In", ["a"])),
         terms(required((ZONE, "NotIn", ["a"]), ("pool", "Exists", []))), "arm64", "live info"),
        (node_pool(ARM_ONLY), terms(required((CPUS, "Gt", ["4"]), (CPUS, "Lt", ["6"]))), "amd64",
         "live info"),
        (node_pool(ARM_ONLY, (CPUS, "Lt", ["4"])), terms(required((CPUS, "Gt", ["8"]))), "arm64",
         f"live critical must {ARM}"),
    ],
)  # fmt: skip
def test_a_pool_starts_what_its_requirements_let_it_start(
    pool: tuple[str, Json], spec: Json, lost: str, means: str, tmp_path: Path
) -> None:
    site, case = Site(), Placement("p", lost, "", spec, ("x1" if "x1" in str(spec) else "",))
    site.create(FLEET[0])
    site.put(*pool)
    case.documents("shop", site.create)

    with cluster(site, tmp_path, ClusterOptions(pools=True)) as source:
        uses = source.uses()

    assert uses.complete
    assert case.outcome(uses.entries) == means


VALUES = {ZONE: ("a", "b"), CPUS: ("4", "8"), "team": ("x", "y")}
OTHERS = ("3", "5", "7", "9", "other")


@st.composite
def conditions(draw: st.DrawFn) -> Json:
    key = draw(st.sampled_from(sorted(VALUES)))
    numeric = ("Gt", "Lt") if key == CPUS else ()
    how = draw(st.sampled_from(("In", "NotIn", "Exists", "DoesNotExist", *numeric)))
    most = {"In": 2, "NotIn": 2, "Gt": 1, "Lt": 1}.get(how, 0)
    of = draw(st.lists(st.sampled_from(VALUES[key]), min_size=min(most, 1), max_size=most))
    return {"key": key, "operator": how, "values": of}


def possible(key: str, own: list[Json]) -> list[dict[str, str]]:
    """What a node that a pool starts may have of one label."""
    known = key != "team" or any(each["key"] == key for each in own)
    each = [{}, *({key: value} for value in (*VALUES[key], *OTHERS) if known)]
    told = [read(one, NodeSelectorRequirement) for one in own if one["key"] == key]
    return [labels for labels in each if all(matches(one, labels) for one in told)]


@given(st.lists(conditions(), max_size=3), st.lists(st.lists(conditions(), max_size=3), max_size=2))
def test_a_pool_suits_a_pod_exactly_if_some_node_of_it_would(
    own: list[Json], wanted: list[list[Json]]
) -> None:
    spec = {"requirements": [{"key": ARCH, "operator": "In", "values": ["arm64"]}, *own]}
    (pool,) = of_karpenter([read({"metadata": {}, "spec": {"template": {"spec": spec}}}, NodePool)])
    pod = read(terms(*wanted) if wanted else {}, PodSpec)
    nodes = [
        read({"metadata": {"labels": dict(ChainMap(*each))}}, Node)
        for each in product(*(possible(key, own) for key in VALUES))
    ]

    if nodes:
        assert any(admits(node, pod) for node in pool.nodes(pod)) == any(
            admits(node, pod) for node in nodes
        )


def test_where_no_kind_of_pool_is_served_that_is_told(tmp_path: Path) -> None:
    site = Site()
    site.unserved |= {f"/apis/{each.version}/{each.plural}" for each in resources.POOLS}
    kind = "nodepools.karpenter.sh"

    with cluster(site, tmp_path, ClusterOptions(pools=True)) as source:
        nothing = source.uses()
        site.unserved.remove("/apis/cluster.x-k8s.io/v1beta1/machinepools")
        some = source.uses()
    with cluster(site, tmp_path) as source:
        unasked = source.uses()

    assert [(gap.subject, gap.reason) for gap in nothing.gaps] == [
        (f"prod: {kind}", Reason.UNSUPPORTED)
    ]
    assert {each.kind for each in nothing.kinds if not each.up} == {kind}
    assert some.complete
    assert unasked.complete
