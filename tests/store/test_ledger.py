"""Does the ledger tell what it was given after a restart, for as long as somebody asks for it?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from exporter.oci.digest import Digest
from tests.schema1 import schema1
from tests.store.kept import BODY, DAY, NAME, TRUTH, Clock, bodies, keep, last, open_

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("algorithm", ["sha256", "sha512"])
def test_a_body_is_found_by_its_digest_after_a_restart(path: Path, algorithm: str) -> None:
    name = Digest.of(BODY, algorithm)
    with open_(path) as ledger:
        ledger.keep_manifests({name: BODY})

    with open_(path) as ledger:
        assert ledger.manifest(name) == BODY
        assert ledger.manifest(Digest.of(b"another")) is None


def test_the_last_truth_and_its_first_seen_times_survive_a_restart(path: Path) -> None:
    with open_(path) as ledger:
        keep(ledger, "main", (b"old", {"gone": 1.0}))
        keep(ledger, "main", TRUTH)
        keep(ledger, "other", (b"", {}))

    with open_(path) as ledger:
        assert last(ledger, "main") == TRUTH
        assert last(ledger, "other") == (b"", {})
        assert last(ledger, "third") is None


def test_a_long_truth_is_kept_in_parts_and_each_is_whole(path: Path) -> None:
    long, other = bytes(range(251)) * 15_000, (bytes(2_000_000), {})
    with open_(path) as ledger:
        keep(ledger, "other", other)
        keep(ledger, "main", (long, {}))
    with open_(path) as ledger:
        assert last(ledger, "main") == (long, {})
        keep(ledger, "main", (long[:1_500_000], {}))
        assert last(ledger, "main") == (long[:1_500_000], {})
        keep(ledger, "main", TRUTH)
        assert last(ledger, "main") == TRUTH
        assert last(ledger, "other") == other
    with sqlite3.connect(path) as file:
        file.execute("DELETE FROM audit_parts")
    file.close()
    with open_(path) as ledger:
        assert last(ledger, "other") is None


def test_when_kinds_of_a_source_were_listed_survives_a_restart(path: Path) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        ledger.keep_synced("prod", {"pods": clock.now, "nodes": clock.now - 5})
        ledger.keep_synced("prod", {"pods": clock.now + 1})
        ledger.keep_synced("edge", {"pods": clock.now - 100 * DAY})

    with open_(path) as ledger:
        assert ledger.synced("prod") == {"pods": clock.now + 1, "nodes": clock.now - 5}
        assert ledger.synced("edge") == {}


def test_a_ledger_that_was_written_before_it_kept_kinds_is_used_on(path: Path) -> None:
    with open_(path) as ledger:
        keep(ledger, "hub", TRUTH)
    with sqlite3.connect(path) as file:
        file.execute("DROP TABLE kinds")
    file.close()

    with open_(path) as ledger:
        ledger.keep_synced("prod", {"pods": Clock().now})
        assert last(ledger, "hub") == TRUTH
        assert ledger.synced("prod") == {"pods": Clock().now}


def test_without_a_path_it_keeps_for_as_long_as_it_is_open() -> None:
    with open_(None) as ledger:
        ledger.keep_manifests({NAME: BODY})
        keep(ledger, "main", TRUTH)

        assert (ledger.manifest(NAME), last(ledger, "main")) == (BODY, TRUTH)
    with open_(None) as ledger:
        assert (ledger.manifest(NAME), last(ledger, "main")) == (None, None)


def test_forty_thousand_manifests_are_kept_and_read_back(path: Path) -> None:
    kept = bodies(40_000)
    with open_(path) as ledger:
        ledger.keep_manifests(kept)

    with open_(path) as ledger:
        assert all(ledger.manifest(name) == body for name, body in kept.items())


def test_a_signed_schema1_manifest_is_known_by_what_it_signs(path: Path) -> None:
    made = schema1("seed", "team/app", "v1")
    name, body = made.digest, made.body
    with open_(path) as ledger:
        ledger.keep_manifests({name: body})

        assert ledger.manifest(name) == body


@pytest.mark.parametrize(("days", "left"), [(90, BODY), (91, None)])
def test_content_that_no_audit_asks_for_goes_after_ninety_days(
    path: Path, days: int, left: bytes | None
) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        ledger.keep_manifests({NAME: BODY})
        clock.now += days * DAY
        keep(ledger, "main", TRUTH)

        assert ledger.manifest(NAME) == left


def test_content_that_audits_ask_for_stays(path: Path) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        ledger.keep_manifests({NAME: BODY})
        for _ in range(5):
            clock.now += 60 * DAY
            assert ledger.manifest(NAME) == BODY
            keep(ledger, "main", TRUTH)


def test_content_that_is_kept_again_stays(path: Path) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        for _ in range(3):
            ledger.keep_manifests({NAME: BODY})
            keep(ledger, "main", TRUTH)
            clock.now += 60 * DAY

        assert ledger.manifest(NAME) == BODY


def test_the_truth_of_a_registry_that_is_watched_no_more_goes_too(path: Path) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        keep(ledger, "gone", TRUTH)
        clock.now += 91 * DAY
        keep(ledger, "main", TRUTH)

        assert (last(ledger, "gone"), last(ledger, "main")) == (None, TRUTH)
