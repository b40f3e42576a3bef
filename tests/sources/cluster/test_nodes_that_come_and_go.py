"""Does what is lost mean the same all day, while nodes come and go? The clock is told the time.

What audits find is rendered as metrics, and the shipped rules tell which alerts fire.
"""

from __future__ import annotations

import asyncio
import re
import subprocess
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

import yaml

from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from exporter.sources.cluster.access import Access
from exporter.sources.cluster.cluster import Cluster, ClusterOptions
from exporter.sources.cluster.memory import ClusterMemory
from exporter.wiring.references import ReferenceSources
from tests.parts.http import Answer, serving
from tests.parts.needs import program
from tests.placements import TOLERATES_ALL, TOLERATES_ARM, Placement, chosen, node
from tests.publish.reports import app_state, status
from tests.shipped.rules import ALERTS
from tests.sources.cluster import made
from tests.sources.cluster.api import Site

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.serve.audit_job import References

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
FIRING = {
    "RegistryLiveTagBroken": {"agent", "only-arm", "spread"},
    "RegistryLiveTagBrokenElsewhere": {"tolerant"},
}
AWAY = FIRING | {"RegistryLiveSetSourceDown": {"prod"}}
EVERY, LONG = 2, 60
"""Minutes between two scrapes, and of each step for the rules: longer than any of them waits."""


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
    """A cluster at one time of the day, and what was scraped before."""

    now: float = 0.0
    site: Site = field(default_factory=Site)
    away: bool = False
    source: Cluster | None = None
    sources: ReferenceSources | None = None
    scraped: list[dict[str, str]] = field(default_factory=list)
    """The value of each series, for each step."""

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

    def audit_until(self, until: float) -> None:
        """Audit at each step until then; each workload's image has a registry of its own."""
        while self.now < until:
            references: References = asyncio.run(self._read())
            statuses = []
            for each in workloads(""):
                report = each.report(references.uses.entries)
                assert report
                seen = replace(report.snapshot, registry=each.name)
                statuses.append(status(replace(report, snapshot=seen)))
            state = app_state(*statuses, sources=references.sources)
            text = render(state, Limits()).text.plain.decode()
            # The time at which a source was read is the machine's.
            lines = re.findall(r"^(pullproof_(?!reference_\w+_sync)\S+) (\S+)$", text, re.MULTILINE)
            self.scraped.append(dict(lines))
            self.now += STEP

    async def _read(self) -> References:
        assert self.sources
        return await self.sources()

    def rules(self, firing: list[dict[str, set[str]]], folder: Path) -> None:
        """Expect these alerts at the end of each step, by their registries or sources."""
        times = LONG // EVERY
        names = set[str]().union(*self.scraped)
        series = [
            {"series": name, "values": " ".join(_values(self.scraped, name, times))}
            for name in sorted(names)
        ]
        subject = 'label_replace(ALERTS{alertstate="firing"}, "registry", "$1", "source", "(.+)")'
        tests = [
            {
                "expr": f"max by (alertname, registry) ({subject})",
                "eval_time": f"{number * LONG - EVERY}m",
                "exp_samples": [
                    {"labels": f'{{alertname="{alert}", registry="{each}"}}', "value": 1}
                    for alert, where in expected.items()
                    for each in sorted(where)
                ],
            }
            for number, expected in enumerate(firing, 1)
        ]
        document: dict[str, Any] = {
            "rule_files": [str(ALERTS / f"{each}.yml") for each in ("integrity", "visibility")],
            "evaluation_interval": f"{EVERY}m",
            "tests": [{"interval": f"{EVERY}m", "input_series": series, "promql_expr_test": tests}],
        }
        (folder / "rules.yml").write_text(yaml.safe_dump(document))
        command = [program("promtool"), "test", "rules", str(folder / "rules.yml")]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stdout + done.stderr


def _values(scraped: list[dict[str, str]], name: str, times: int) -> Iterator[str]:
    for step in scraped:
        yield f"{float(step[name]):g}x{times - 1}" if name in step else f"_x{times}"


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
        made.sources = ReferenceSources([made.source])
        yield made


def test_a_node_pool_that_is_at_zero_every_night_begins_and_ends_no_alert(tmp_path: Path) -> None:
    with world(tmp_path) as at:
        for day in range(2):
            at.show(arm=f"r{day}")
            at.audit_until(day * DAY + 12 * HOUR)
            at.show()
            at.audit_until((day + 1) * DAY)

    at.rules([FIRING] * len(at.scraped), tmp_path)


def test_without_memory_the_night_would_show(tmp_path: Path) -> None:
    with world(tmp_path, memory=0.0) as at:
        at.show(arm="r1")
        at.audit_until(STEP)
        day = at.means()
        at.show()
        at.audit_until(2 * STEP)
        night = at.means()

    assert day == MEANS
    assert night["spread"] != MEANS["spread"]
    assert night["only-arm"] == MEANS["only-arm"], "its selector names the platform"
    at.rules([FIRING, {"RegistryLiveTagBroken": {"only-arm"}}], tmp_path)


def test_a_node_that_stays_away_is_forgotten(tmp_path: Path) -> None:
    with world(tmp_path) as at:
        at.show(arm="r1")
        at.means()
        at.show()
        at.audit_until(DAY)
        before = at.means()
        at.audit_until(DAY + 2 * STEP)
        after = at.means()

    assert before == MEANS
    assert after["tolerant"] == "live info"
    assert after["agent"] == "live info"


def test_a_label_of_each_node_s_own_crowds_no_other_platform_out() -> None:
    memory = ClusterMemory(DAY)
    many = [made.node(f"x{n}", "amd64", instance=f"i-{n}") for n in range(3_000)]
    arm = made.node("a1", "arm64")
    seen = set[str]()
    for minute, nodes in enumerate((many, [*many, arm], many)):
        memory.begin(60.0 * minute)
        seen = {each.status.node_info.architecture for each in memory.absent(nodes)}

    assert seen == {"arm64"}


def test_a_rolling_upgrade_of_the_nodes_begins_and_ends_no_alert(tmp_path: Path) -> None:
    with world(tmp_path) as at:
        for version in ("v1", "v2"):
            for arm in ("r1", "", f"r-{version}"):  # drained, replaced
                at.show(arm=arm, version=version)
                at.audit_until(at.now + STEP)

    at.rules([FIRING] * len(at.scraped), tmp_path)


def test_a_cluster_that_goes_away_for_a_night_begins_and_ends_no_alert_but_its_own(
    tmp_path: Path,
) -> None:
    with world(tmp_path) as at:
        at.show(arm="r1")
        at.audit_until(12 * HOUR)
        at.away = True
        at.audit_until(DAY)
        at.show()  # the nodes of its pool went with it
        at.away = False
        at.audit_until(DAY + 12 * HOUR)

    half = [FIRING] * int(12 * HOUR / STEP)
    at.rules([*half, *([AWAY] * len(half)), *half], tmp_path)


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
