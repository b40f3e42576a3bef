"""Do the nodes count that an autoscaler may start, before there is one?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Reason
from exporter.sources.cluster import resources
from exporter.sources.cluster.cluster import ClusterOptions
from tests.placements import FLEET, TOLERATES_ARM, Placement, chosen
from tests.sources.cluster.api import Site, cluster

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
