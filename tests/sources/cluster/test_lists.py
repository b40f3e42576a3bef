"""Is the age of what a list showed last known, whatever happens?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.sources.cluster.api import NOW, Site, cluster, pod

if TYPE_CHECKING:
    from pathlib import Path

    from exporter.facts.use import Use
    from exporter.ports import Listing

PODS = "/api/v1/pods"


def ages(found: Listing[Use]) -> dict[str, float]:
    return {each.kind: NOW - each.last_sync for each in found.kinds}


def test_a_kind_that_fails_after_a_restart_is_as_old_as_before_it(tmp_path: Path) -> None:
    site = Site(denied={PODS})
    with cluster(site, tmp_path) as made:
        made.recall([], {"pods": NOW - 500.0, "jobs.batch": NOW - 500.0})
        found = made.uses()

    assert ages(found)["pods"] == 500.0
    assert ages(found)["jobs.batch"] == 0.0


def test_a_kind_that_was_never_listed_counts_from_the_first_attempt(tmp_path: Path) -> None:
    with cluster(Site(denied={PODS}), tmp_path) as made:
        assert ages(made.uses())["pods"] == 0.0


def test_a_kind_that_is_not_watched_is_listed_each_time(tmp_path: Path) -> None:
    site = Site()
    site.put(PODS, pod("one"))
    with cluster(site, tmp_path) as made:
        made.uses()
        site.put(PODS, pod("two"))
        found = made.uses()

    assert len(found.entries) == 2
    assert not any(each.watched for each in found.kinds)
