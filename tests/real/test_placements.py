"""Does the table of placements hold on a real API server? All is created, and listed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from tests.parts.process import PATIENCE
from tests.placement_table import TABLE
from tests.placements import FLEET, POOLS, RUNTIMES

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.ports import Listing
    from tests.parts.kubernetes import Kubernetes

pytestmark = pytest.mark.real


def test_each_loss_means_what_the_placement_makes_of_it(
    cluster: Kubernetes, tmp_path: Path
) -> None:
    namespace = cluster.namespace()
    path = cluster.kubeconfig(tmp_path / "kubeconfig")
    for (version, kind), namespaced in {
        (pool["apiVersion"], pool["kind"]): "namespace" in pool["metadata"] for pool in POOLS
    }.items():
        cluster.define(version, kind, "Namespaced" if namespaced else "Cluster")
    for each in (*FLEET, *POOLS, *RUNTIMES):
        cluster.create(each)
    for case in TABLE:
        case.documents(namespace, cluster.create)

    found: dict[ClusterOptions, Listing[Any]] = {}
    for options in {case.options for case in TABLE}:
        access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
        found[options] = Cluster(access, options, lambda: 0.0).uses()

    assert all(each.complete for each in found.values())
    said = {case.name: case.outcome(found[case.options].entries) for case in TABLE}
    assert said == {case.name: case.means for case in TABLE}
