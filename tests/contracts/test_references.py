"""What does every source of references promise, a file and a real cluster?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Scope
from exporter.facts.use import ReferenceClass, Use
from exporter.oci.reference import Reference
from exporter.ports import ReferenceSource, Unseen
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.references import ReferenceFile
from tests.parts.workloads import Site

if TYPE_CHECKING:
    from pathlib import Path

    from tests.parts.kubernetes import Kubernetes

pytestmark = pytest.mark.real

IMAGE = "registry.example/shop/web:1"


@dataclass(frozen=True, slots=True)
class Place:
    """A source that names one image and one text that is none, and the way to take it away."""

    source: ReferenceSource
    take_away: Callable[[], object]


@pytest.fixture(params=["file", "cluster"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Place:
    if request.param == "file":
        file = tmp_path / "live.txt"
        file.write_text(f"{IMAGE}\nNOT:A:REFERENCE\n")
        return Place(ReferenceFile(file), file.unlink)
    cluster: Kubernetes = request.getfixturevalue("cluster")
    site = Site(cluster, cluster.namespace(), "registry.example")
    # Other tests leave workloads on the shared API server.
    extent = ClusterOptions(namespaces=(site.namespace,))
    site.controller("Deployment", "web", "shop/web:1")
    site.controller("Deployment", "odd", "NOT:A:REFERENCE")
    path = cluster.kubeconfig(tmp_path / "kubeconfig")
    access = Access("prod", {}, kubeconfig=path)
    return Place(Cluster(access, extent, lambda: 0.0), path.unlink)


def test_what_it_wants_is_named_and_what_cannot_be_read_is_a_gap_of_the_source(
    place: Place,
) -> None:
    found = place.source.uses()

    assert [str(use.reference) for use in found.entries] == [IMAGE]
    assert [gap.scope for gap in found.gaps] == [Scope.REFERENCES]


def test_it_knows_its_own_words_from_those_of_others(place: Place) -> None:
    (own,) = place.source.uses().entries
    other = Use("another:1", Reference.parse(IMAGE), ReferenceClass.LIVE)

    assert place.source.owns(own)
    assert not place.source.owns(other)


def test_a_source_that_went_away_is_unseen_and_never_empty(place: Place) -> None:
    place.source.uses()
    place.take_away()

    with pytest.raises(Unseen):
        place.source.uses()
