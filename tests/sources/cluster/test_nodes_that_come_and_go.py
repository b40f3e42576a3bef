"""Does what is lost mean the same all day, while nodes come and go? The clock is told the time."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from tests.parts.http import Answer, serving
from tests.placements import TOLERATES_ALL, TOLERATES_ARM, Placement, chosen, node
from tests.sources.cluster.api import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

HOUR = 3600.0
DAY = 24 * HOUR
STEP = 4 * HOUR
ARM = "linux/arm64"
MEANS = {
    "spread": f"live critical must {ARM}",
    "only-arm": f"live critical must {ARM}",
    "tolerant": f"live warning may {ARM}",
    "amd": "live info",
    "agent": f"live critical must {ARM}",
}
"""Of each workload, whose arm64 image is lost, whenever one looks."""


def workloads(arm: str) -> list[Placement]:
    """What the cluster runs, with an arm64 node or without one."""
    lost, either = "arm64", ("x1", arm or "x1")
    return [
        Placement("spread", lost, "", TOLERATES_ARM, either),
        Placement("only-arm", lost, "", chosen(arch="arm64") | TOLERATES_ARM, (arm,)),
        Placement("tolerant", lost, "", TOLERATES_ARM, ("x1",)),
        Placement("amd", lost, "", chosen(arch="amd64") | TOLERATES_ALL, ("x1",)),
        Placement("agent", lost, "", TOLERATES_ALL, tuple(dict.fromkeys(either)), kind="DaemonSet"),
    ]


@dataclass
class World:
    """A cluster at one time of the day."""

    now: float = 8 * HOUR
    site: Site = field(default_factory=Site)
    away: bool = False
    source: Cluster | None = None

    def show(self, arm: str = "", **labels: str) -> None:
        """Have an arm64 node of this name, or none."""
        self.site.objects.clear()
        self.site.create(node("x1", "amd64", **labels))
        if arm:
            self.site.create(node(arm, "arm64", taint="arch=arm64", **labels))
        for each in workloads(arm):
            each.documents("shop", self.site.create)

    def means(self) -> dict[str, str]:
        """What the losses mean now."""
        assert self.source
        uses = self.source.uses().entries
        return {each.name: each.outcome(uses) for each in workloads("")}

    def all_the_time(self, until: float) -> list[dict[str, str]]:
        """What they mean at each audit until then."""
        found = []
        while self.now < until:
            found.append(self.means())
            self.now += STEP
        return found


@contextmanager
def world(folder: Path, memory: float = DAY) -> Iterator[World]:
    made = World()
    with serving(lambda asked: Answer(503, b"") if made.away else made.site.answer(asked)) as url:
        document = {
            "clusters": [{"name": "c", "cluster": {"server": url}}],
            "contexts": [{"name": "c", "context": {"cluster": "c", "user": "u"}}],
            "users": [{"name": "u", "user": {}}],
            "current-context": "c",
        }
        path = folder / "kubeconfig"
        path.write_text(str(document))  # a flow mapping is YAML
        access = Access("prod", {}, kubeconfig=path, timeout=30.0)
        made.source = Cluster(access, ClusterOptions(memory=memory), lambda: made.now)
        yield made


def test_a_node_pool_that_is_at_zero_every_night_begins_and_ends_no_alert(tmp_path: Path) -> None:
    found = []
    with world(tmp_path) as at:
        for day in range(2):
            at.show(arm=f"r{day}")
            found += at.all_the_time(day * DAY + 20 * HOUR)
            at.show()
            found += at.all_the_time((day + 1) * DAY + 8 * HOUR)

    assert found == [MEANS] * len(found)


def test_without_memory_the_night_would_show(tmp_path: Path) -> None:
    with world(tmp_path, memory=0.0) as at:
        at.show(arm="r1")
        day = at.means()
        at.now += STEP
        at.show()
        night = at.means()

    assert day == MEANS
    assert night["spread"] != MEANS["spread"]
    assert night["only-arm"] == MEANS["only-arm"], "its selector names the platform"


def test_a_node_that_stays_away_is_forgotten(tmp_path: Path) -> None:
    with world(tmp_path) as at:
        at.show(arm="r1")
        at.means()
        at.show()
        before = at.all_the_time(at.now + DAY)
        *_, after = at.all_the_time(at.now + 2 * STEP)

    assert before == [MEANS] * len(before)
    assert after["tolerant"] == "live info"
    assert after["agent"] == "live info"


def test_a_rolling_upgrade_of_the_nodes_begins_and_ends_no_alert(tmp_path: Path) -> None:
    found = []
    with world(tmp_path) as at:
        for version in ("v1", "v2"):
            for arm in ("r1", "", f"r-{version}"):  # drained, replaced
                at.show(arm=arm, version=version)
                found += at.all_the_time(at.now + STEP)

    assert found == [MEANS] * len(found)


def test_a_cluster_that_is_away_for_two_nights_ages_nothing(tmp_path: Path) -> None:
    with world(tmp_path) as at:
        at.show(arm="r1")
        at.means()
        at.away = True
        at.now += 2 * DAY
        at.show()
        at.away = False

        assert at.means() == MEANS


def test_where_a_workload_ran_is_known_after_a_restart(tmp_path: Path) -> None:
    (tmp_path / "before").mkdir()
    with world(tmp_path / "before") as at:
        at.show(arm="r1")
        assert at.source
        uses = at.source.uses().entries
    with world(tmp_path) as at:
        at.show()
        assert at.source
        at.source.recall(uses, {})
        means = at.means()

    assert means["spread"] == MEANS["spread"]
