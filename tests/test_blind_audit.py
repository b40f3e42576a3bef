"""In a blind spell what was lost stays lost, under its age; nothing else is claimed."""

from __future__ import annotations

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import State
from exporter.oci.reference import Repository
from tests.fakes import (
    APP,
    NO_MANIFEST,
    NOW,
    TRUTH,
    audited,
    child,
    cut_list,
    use,
    verdict,
)
from tests.incident import ARM64, INDEX, LATER, LOSS, broken, losses, move, stocked

BROKEN, UNKNOWN, PRESENT, MISSING = State.BROKEN, State.UNKNOWN, State.PRESENT, State.MISSING


@pytest.mark.parametrize("reason", [Reason.TIMEOUT, Reason.DENIED, Reason.RATE_LIMITED])
@pytest.mark.parametrize("place", ["v1", INDEX.digest, ARM64.digest, "*"])
async def test_a_loss_stays_wherever_the_registry_stumbles(reason: Reason, place: str) -> None:
    registry, before = await broken()
    registry.spoil(place, reason)

    report = await audited(registry, before=before, now=LATER)

    assert (verdict(report).state, losses(report)) == (BROKEN, [LOSS])
    hidden = place in (INDEX.digest, ARM64.digest)
    assert report.snapshot.sightings[APP, ARM64.digest].seen_at == (NOW if hidden else None)
    assert [time for key, time in report.since.items() if "missing" in key] == [NOW]


async def test_a_loss_that_is_seen_to_be_repaired_is_none_of_an_unresolved_tag() -> None:
    registry, before = await broken()
    registry.push(ARM64)
    registry.spoil("v1", Reason.TIMEOUT)

    report = await audited(registry, before=before, now=LATER)

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])


async def test_a_broken_child_stays_broken_while_its_manifest_cannot_be_seen() -> None:
    registry = stocked()
    registry.blobs[APP, ARM64.layers[0].digest] = b""
    before = await audited(registry)
    registry.spoil(ARM64.digest, Reason.SERVER_ERROR)

    report = await audited(registry, before=before, now=LATER)

    assert child(report, ARM64.digest).state is BROKEN
    assert report.snapshot.sightings[APP, ARM64.layers[0].digest].seen_at == NOW


async def test_the_age_of_a_loss_is_kept_over_many_blind_audits() -> None:
    registry, report = await broken()
    registry.spoil(ARM64.digest, Reason.TIMEOUT)
    for n in range(1, 4):
        report = await audited(registry, before=report, now=NOW + 900 * n)

    assert report.snapshot.sightings[APP, ARM64.digest].seen_at == NOW
    assert child(report, ARM64.digest).state is MISSING


async def test_health_is_not_carried() -> None:
    registry = stocked()
    before = await audited(registry)
    registry.spoil(ARM64.digest, Reason.TIMEOUT)

    report = await audited(registry, before=before, now=LATER)

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])


async def test_no_new_loss_is_laid_on_a_tag_that_cannot_be_resolved() -> None:
    registry = stocked()
    before = await audited(registry)
    move(registry)
    registry.spoil("v1", Reason.TIMEOUT)

    report = await audited(registry, before=before, now=LATER)

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])


async def test_no_loss_is_laid_on_a_tag_that_cannot_be_resolved_at_the_end() -> None:
    registry = stocked()
    registry.sweep(ARM64.digest)
    registry.spoil("v1", TRUTH, Reason.TIMEOUT)

    report = await audited(registry)

    assert (verdict(report).state, losses(report)) == (UNKNOWN, [])


async def test_a_repair_is_seen_at_once() -> None:
    registry, before = await broken()
    registry.push(ARM64)

    report = await audited(registry, before=before, now=LATER)

    assert (verdict(report).state, losses(report)) == (PRESENT, [])


async def test_a_dangling_tag_stays_lost_while_a_list_has_gaps() -> None:
    registry = stocked()
    registry.spoil("v1", NO_MANIFEST)
    before = await audited(registry)
    registry.spoil("*", cut_list())

    report = await audited(registry, before=before, now=LATER)

    assert verdict(report).state is MISSING
    assert verdict(report).root.sighting.seen_at == NOW


async def test_a_repository_stays_while_the_catalogue_is_denied() -> None:
    registry, before = await broken()
    registry.push(INDEX, "v1", Repository("other"))
    registry.spoil("*", Reason.DENIED, repository=Repository(""))

    report = await audited(registry, before=before, now=LATER)

    assert [(each.root.repository, each.state) for each in report.verdicts] == [(APP, BROKEN)]


async def test_a_registry_that_is_away_changes_nothing_but_is_blind() -> None:
    registry, before = await broken()
    registry.down = True

    report = await audited(registry, use("app:v1"), before=before, now=LATER)

    assert report.snapshot.blind is not None
    assert [each.state for each in report.verdicts] == [UNKNOWN]
    assert report.findings == ()
