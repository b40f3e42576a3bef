"""An audit looks, judges, and asks once more before it claims a loss."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import Proof, State
from exporter.facts.snapshot import Role
from exporter.facts.use import ReferenceClass
from exporter.resolve import scope
from tests import worlds
from tests.fakes import (
    NO_MANIFEST,
    NOW,
    TRUTH,
    Fake,
    Notes,
    audited,
    child,
    codes,
    target,
    use,
    verdict,
)
from tests.incident import AMD64, ARM64, INDEX, LATER, LOSS, NEWER, broken, losses, move, stocked

if TYPE_CHECKING:
    from exporter.judge.report import Report

PROOF = worlds.attestation(AMD64)
ARM64_NODE = next(iter(use("app", "linux/arm64").platforms))
MISSING, BROKEN, UNKNOWN, PRESENT = State.MISSING, State.BROKEN, State.UNKNOWN, State.PRESENT


async def test_a_healthy_tag_is_present_and_nothing_is_asked_twice() -> None:
    registry = stocked()

    report = await audited(registry)

    assert (verdict(report).state, losses(report)) == (PRESENT, [])
    assert registry.counted()["HEAD", "tag"] == 1


async def test_a_loss_is_claimed_after_the_tag_was_resolved_again() -> None:
    registry, report = await broken()

    assert (verdict(report).state, losses(report)) == (BROKEN, [LOSS])
    assert registry.counted()["HEAD", "tag"] == 2
    assert child(report, ARM64.digest).state is MISSING


def delete(registry: Fake) -> None:
    registry.untag("v1")
    registry.sweep(ARM64.digest)


@pytest.mark.parametrize("digest", [INDEX.digest, ARM64.digest])
async def test_of_a_tag_that_moves_while_it_is_looked_at_nothing_is_claimed(
    digest: worlds.Digest,
) -> None:
    registry = stocked()
    registry.spoil(digest, lambda: move(registry))

    report = await audited(registry)

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])
    assert verdict(report).children[0].reason is Reason.UNCONFIRMED


async def test_a_tag_that_is_deleted_while_it_is_looked_at_is_not_told_of() -> None:
    registry = stocked()
    registry.spoil(ARM64.digest, lambda: delete(registry))

    report = await audited(registry)

    assert (report.verdicts, report.findings) == ((), ())


async def test_where_the_index_goes_with_its_child_nothing_is_claimed() -> None:
    registry = stocked()
    registry.spoil(ARM64.digest, lambda: registry.sweep(ARM64.digest, INDEX.digest))

    report = await audited(registry)

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])
    assert child(report, ARM64.digest).reason is Reason.UNCONFIRMED


async def test_a_tag_that_somebody_names_and_that_is_deleted_then_is_missing() -> None:
    registry = stocked()
    registry.spoil(ARM64.digest, lambda: delete(registry))

    report = await audited(registry, use("app:v1"))

    assert (verdict(report).state, codes(report)) == (MISSING, [("missing-child", "critical")])


async def test_a_tag_beside_a_digest_is_named_by_nobody() -> None:
    registry = stocked()
    pin = use(f"app:v1@{NEWER.digest}")
    registry.push(NEWER, "other")
    registry.spoil(ARM64.digest, lambda: delete(registry))

    report = await audited(registry, pin)

    assert "v1" not in {each.root.name for each in report.verdicts}


async def test_even_a_loss_that_nobody_needs_is_not_claimed_of_a_tag_that_moved() -> None:
    registry = stocked(worlds.index(AMD64, ARM64, PROOF))
    registry.sweep(PROOF.digest)
    registry.spoil(AMD64.digest, lambda: registry.push(NEWER, "v1") and None)

    report = await audited(registry)

    assert losses(report) == []


async def test_a_tag_that_moves_lacks_no_platform() -> None:
    registry = stocked()
    registry.spoil(AMD64.digest, lambda: registry.push(NEWER, "v1") and None)

    report = await audited(registry, use("app:v1", "linux/s390x"))

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])


async def test_a_tag_that_moves_lacks_no_platform_to_a_lower_class_either() -> None:
    registry = stocked()
    registry.spoil(AMD64.digest, lambda: registry.push(NEWER, "v1") and None)
    sleeps = use("app:v1", "linux/s390x", reference_class=ReferenceClass.IDLE)

    report = await audited(registry, use("app:v1", "linux/amd64"), sleeps)

    assert (verdict(report).overall, losses(report)) == (UNKNOWN, [])


async def test_a_listed_tag_that_leads_nowhere_is_missing() -> None:
    registry = stocked()
    registry.sweep(INDEX.digest)

    report = await audited(registry)

    assert verdict(report).state is MISSING
    assert [each.digest for each in verdict(report).children] == [INDEX.digest]


async def test_a_tag_that_somebody_names_and_that_never_was_is_missing() -> None:
    report = await audited(stocked(), use("app:v9"), use("nowhere:v1"))

    assert verdict(report, "v9").state is MISSING
    assert [each.state for each in report.verdicts].count(MISSING) == 2


async def test_a_tag_whose_manifest_is_denied_by_digest_is_missing() -> None:
    registry = stocked()
    registry.spoil(INDEX.digest, NO_MANIFEST)

    report = await audited(registry)

    assert (verdict(report).state, losses(report)) == (MISSING, [LOSS])


async def test_a_pinned_digest_is_missing_only_where_it_is_denied_twice() -> None:
    registry = stocked()
    pin = use(f"app@{INDEX.digest}")
    name = f"@{INDEX.digest.short}"
    registry.spoil(INDEX.digest, NO_MANIFEST, TRUTH)

    assert verdict(await audited(registry, pin), name).state is PRESENT
    registry.sweep(INDEX.digest)
    assert verdict(await audited(registry, pin), name).state is MISSING


async def test_first_seen_times_are_kept_from_report_to_report() -> None:
    registry, before = await broken()
    registry.sweep(AMD64.digest)

    report = await audited(registry, before=before, now=LATER)

    times = {key.split()[3]: time for key, time in report.since.items() if "missing" in key}
    assert times == {"linux/arm64": NOW, "linux/amd64": LATER}


async def test_a_pull_through_cache_is_never_said_to_have_lost_anything() -> None:
    registry = stocked()
    registry.sweep(INDEX.digest)
    told = target(registry, role=Role.PROXY)

    report = await audited(told, use("app:v9"))

    assert {each.state for each in report.verdicts} == {UNKNOWN}
    assert report.findings == ()
    assert registry.counted()["GET", "manifest"] == 0


async def test_the_same_registry_gives_the_same_report() -> None:
    async def once() -> Report:
        registry = stocked(worlds.index(AMD64, ARM64, PROOF))
        registry.push(worlds.chart("c"), "1.0.0")
        registry.sweep(PROOF.digest, ARM64.layers[0].digest)
        return await audited(registry, use("app:v1", "linux/amd64"))

    assert await once() == await once()


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize(
    "place", ["v1", INDEX.digest, AMD64.digest, AMD64.config.digest, AMD64.layers[1].digest]
)
async def test_no_fault_anywhere_is_a_loss_or_health(place: str, reason: Reason) -> None:
    registry = stocked()
    registry.spoil(place, reason)

    report = await audited(registry)

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])
    assert next(each.reason for each in verdict(report).children if each.reason) is reason
    assert PRESENT in {each.state for each in verdict(report).children} or place in (
        "v1",
        INDEX.digest,
    )


async def test_by_heads_alone_a_verdict_says_so() -> None:
    registry = stocked()
    told = target(registry)
    told = replace(told, limits=replace(told.limits, proof=Proof.HEAD))

    report = await audited(told)

    assert child(report, AMD64.digest).proof is Proof.HEAD
    assert not registry.counted()["GET", "blob"]


async def test_what_is_kept_is_believed_only_as_far_as_its_body() -> None:
    registry, notes = stocked(), Notes()
    await audited(target(registry, notes))
    registry.sweep(ARM64.digest)

    report = await audited(target(registry, notes))

    assert child(report, ARM64.digest).state is MISSING


async def test_required_platforms_hold_for_every_tag_that_is_an_image() -> None:
    registry = Fake()
    made: dict[str, Any] = {
        "image": worlds.image("app"),
        "chart": worlds.chart("c"),
        "cache": worlds.build_cache("app"),
        worlds.fallback_tag(AMD64): worlds.index(worlds.referrer(AMD64)),
        worlds.signature_tag(AMD64): worlds.signature(AMD64),
    }
    for tag, each in made.items():
        registry.push(each, tag)
    everything = scope.AuditScope(select=("*",), require=frozenset({ARM64_NODE}))

    report = await audited(target(registry, scope=everything))

    assert [each.root.name for each in report.verdicts if each.state is not PRESENT] == ["image"]
