"""What operators suffered, one by one: what becomes of a registry, as an audit must tell of it."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import Proof
from exporter.facts.snapshot import Role
from exporter.judge.tag_verdict import ChildKind
from exporter.oci.platform import Platform
from exporter.oci.reference import Repository
from exporter.ports import Wrong
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
)
from tests.incident import LATER, losses
from tests.judge.scene import left_out
from tests.scenarios import (
    BROKEN,
    CRITICAL,
    INFO,
    MISSING,
    PRESENT,
    UNKNOWN,
    WARNING,
    A,
    B,
    I,
    T,
    stocked,
    swept,
)


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
    headers = replace(honest, limits=replace(honest.limits, proof=Proof.HEAD))
    believed = child(await audited(headers), A.digest)
    assert (believed.state, believed.proof) == (PRESENT, Proof.HEAD)


async def test_06_a_tag_that_resolves_to_a_digest_that_is_absent_is_missing() -> None:
    registry = stocked()
    registry.spoil(I.digest, NO_MANIFEST)

    report = await audited(registry)

    assert verdict(report).state is MISSING
    assert verdict(report).root.sighting.state is PRESENT
    assert [each.digest for each in verdict(report).children] == [I.digest]


async def test_06_one_denial_that_is_followed_by_the_content_is_told_and_no_loss() -> None:
    registry = stocked()
    registry.spoil(I.digest, NO_MANIFEST, TRUTH)

    report = await audited(registry)

    assert verdict(report).state is PRESENT
    assert losses(report) == [("recovered-on-read", "info")]


async def test_08_a_lost_attestation_is_information_and_the_image_runs() -> None:
    report = await audited(swept(stocked(), T), use("app:v1"))

    assert verdict(report).state is PRESENT
    assert child(report, T.digest).kind is ChildKind.ATTESTATION
    assert losses(report) == [INFO]


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
    assert left_out(verdict(joined)) == ("linux/arm64",)

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
