"""Does the table of placements hold for lists of objects? `tests/real` asks an API server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from exporter.oci.platform import Platform
from exporter.sources.cluster.cluster import ClusterOptions
from tests.placements import FLEET, TABLE, Placement
from tests.sources.cluster.api import Site, cluster

if TYPE_CHECKING:
    from pathlib import Path

_PATHS = {
    "Node": "/api/v1/nodes",
    "Pod": "/api/v1/pods",
    **{
        each: f"/apis/apps/v1/{each.lower()}s" for each in ("Deployment", "ReplicaSet", "DaemonSet")
    },
}


@pytest.mark.parametrize("case", TABLE, ids=[each.name for each in TABLE])
def test_a_loss_means_what_the_placement_makes_of_it(case: Placement, tmp_path: Path) -> None:
    site = Site()

    def make(document: dict[str, Any]) -> dict[str, Any]:
        document["metadata"]["uid"] = f"uid-{document['kind']}-{document['metadata']['name']}"
        site.put(_PATHS[document["kind"]], document)
        return document

    for each in FLEET:
        site.put(_PATHS["Node"], each)
    case.documents("shop", make)
    leave_out = frozenset({"nodes"} if case.blind else ())
    extent = ClusterOptions(
        leave_out=leave_out, platforms=frozenset(map(Platform.parse, case.always))
    )

    with cluster(site, tmp_path, extent) as source:
        uses = source.uses()

    assert uses.complete
    assert case.outcome(uses.entries) == case.means
