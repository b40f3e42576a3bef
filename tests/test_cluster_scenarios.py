"""What operators suffered, one by one: whom a loss hits, and when, as an audit must tell of it."""

from __future__ import annotations

import re

from exporter.facts.use import ReferenceClass
from exporter.judge.preflight.from_snapshot import predict
from exporter.judge.preflight.prediction import Verdict
from exporter.judge.tag_report import impact_of
from exporter.oci.platform import Platform
from exporter.publish.metrics.family import Limits
from exporter.publish.metrics.rendering import render
from exporter.publish.status import AppState, RegistryStatus, Reload
from tests import worlds
from tests.fakes import NOW, audited, codes, use, verdict, workload
from tests.incident import losses
from tests.judge.preflight.asking import collection, victims
from tests.publish.answers.saying import check_text
from tests.scenarios import (
    AT_RISK,
    BROKEN,
    CRITICAL,
    MISSING,
    PRESENT,
    UNNEEDED,
    WARNING,
    A,
    B,
    I,
    stocked,
    swept,
)


async def test_07_what_runs_from_cache_on_a_lost_platform_is_critical_and_stays_up() -> None:
    web = {"workload": workload("Deployment", "shop/web"), "alive": 12}
    registry = swept(stocked(), B)

    report = await audited(registry, use("app:v1", "linux/arm64", **web))

    assert losses(report) == [CRITICAL]
    hit = impact_of(verdict(report))
    assert [str(each.workload) for each in hit.users] == ["Deployment shop/web (prod)"]
    assert (hit.running, hit.users[0].platforms) == (12, (Platform("linux", "arm64"),))
    said = check_text([report])
    assert "do not restart or reschedule: 12 containers running on layers cached on" in said

    elsewhere = await audited(registry, use("app:v1", "linux/amd64", **web))
    assert (verdict(elsewhere).state, losses(elsewhere)) == (PRESENT, [UNNEEDED])
    assert impact_of(verdict(elsewhere)).users == ()


async def test_07_a_node_that_may_take_it_next_is_enough_for_a_warning() -> None:
    may = use("app:v1", "linux/amd64", admitted=["linux/arm64"])

    report = await audited(swept(stocked(), B), may)

    assert (verdict(report).state, losses(report)) == (BROKEN, [WARNING])


async def test_09_what_is_scaled_to_zero_is_looked_at_and_flips_nothing() -> None:
    idle = use("app:v1", reference_class=ReferenceClass.IDLE)
    registry = stocked(tag="other")

    alone = await audited(registry, idle)
    both = await audited(registry, idle, use("app:v1"))

    for report, reference in ((alone, ReferenceClass.IDLE), (both, ReferenceClass.LIVE)):
        found = [each for each in report.verdicts if each.root.tag == "v1"]
        assert [each.state for each in found] == [MISSING]
        assert [each.root.reference_class for each in found] == [reference]
    assert losses(alone) == [WARNING]
    assert losses(both) == [CRITICAL]


async def test_09_two_workloads_on_one_image_are_hit_each_under_its_own_class() -> None:
    scaled = {"reference_class": ReferenceClass.IDLE, "workload": workload("Deployment", "a/zero")}
    uses = (use("app:v1", **scaled), use("app:v1", workload=workload("Deployment", "a/one")))

    report = await audited(stocked(tag="other"), *uses)

    hit = impact_of(verdict(report))
    assert [(str(each.workload), each.reference_class) for each in hit.users] == [
        ("Deployment a/one (prod)", ReferenceClass.LIVE),
        ("Deployment a/zero (prod)", ReferenceClass.IDLE),
    ]


async def test_10_a_schedule_says_when_it_runs_into_the_loss_and_the_soonest_comes_first() -> None:
    registry = swept(stocked(tag="sync"), A)
    for name in ("backup", "report"):
        registry.push(worlds.image(name), name)
        swept(registry, worlds.image(name))
    node = ["linux/amd64"]
    runs = {"sync": NOW + 9000.0, "backup": NOW + 600.0, "report": None}
    uses = [
        use(f"app:{name}", admitted=node, workload=workload("CronJob", f"a/{name}"), next_run=when)
        for name, when in runs.items()
    ]

    report = await audited(registry, *uses)

    assert losses(report) == [CRITICAL] * 3
    found = check_text([report]).partition("Missing or broken")[2]
    told = (
        "app:backup (live)",
        "CronJob a/backup (prod) on linux/amd64, next run 2026-04-22 10:10 UTC",
        "app:sync (live)",
        "CronJob a/sync (prod) on linux/amd64, next run 2026-04-22 12:30 UTC",
        "app:report (live)",
    )
    assert sorted(map(found.index, told)) == [found.index(each) for each in told]


async def test_10_a_suspended_job_is_kept_in_mind_and_is_no_page() -> None:
    job = {"workload": workload("CronJob", "a/sync"), "reference_class": ReferenceClass.IDLE}

    report = await audited(swept(stocked(tag="sync"), A), use("app:sync", **job))

    assert verdict(report, "sync").root.reference_class is ReferenceClass.IDLE
    assert losses(report) == [WARNING]
    assert impact_of(verdict(report, "sync")).next_run is None


async def test_11_a_pinned_image_that_its_tag_has_left_is_at_risk_and_not_missing() -> None:
    registry = stocked(tag="latest")
    registry.push(worlds.two_platforms("newer"), "latest")
    pin = use(f"app@{I.digest}", workload=workload("Deployment", "shop/web"))

    report = await audited(registry, pin)

    assert (verdict(report, f"@{I.digest.short}").state, losses(report)) == (PRESENT, [AT_RISK])
    app_state = AppState(
        (RegistryStatus.once(report),), (), Reload("", successful=True, last_success=0.0)
    )
    text = render(app_state, Limits()).text.plain.decode()
    assert re.search(r'tag_unprotected_images{.*tag="@.*",class="live"} 1', text)
    foreseen = predict(report, collection("2 -m"), [], ())
    assert foreseen.verdict is Verdict.UNSAFE
    assert {I.digest, A.digest, B.digest} <= victims(foreseen)[f"app@{I.digest}"]


async def test_11_what_runs_by_a_tag_that_moved_on_is_told_with_what_still_holds_it() -> None:
    registry = stocked(tag="latest")
    registry.push(worlds.two_platforms("newer"), "latest")
    runs = use("app:latest", running=frozenset({I.digest}))

    left = await audited(registry, runs)
    assert [each for each in codes(left) if each[0] == "moved-tag"] == [("moved-tag", "warning")]

    registry.push(I, "v1")
    kept = await audited(registry, runs)
    (moved,) = [each for each in kept.findings if each.rule.code == "moved-tag"]
    assert (moved.severity, moved.detail.rpartition("; ")[2]) == (
        "info",
        "tag v1 still references it",
    )


async def test_12_what_a_rollback_would_start_is_a_warning_and_nothing_at_depth_zero() -> None:
    registry = stocked()
    registry.push(worlds.image("old"), "v0")
    back = {"reference_class": ReferenceClass.ROLLBACK, "workload": workload("Deployment", "a/web")}
    uses = (use("app:v1"), use("app:v0", **back))
    assert losses(await audited(registry, *uses)) == []
    registry.untag("v0")

    deep = await audited(registry, *uses)
    assert [
        (each.root.tag, each.severity) for each in deep.findings if "miss" in each.rule.code
    ] == [("v0", "warning")]
    assert verdict(deep, "v0").root.reference_class is ReferenceClass.ROLLBACK

    shallow = await audited(registry, uses[0])
    assert losses(shallow) == []
