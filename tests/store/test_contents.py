"""What does the ledger remember of the content of layers and configurations?"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

import pytest

from exporter.facts.diff_ids import Contents, Inside, Known, Unpacked
from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.oci.layers import SILENT, Rootfs
from exporter.store.ledger import Ledger
from tests.store.kept import DAY, Clock

if TYPE_CHECKING:
    from pathlib import Path

ONE, TWO = Digest.of(b"one"), Digest.of(b"two")
LONG = Digest.of(b"one", "sha512")
FOUND = [
    Unpacked(TWO),
    Unpacked(TWO, packed=False),
    Unpacked(None, "it ends within its gzip stream"),
    Unpacked(None, "it unpacks to more than 9 bytes", Reason.TOO_LARGE),
    Rootfs((ONE, TWO, ONE)),
    Rootfs(()),
    SILENT,
]


def reopened(path: Path) -> Contents:
    with Ledger(path, Clock()) as ledger:
        return dict(ledger.scrubbed("main").contents)


@pytest.mark.parametrize("content", FOUND, ids=str)
@pytest.mark.parametrize("digest", [ONE, LONG])
def test_what_was_found_comes_back_after_a_restart(
    path: Path, content: Inside, digest: Digest
) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.learn("main", digest, content)
        assert ledger.scrubbed("other").contents == {}

    assert reopened(path) == {digest: Known(content)}


def test_readings_that_agree_are_counted_and_another_begins_anew(path: Path) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.learn("main", ONE, Unpacked(TWO))
        ledger.learn("main", ONE, Unpacked(TWO))
    assert reopened(path) == {ONE: Known(Unpacked(TWO), 2)}

    with Ledger(path, Clock()) as ledger:
        ledger.learn("main", ONE, Unpacked(ONE))
    assert reopened(path) == {ONE: Known(Unpacked(ONE), 1)}


def test_what_nothing_needs_for_months_is_forgotten(path: Path) -> None:
    clock = Clock()
    with Ledger(path, clock) as ledger:
        ledger.want("main", [ONE, LONG])
        ledger.learn("main", ONE, SILENT)
        ledger.learn("main", LONG, SILENT)
        ledger.want("other", [ONE])
        ledger.learn("other", ONE, SILENT)
        clock.now += 91 * DAY
        ledger.want("main", [LONG])

        assert ledger.scrubbed("main").contents.keys() == {LONG}
        assert ledger.scrubbed("other").contents.keys() == {ONE}


@pytest.mark.parametrize(
    "damage",
    [
        "UPDATE contents SET content = replace(content, 'sha256:3', 'sha256:4')",
        "UPDATE contents SET digest = zeroblob(32)",
        "UPDATE contents SET content = '{}'",
    ],
)
def test_a_flipped_bit_here_is_held_against_no_image(path: Path, damage: str) -> None:
    with Ledger(path, Clock()) as ledger:
        ledger.learn("main", ONE, Unpacked(TWO))
    with sqlite3.connect(path) as file:
        assert file.execute(damage).rowcount == 1
    file.close()

    assert reopened(path) == {}
