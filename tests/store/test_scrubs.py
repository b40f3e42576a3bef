"""What does the ledger remember of whole reads, also after a restart?"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.facts.proof import HASHED, State, corrupt, gone, unknown
from exporter.facts.scrubbed import Mismatch, Proven, Scrubbed
from exporter.oci.digest import Digest
from exporter.oci.reference import Repository
from exporter.store.ledger import Ledger
from tests.store.kept import DAY, NOW, Clock

if TYPE_CHECKING:
    from pathlib import Path

APP, OTHER = Repository("app"), Repository("other")
BLOB = Digest.of(b"blob")
LONG = Digest.of(b"blob", "sha512")
ROTTEN = corrupt("hashes to x")


def reopened(path: Path) -> Scrubbed:
    with Ledger(path, Clock()) as ledger:
        return ledger.scrubbed("main")


def test_what_is_needed_waits_from_the_first_time_on_and_across_restarts(path: Path) -> None:
    clock = Clock()
    with Ledger(path, clock) as ledger:
        ledger.want("main", [BLOB, LONG])
        clock.now += 3 * DAY
        ledger.want("main", [BLOB, LONG])

    assert reopened(path).proofs == {BLOB: Proven(NOW), LONG: Proven(NOW)}


def test_a_proof_keeps_since_when_it_was_waited_for(path: Path) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.want("main", [BLOB])
        ledger.note("main", {(APP, BLOB): HASHED}, NOW + 5)
        ledger.note("main", {(OTHER, LONG): HASHED}, NOW + 6)

    proofs = reopened(path).proofs
    assert proofs == {BLOB: Proven(NOW, NOW + 5), LONG: Proven(NOW + 6, NOW + 6)}


def test_a_mismatch_is_of_one_place_and_ends_with_a_proof_of_that_place(path: Path) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.note("main", {(APP, BLOB): ROTTEN, (OTHER, BLOB): ROTTEN}, NOW)
        ledger.note("main", {(OTHER, BLOB): HASHED}, NOW + 1)

    assert reopened(path).mismatches == {(APP, BLOB): Mismatch(NOW, ROTTEN.detail)}


def test_a_proof_is_of_each_place_that_was_read(path: Path) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.note("main", {(APP, BLOB): HASHED}, NOW)
        ledger.note("main", {(OTHER, BLOB): HASHED}, NOW + 1)

    assert reopened(path).places == {(APP, BLOB): NOW, (OTHER, BLOB): NOW + 1}


def test_a_mismatch_takes_no_earlier_proof_for_its_own(path: Path) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.note("main", {(APP, BLOB): HASHED}, NOW)
        ledger.note("main", {(APP, BLOB): ROTTEN}, NOW + 1)

    known = reopened(path)
    assert known.proofs[BLOB].at == NOW
    assert (APP, BLOB) in known.mismatches


@pytest.mark.parametrize(
    "seen", [unknown(Reason.TIMEOUT), gone(State.MISSING, "BLOB_UNKNOWN"), gone(State.BROKEN, "")]
)
def test_what_proves_nothing_about_bytes_changes_nothing(path: Path, seen: object) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.note("main", {(APP, BLOB): ROTTEN}, NOW)
        before = ledger.scrubbed("main")

        ledger.note("main", {(APP, BLOB): seen}, NOW + 1)  # type: ignore[dict-item] # a sighting

        assert ledger.scrubbed("main") == before


def test_registries_do_not_know_of_each_other(path: Path) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.want("main", [BLOB])
        ledger.note("main", {(APP, BLOB): ROTTEN}, NOW)
        ledger.owe("main", NOW + 7)

        assert ledger.scrubbed("other") == Scrubbed()
        assert (ledger.debt("main"), ledger.debt("other")) == (NOW + 7, 0.0)


@pytest.mark.parametrize("column", ["repository", "detail"])
def test_a_damaged_name_or_detail_hides_nothing_else(path: Path, column: str) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.note("main", {(APP, BLOB): HASHED, (OTHER, BLOB): ROTTEN}, NOW)
        ledger.note("main", {(OTHER, LONG): HASHED}, NOW)
    with closing(sqlite3.connect(path)) as file, file:
        file.execute(f"UPDATE mismatches SET {column} = CAST(x'ff61' AS TEXT)")  # noqa: S608 - of the list above
        file.execute(
            "UPDATE proven_places SET repository = CAST(x'ff61' AS TEXT) WHERE length(digest) = 32"
        )

    known = reopened(path)

    assert known.proofs[LONG] == Proven(NOW, NOW)
    assert known.places.keys() >= {(OTHER, LONG)}
    assert (APP, BLOB) not in known.places
    assert len(known.mismatches) == 1


def test_what_nothing_needs_for_months_is_forgotten(path: Path) -> None:
    clock = Clock()
    with Ledger(path, clock) as ledger:
        ledger.want("main", [BLOB, LONG])
        clock.now += 89 * DAY
        ledger.want("main", [LONG])
        assert BLOB in ledger.scrubbed("main").proofs
        clock.now += 2 * DAY
        ledger.want("main", [LONG])

        assert ledger.scrubbed("main").proofs.keys() == {LONG}


def test_a_ledger_in_memory_remembers_too() -> None:
    with Ledger(None, Clock()) as ledger:
        ledger.note("main", {(APP, BLOB): HASHED}, NOW)

        assert ledger.scrubbed("main").proofs[BLOB].at == NOW
