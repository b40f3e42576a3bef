"""Does the table of placements hold on a real API server? All is created, and listed once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.oci.platform import Platform
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from tests.parts.process import PATIENCE
from tests.placements import FLEET, TABLE

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.kubernetes import Kubernetes

pytestmark = pytest.mark.real


def test_each_loss_means_what_the_placement_makes_of_it(
    cluster: Kubernetes, tmp_path: Path
) -> None:
    namespace = cluster.namespace()
    path = cluster.kubeconfig(tmp_path / "kubeconfig")
    for node in FLEET:
        cluster.create(_spare(node))
    for case in TABLE:
        case.documents(namespace, cluster.create)

    found: dict[tuple[bool, tuple[str, ...]], Any] = {}
    for extent in {(case.blind, case.always) for case in TABLE}:
        blind, always = extent
        options = ClusterOptions(
            leave_out=frozenset({"nodes"} if blind else ()),
            platforms=frozenset(map(Platform.parse, always)),
        )
        access = Access("prod", {}, kubeconfig=path, timeout=PATIENCE)
        found[extent] = Cluster(access, options, lambda: 0.0).uses()

    said = {case.name: case.outcome(found[case.blind, case.always].entries) for case in TABLE}
    assert said == {case.name: case.means for case in TABLE}


def _spare(node: dict[str, Any]) -> dict[str, Any]:
    """A document of its own, since its creation is noted in it."""
    return {**node, "metadata": dict(node["metadata"])}
