"""Does the table of placements hold for lists of objects? `tests/real` asks an API server."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.placement_table import TABLE
from tests.placements import FLEET, POOLS, RUNTIMES, Placement
from tests.sources.cluster.api import Site, cluster

if TYPE_CHECKING:
    from exporter.facts.use import Use
    from exporter.sources.cluster.cluster import ClusterOptions

Uses = dict["ClusterOptions", tuple["Use", ...]]


@pytest.fixture(scope="module")
def found(tmp_path_factory: pytest.TempPathFactory) -> Uses:
    """What a cluster with all of the table uses, by how it is read."""
    site = Site()
    for each in (*FLEET, *POOLS, *RUNTIMES):
        site.create(each)
    for case in TABLE:
        case.documents("shop", site.create)
    uses: Uses = {}
    for options in {case.options for case in TABLE}:
        with cluster(site, tmp_path_factory.mktemp("cluster"), options) as source:
            listing = source.uses()
        assert listing.complete
        uses[options] = listing.entries
    return uses


@pytest.mark.parametrize("case", TABLE, ids=[each.name for each in TABLE])
def test_a_loss_means_what_the_placement_makes_of_it(case: Placement, found: Uses) -> None:
    assert case.outcome(found[case.options]) == case.means


def test_each_placement_has_a_name_of_its_own() -> None:
    assert len({case.name for case in TABLE}) == len(TABLE) >= 100
