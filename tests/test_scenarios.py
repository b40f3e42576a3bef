"""What operators suffered, one by one: each breakage as an audit must tell of it."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.judge.blast import blast
from exporter.judge.preflight.answer import Verdict
from exporter.judge.preflight.api import foresee
from exporter.judge.report import ChildKind
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from exporter.publish.limits import Limits
from exporter.publish.metrics import render
from exporter.publish.standing import Picture, Reload, Standing
from exporter.publish.summary import troubles
from exporter.publish.text import Style, check_text
from exporter.sources import Wrong
from tests import worlds
from tests.fakes import (
    APP,
    NO_MANIFEST,
    NOW,
    TRUTH,
    Fake,
    audited,
    child,
    codes,
    target,
    use,
    verdict,
    workload,
)
from tests.incident import LATER, losses
from tests.judge.preflight.asking import collection, hurt

A, B = worlds.two_platforms("app").children
T = worlds.attestation(A)
I = worlds.index(A, B, T)  # noqa: E741 - the name that the scenarios give it
MISSING, BROKEN, UNKNOWN, PRESENT = State.MISSING, State.BROKEN, State.UNKNOWN, State.PRESENT
CRITICAL, WARNING, INFO = (("missing-child", name) for name in ("critical", "warning", "info"))
UNNEEDED, AT_RISK = INFO, ("unprotected-image", "warning")


def stocked(made: worlds.Made = I, tag: str = "v1") -> Fake:
    registry = Fake()
    registry.push(made, tag)
    return registry


def swept(registry: Fake, *children: worlds.Made) -> Fake:
    """What `garbage-collect -m` of 2.8 leaves: links and content of untagged children are gone."""
    for each in children:
        registry.sweep(each.digest, *(blob.digest for blob in each.blobs))
    return registry


async def test_01_a_classic_sweep_leaves_a_tag_without_children() -> None:
    registry = swept(stocked(), A, B, T)

    report = await audited(registry, use("app:v1"))

    assert verdict(report).root.digest == I.digest
    assert verdict(report).state is BROKEN
    assert [each.state for each in verdict(report).children] == [MISSING] * 3
    assert losses(report) == [CRITICAL, CRITICAL, INFO]


async def test_03_a_tag_removed_by_hand_takes_a_shared_child_with_it() -> None:
    registry = stocked()
    registry.push(worlds.index(worlds.image("old"), B), "old")
    registry.untag("old")
    registry.sweep(B.digest)

    report = await audited(registry)

    assert child(report, B.digest).state is MISSING
    assert child(report, A.digest).state is PRESENT
    assert (APP, B.layers[0].digest) in registry.blobs


async def test_04_an_empty_answer_with_200_is_broken_and_a_head_says_that_it_is_one() -> None:
    registry = stocked()
    layer = A.layers[0]
    registry.spoil(layer.digest, Wrong(f"0 of {len(layer.body)} bytes"))

    report = await audited(registry, use("app:v1"))

    broken = child(report, A.digest)
    assert (broken.state, broken.lacks[0].detail) == (BROKEN, "0 of 601 bytes")
    assert codes(report)[0] == ("broken-child", "critical")

    honest = target(stocked())
    headers = replace(honest, method=replace(honest.method, proof=Proof.HEAD))
    believed = child(await audited(headers), A.digest)
    assert (believed.state, believed.proof) == (PRESENT, Proof.HEAD)


async def test_06_a_tag_that_resolves_to_a_digest_that_is_absent_is_missing() -> None:
    registry = stocked()
    registry.spoil(I.digest, NO_MANIFEST)

    report = await audited(registry)

    assert verdict(report).state is MISSING
    assert verdict(report).root.sighting.state is PRESENT
    assert [each.digest for each in verdict(report).children] == [I.digest]


async def test_06_one_denial_that_is_followed_by_the_content_is_nothing() -> None:
    registry = stocked()
    registry.spoil(I.digest, NO_MANIFEST, TRUTH)

    assert losses(await audited(registry)) == []


async def test_07_what_runs_from_cache_on_a_lost_platform_is_critical_and_stays_up() -> None:
    web = {"workload": workload("Deployment", "shop/web"), "alive": 12}
    registry = swept(stocked(), B)

    report = await audited(registry, use("app:v1", "linux/arm64", **web))

    assert losses(report) == [CRITICAL]
    hit = blast(verdict(report))
    assert [str(each.workload) for each in hit.hits] == ["Deployment shop/web (prod)"]
    assert (hit.alive, hit.platforms) == (12, (Platform("linux", "arm64"),))
    said = check_text([report], Style())
    assert "do not restart or reschedule: 12 containers run on layers that their nodes" in said

    elsewhere = await audited(registry, use("app:v1", "linux/amd64", **web))
    assert (verdict(elsewhere).state, losses(elsewhere)) == (PRESENT, [UNNEEDED])
    assert blast(verdict(elsewhere)).hits == ()


async def test_07_a_node_that_may_take_it_next_is_enough() -> None:
    may = use("app:v1", "linux/amd64", admitted=["linux/arm64"])

    report = await audited(swept(stocked(), B), may)

    assert (verdict(report).state, losses(report)) == (BROKEN, [CRITICAL])


async def test_08_a_lost_attestation_is_information_and_the_image_runs() -> None:
    report = await audited(swept(stocked(), T), use("app:v1"))

    assert verdict(report).state is PRESENT
    assert child(report, T.digest).kind is ChildKind.ATTESTATION
    assert losses(report) == [INFO]


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

    hit = blast(verdict(report))
    assert [(str(each.workload), each.reference_class) for each in hit.hits] == [
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
    assert [each.name for each in troubles(report)] == ["app:backup", "app:sync", "app:report"]
    (first, second, _) = (" ".join(each.notes) for each in troubles(report))
    assert "CronJob a/backup (prod) on linux/amd64, next run 2026-04-22 10:10 UTC" in first
    assert "CronJob a/sync (prod) on linux/amd64, next run 2026-04-22 12:30 UTC" in second


async def test_10_a_suspended_job_is_kept_in_mind_and_is_no_page() -> None:
    job = {"workload": workload("CronJob", "a/sync"), "reference_class": ReferenceClass.IDLE}

    report = await audited(swept(stocked(tag="sync"), A), use("app:sync", **job))

    assert verdict(report, "sync").root.reference_class is ReferenceClass.IDLE
    assert losses(report) == [WARNING]
    assert blast(verdict(report, "sync")).next_run is None


async def test_11_a_pinned_image_that_its_tag_has_left_is_at_risk_and_not_missing() -> None:
    registry = stocked(tag="latest")
    registry.push(worlds.two_platforms("newer"), "latest")
    pin = use(f"app@{I.digest}", workload=workload("Deployment", "shop/web"))

    report = await audited(registry, pin)

    assert (verdict(report, f"@{I.digest.short}").state, losses(report)) == (PRESENT, [AT_RISK])
    picture = Picture((Standing.once(report),), (), Reload("", successful=True, last_success=0.0))
    text = render(picture, Limits()).text.plain.decode()
    assert re.search(r'tag_unprotected_images{.*tag="@.*",reference="live"} 1', text)
    foreseen = foresee(report, collection("2 -m"), [], ())
    assert foreseen.verdict is Verdict.UNSAFE
    assert {I.digest, A.digest, B.digest} <= hurt(foreseen)[f"app@{I.digest}"]


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
        "tag v1 still leads to it",
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


@pytest.mark.parametrize(
    "reason",
    ["unauthorized", "denied", "rate-limited", "tls", "server-error", "timeout", "not-a-registry"],
)
async def test_13_what_is_no_proof_of_absence_is_unknown_and_old_truth_keeps_its_age(
    reason: str,
) -> None:
    registry = swept(stocked(), B)
    before = await audited(registry)
    for name in ("v1", I.digest, A.digest, B.digest):
        registry.spoil(name, Reason(reason))

    fresh = await audited(registry)
    assert (verdict(fresh).state, losses(fresh)) == (UNKNOWN, [])

    report = await audited(registry, before=before, now=LATER)
    assert verdict(report).state is BROKEN
    assert child(report, A.digest).state is UNKNOWN
    assert child(report, B.digest).state is MISSING
    assert report.snapshot.sightings[APP, B.digest].seen_at == NOW


async def test_14_a_registry_whose_certificate_nobody_trusts_is_blind_and_not_broken() -> None:
    registry = stocked()
    registry.spoil("/", Reason.TLS, repository=Repository(""))

    report = await audited(registry, use("app:v1"))

    assert report.snapshot.blind is not None
    assert report.snapshot.blind.reason is Reason.TLS
    assert [each.state for each in report.verdicts] == [UNKNOWN]
    assert report.findings == ()


async def test_15_a_pull_through_cache_is_partial_and_is_not_made_to_fetch() -> None:
    registry = Fake()
    for n in range(156):
        made = worlds.two_platforms(f"cached {n}")
        registry.push(made, f"v{n}")
        registry.sweep(*(each.digest for each in made.children))

    report = await audited(target(registry, role=Role.PROXY), use("app:v1"))

    assert report.findings == ()
    assert {each.state for each in report.verdicts} == {UNKNOWN}
    assert not [each for each in registry.asked if each[1] in ("manifest", "blob", "whole")]


async def test_16_a_sparse_mirror_lacks_other_platforms_by_design() -> None:
    amd64 = frozenset({Platform("linux", "amd64")})
    registry = swept(stocked(), B)
    mirror = target(registry, role=Role.SPARSE, platforms=amd64)

    anywhere = await audited(mirror)
    assert (verdict(anywhere).state, losses(anywhere)) == (PRESENT, [])
    report = await audited(mirror, use("app:v1", "linux/amd64"))
    assert (verdict(report).state, losses(report)) == (PRESENT, [])

    admitted = await audited(mirror, use("app:v1", "linux/amd64", admitted=["linux/arm64"]))
    assert verdict(admitted).state is PRESENT
    assert losses(admitted) == [("platform-not-offered", "warning")]

    joined = await audited(mirror, use("app:v1", "linux/amd64", "linux/arm64"))
    assert losses(joined) == [("missing-platform", "warning")]
    assert verdict(joined).left_out == (Platform("linux", "arm64"),)

    swept(registry, A)
    assert losses(await audited(mirror, use("app:v1", "linux/amd64"))) == [CRITICAL]


async def test_17_a_build_cache_is_walked_as_blobs() -> None:
    cache = worlds.build_cache("app")
    registry = stocked(cache, "buildcache")

    healthy = await audited(registry)
    assert (verdict(healthy, "buildcache").state, codes(healthy)) == (PRESENT, [])
    assert registry.counted()["GET", "blob"] == len(cache.blobs)

    registry.sweep(cache.blobs[1].digest)
    report = await audited(registry)
    assert codes(report) == [INFO]
    assert child(report, cache.blobs[1].digest, "buildcache").kind is ChildKind.CACHE


async def test_18_foreign_layers_and_odd_artifacts_are_no_finding() -> None:
    registry = Fake()
    windows = worlds.windows("app")
    odd = [windows, worlds.chart("c"), worlds.referrer(A), worlds.inline("note")]
    for n, made in enumerate(odd):
        registry.push(made, f"odd{n}")
    registry.push(I, "v1")

    report = await audited(registry)

    assert {each.state for each in report.verdicts} == {PRESENT}
    assert losses(report) == []
    sighting = report.snapshot.sightings[APP, windows.layers[0].digest]
    assert sighting.proof is Proof.EXTERNAL


async def test_19_a_nested_index_that_is_gone_counts_once_for_both_platforms() -> None:
    nested = worlds.index(A, B)
    top = worlds.index(nested, worlds.image("other", "linux/s390x"))
    registry = stocked(top)
    registry.sweep(nested.digest)

    report = await audited(registry)

    assert losses(report) == [WARNING]
    gone = child(report, nested.digest)
    assert (gone.kind, gone.required, gone.state) == (ChildKind.INDEX, True, MISSING)
    assert len(verdict(report).children) == 2


async def test_20_a_lost_signature_is_told_and_is_no_page() -> None:
    signature = worlds.referrer(I, "signature")
    registry = stocked()
    registry.push(worlds.index(signature), worlds.fallback_tag(I))
    swept(registry, signature)

    report = await audited(registry, use("app:v1"))

    assert verdict(report).state is PRESENT
    assert losses(report) == [INFO]
    assert [each.root.tag for each in report.findings if each.rule.code == "missing-child"] == [
        worlds.fallback_tag(I)
    ]


async def test_20_a_signature_does_not_miss_what_it_signs() -> None:
    registry = stocked(worlds.signature(I), worlds.signature_tag(I))

    report = await audited(registry)

    assert ([each.state for each in report.verdicts], losses(report)) == ([PRESENT], [])


async def test_22_a_tag_that_is_pushed_between_audits_is_new_and_not_suspicious() -> None:
    registry = stocked()
    before = await audited(registry)
    fresh = worlds.two_platforms("fresh")
    registry.push(fresh, "v2")
    registry.blobs[APP, worlds.layer("on its way").digest] = b"uploaded, and no manifest yet"

    report = await audited(registry, before=before, now=LATER)

    assert {each.state for each in report.verdicts} == {PRESENT}
    assert losses(report) == []


async def test_22_a_push_that_is_under_way_is_no_loss() -> None:
    registry = stocked()
    fresh = worlds.two_platforms("fresh")
    registry.spoil("v1", lambda: registry.push(fresh, "v1") and None)
    registry.spoil(fresh.children[1].layers[0].digest, Reason.RESET, TRUTH)

    assert losses(await audited(registry)) == []
