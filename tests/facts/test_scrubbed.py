"""What a later audit, which reads one byte, makes of what whole reads found before."""

from __future__ import annotations

from dataclasses import replace

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import (
    HASHED,
    HEADER,
    LAST_BYTE,
    Proof,
    Sighting,
    State,
    corrupt,
    gone,
    unknown,
)
from exporter.facts.scrubbed import Mismatch, Proven, Scrubbed, recall
from exporter.facts.snapshot import Snapshot
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository

APP, OTHER = Repository("app"), Repository("other")
BLOB = Digest.of(b"blob")
NOW, DAY = 1_776_852_000.0, 86_400.0
MONTH = 30 * DAY


def proven(at: float, repository: Repository = APP) -> Scrubbed:
    return Scrubbed({BLOB: Proven(0.0, at)}, {(repository, BLOB): at})


ROTTEN = Scrubbed(mismatches={(APP, BLOB): Mismatch(NOW - DAY, "digest-mismatch: hashes to x")})


def snapshot(seen: Sighting, repository: Repository = APP, at: float = NOW) -> Snapshot:
    return Snapshot("registry", at, sightings={(repository, BLOB): seen})


def known(
    seen: Sighting,
    scrubbed: Scrubbed,
    before: Snapshot | None = None,
    repository: Repository = APP,
) -> Sighting:
    after = recall(snapshot(seen, repository), before, scrubbed, MONTH)
    return after.sightings[repository, BLOB]


@pytest.mark.parametrize("seen", [LAST_BYTE, HEADER, unknown(Reason.TIMEOUT)])
def test_no_glance_takes_anything_from_a_proven_corruption(seen: Sighting) -> None:
    after = known(seen, ROTTEN)

    assert after.corrupt
    assert after.seen_at == NOW - DAY


@pytest.mark.parametrize("seen", [HASHED, gone(State.MISSING, "BLOB_UNKNOWN")])
def test_what_this_audit_proved_itself_is_newer_than_any_scrub(seen: Sighting) -> None:
    assert known(seen, ROTTEN) is seen


def test_what_is_not_looked_at_by_design_is_not_corrupt() -> None:
    seen = unknown(Reason.BY_DESIGN)

    assert known(seen, ROTTEN) is seen


def test_another_repository_is_not_blamed_for_bytes_that_were_not_read_there() -> None:
    assert known(LAST_BYTE, ROTTEN, repository=OTHER) is LAST_BYTE


def test_a_proof_is_of_every_repository_where_all_have_one_copy_and_else_of_one() -> None:
    read = proven(NOW - 1)

    assert known(LAST_BYTE, read, repository=OTHER) is LAST_BYTE
    assert known(LAST_BYTE, replace(read, shared=True), repository=OTHER) is HASHED


def test_a_corruption_outlives_the_loss_of_the_scrubs_memory() -> None:
    before = snapshot(corrupt("hashes to x"), at=NOW - DAY)

    assert known(LAST_BYTE, Scrubbed(), before).corrupt


def test_a_corruption_ends_with_a_later_read_that_is_right() -> None:
    before = snapshot(corrupt("hashes to x"), at=NOW - DAY)
    repaired = proven(NOW - 1)
    early = proven(NOW - 2 * DAY)

    assert not known(LAST_BYTE, repaired, before).corrupt
    assert known(LAST_BYTE, early, before).corrupt


def test_bytes_hashed_within_the_period_are_proven_by_their_hash() -> None:
    assert known(LAST_BYTE, proven(NOW - MONTH)) == HASHED


@pytest.mark.parametrize(
    "read",
    [Scrubbed({BLOB: Proven(0.0)}), proven(NOW - MONTH - 1), proven(NOW - 1, OTHER)],
    ids=["never", "too long ago", "elsewhere"],
)
def test_no_other_proof_counts_for_more_than_it_is(read: Scrubbed) -> None:
    assert known(LAST_BYTE, read) is LAST_BYTE


def test_a_header_is_no_last_byte_whatever_was_hashed_before() -> None:
    seen = known(HEADER, proven(NOW - 1))

    assert seen.proof is Proof.HEAD


def test_without_any_memory_a_snapshot_stays_the_very_same() -> None:
    seen = snapshot(LAST_BYTE)

    assert recall(seen, replace(seen), Scrubbed(), MONTH) is seen
