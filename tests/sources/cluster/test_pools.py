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
from tests import placements
from tests.placements import FLEET, TOLERATES_ARM, Placement, chosen
from tests.sources.cluster.api import Site, cluster
from tests.sources.cluster.made import read

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.use import Use
    from exporter.ports import Listing

Json = dict[str, Any]
ARM = "linux/arm64"
CAPI = "cluster.x-k8s.io"
_CAPACITY = "capacity.cluster-autoscaler.kubernetes.io"


def karpenter(
    *arches: str, taint: str = "", version: str = "v1", **labels: str
) -> tuple[str, Json]:
    requirements = [{"key": "karpenter.sh/capacity-type", "operator": "In", "values": ["spot"]}]
    if arches:
        arch = {"key": "kubernetes.io/arch", "operator": "In", "values": list(arches)}
        requirements.append(arch)
    spec: Json = {"requirements": requirements}
    if taint:
        spec["taints"] = [{"key": taint, "value": "arm64", "effect": "NoSchedule"}]
    template = {"metadata": {"labels": labels}, "spec": spec}
    pool = {"metadata": {"name": "p"}, "spec": {"template": template}}
    return f"/apis/karpenter.sh/{version}/nodepools", pool


def machines(labels: str, taints: str = "", version: str = "v1beta2") -> tuple[str, Json]:
    marks = {f"{_CAPACITY}/labels": labels, f"{_CAPACITY}/taints": taints}
    meta = {"name": "m", "namespace": "capi", "annotations": marks}
    return f"/apis/{CAPI}/{version}/machinedeployments", {"metadata": meta}


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
    return placements.terms(*({"matchExpressions": one} for one in each))


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


def served(site: Site, group: str, versions: dict[str, list[str]]) -> None:
    """Let a server serve these kinds of a group alone, by version."""
    paths = {f"/apis/{name}/{each.plural}" for each in resources.POOLS for name in each.versions}
    site.unserved |= {each for each in paths if each.startswith(f"/apis/{group}/")}
    named = [{"groupVersion": f"{group}/{each}", "version": each} for each in versions]
    site.put(f"/apis/{group}", {"kind": "APIGroup", "name": group, "versions": named})
    for version, plurals in versions.items():
        kinds = [{"name": each} for plural in plurals for each in (plural, f"{plural}/status")]
        site.put(f"/apis/{group}/{version}", {"kind": "APIResourceList", "resources": kinds})
        site.unserved -= {f"/apis/{group}/{version}/{plural}" for plural in plurals}


def found(site: Site, folder: Path) -> Listing[Use]:
    with cluster(site, folder, ClusterOptions(pools=True)) as source:
        return source.uses()


@pytest.mark.parametrize(
    ("group", "plural", "pool"),
    [
        (CAPI, "machinedeployments", machines("kubernetes.io/arch=arm64", version="v1beta1")),
        (CAPI, "machinedeployments", machines("kubernetes.io/arch=arm64")),
        ("karpenter.sh", "nodepools", karpenter("arm64")),
        ("karpenter.sh", "nodepools", karpenter("arm64", version="v1beta1")),
    ],
)
def test_a_pool_counts_in_whichever_version_its_server_serves_it(
    group: str, plural: str, pool: tuple[str, Json], tmp_path: Path
) -> None:
    site = Site()
    site.create(FLEET[0])
    site.put(*pool)
    served(site, group, {pool[0].split("/")[3]: [plural]})
    ANYWHERE.documents("shop", site.create)

    uses = found(site, tmp_path)

    assert uses.complete
    assert ANYWHERE.outcome(uses.entries) == f"live warning may {ARM}"


def test_the_newest_version_is_read_where_a_server_serves_several(tmp_path: Path) -> None:
    site = Site()

    assert found(site, tmp_path).complete

    assert f"/apis/{CAPI}/v1beta2/machinepools" in site.asked
    assert not [each for each in site.asked if "v1beta1" in each or each == f"/apis/{CAPI}"]


@pytest.mark.parametrize("plural", [each.plural for each in resources.POOLS])
def test_a_pool_served_only_in_an_unknown_version_is_a_gap(plural: str, tmp_path: Path) -> None:
    site = Site()
    (kind,) = (each for each in resources.POOLS if each.plural == plural)
    known = kind.version.rpartition("/")[2]
    others = [each.plural for each in resources.POOLS if each.group == kind.group]
    others.remove(plural)
    served(site, kind.group, {known: others, "v7": [plural, *others]})

    uses = found(site, tmp_path)

    (gap,) = uses.gaps
    assert (gap.subject, gap.reason) == (f"prod: {kind.subject}", Reason.UNSUPPORTED)
    assert f"only as {kind.group}/v7" in gap.detail
    assert {each.kind for each in uses.kinds if not each.up} == {kind.subject}


def test_a_kind_that_a_server_has_in_no_version_is_no_gap(tmp_path: Path) -> None:
    site = Site()
    served(site, CAPI, {"v1beta2": ["machinedeployments"], "v7": ["machinedeployments"]})

    assert found(site, tmp_path).complete


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ({"kind": "APIGroup", "versions": [{"version": "../../api"}]}, Reason.MALFORMED),
        ({"kind": "APIGroup", "versions": "none"}, Reason.MALFORMED),
        (None, Reason.DENIED),
    ],
)
def test_versions_that_cannot_be_told_are_a_gap(
    answer: Json | None, reason: Reason, tmp_path: Path
) -> None:
    site = Site()
    served(site, CAPI, {})
    site.objects[f"/apis/{CAPI}"] = [answer or {}]
    site.denied |= {f"/apis/{CAPI}"} if answer is None else set()

    gaps = {gap.subject: gap.reason for gap in found(site, tmp_path).gaps}

    assert gaps == dict.fromkeys(
        (f"prod: {each.subject}" for each in resources.MACHINE_GROUPS), reason
    )


def test_where_no_kind_of_pool_is_served_that_is_told(tmp_path: Path) -> None:
    site = Site()
    served(site, "karpenter.sh", {})
    served(site, CAPI, {})
    kind = "nodepools.karpenter.sh"

    nothing = found(site, tmp_path)
    site.unserved.remove("/apis/cluster.x-k8s.io/v1beta1/machinepools")
    some = found(site, tmp_path)
    with cluster(site, tmp_path) as source:
        unasked = source.uses()

    assert [(gap.subject, gap.reason) for gap in nothing.gaps] == [
        (f"prod: {kind}", Reason.UNSUPPORTED)
    ]
    assert {each.kind for each in nothing.kinds if not each.up} == {kind}
    assert some.complete
    assert unasked.complete
