"""Is all that a write was given kept or none of it, through kills, faults and other threads?"""

from __future__ import annotations

import errno
import sqlite3
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from exporter.oci.digest import Digest
from tests.store.kept import BODY, NAME, TRUTH, aside, bodies, filled, keep, last, open_

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    import pytest


def test_a_ledger_that_fails_costs_a_second_reading_and_nothing_else(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = open_(path)
    ledger.close()

    ledger.keep_manifests({NAME: BODY})
    keep(ledger, "main", TRUTH)

    assert (ledger.manifest(NAME), last(ledger, "main")) == (None, None)
    assert caplog.text.count("ledger failed") == 4


def test_it_is_told_whether_the_ledger_can_be_written(path: Path) -> None:
    with open_(path) as ledger, closing(sqlite3.connect(path)) as other:
        tally = ledger.tally
        assert tally is not None
        told = [tally.writable]
        for change in ("ALTER TABLE audits RENAME TO other", "ALTER TABLE other RENAME TO audits"):
            other.execute(change)
            keep(ledger, "main", TRUTH)
            ledger.owe("main", 1.0)  # on a full disk a small write may succeed beside
            told.append(tally.writable)

    assert told == [True, False, True]


def test_a_ledger_that_is_given_up_is_told_as_one_that_cannot_be_written(path: Path) -> None:
    with open_(filled(path, 3_000)) as ledger:
        assert ledger.tally is not None
        path.write_bytes(path.read_bytes()[:4096] + b"\xff" * 2_000_000)
        aside(path).mkdir()  # so that the damaged file cannot be set aside
        for _ in range(2):
            keep(ledger, "main", TRUTH)
            last(ledger, "main")

        assert not ledger.tally.writable


def test_a_snapshot_that_has_no_room_on_its_way_is_told_as_one_that_cannot_be_written(
    path: Path,
) -> None:
    def pieces() -> Iterator[bytes]:
        yield b"new"
        raise OSError(errno.ENOSPC, "No space left on device")

    with open_(filled(path)) as ledger:
        assert ledger.tally is not None
        ledger.keep("main", pieces(), {})
        assert not ledger.tally.writable
        assert last(ledger, "main") == TRUTH


def test_a_long_snapshot_locks_the_ledger_for_nobody_while_it_is_made(path: Path) -> None:
    def pieces() -> Iterator[bytes]:
        with closing(sqlite3.connect(path, timeout=0.0)) as other, other:
            other.execute("DELETE FROM manifests")
        yield b"new"

    with open_(filled(path)) as ledger:
        ledger.keep("main", pieces(), {})
        assert last(ledger, "main") == (b"new", {})


def test_a_ledger_in_memory_tells_nothing_of_writes() -> None:
    with open_(None) as ledger:
        assert ledger.tally is None


def test_what_fails_in_the_middle_is_not_kept_in_half(path: Path) -> None:
    with open_(filled(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE manifests")
        keep(ledger, "main", (b"new", {}))

        assert last(ledger, "main") == TRUTH


def test_many_threads_and_processes_read_while_it_writes(path: Path) -> None:
    kept = bodies(300)
    truths = [(b"%d" % number, {"n": float(number)}) for number in range(60)]

    with open_(path) as ledger, ThreadPoolExecutor(4) as pool:
        keep(ledger, "main", truths[0])
        writing = [pool.submit(keep, ledger, "main", truth) for truth in truths]
        writing.append(pool.submit(ledger.keep_manifests, kept))
        reading = [pool.submit(last, ledger, "main") for _ in truths]
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM audits").fetchone() == (1,)
        assert all(each.result() in truths for each in reading)
        assert all(each.result() is None for each in writing)
        assert all(ledger.manifest(name) == body for name, body in kept.items())


WRITER = """
import sys
from pathlib import Path
from exporter.oci.digest import Digest
from exporter.store.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]), lambda: 1.7e9)
number = 0
while True:
    number += 1
    content = [b"%d %d" % (number, part) for part in range(50)]
    ledger.keep_manifests({Digest.of(each): each for each in content})
    ledger.keep("main", [b"%d " % number * 5000], {str(key): number for key in range(500)})
    print(number, flush=True)
"""


def test_a_kill_in_the_middle_of_a_write_loses_nothing_that_was_kept(path: Path) -> None:
    for rounds in (0, 1, 3, 7, 20, 21, 22):
        command = [sys.executable, "-c", WRITER, str(path)]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as writer:
            assert writer.stdout is not None
            told = [int(writer.stdout.readline()) for _ in range(rounds)]
            writer.kill()

        with open_(path) as ledger:
            truth = last(ledger, "main")
            number = int(truth[0].split()[0]) if truth else 0
            assert number >= max(told, default=0)
            if truth:
                assert truth == (b"%d " % number * 5000, {str(key): number for key in range(500)})
                content = [b"%d %d" % (number, part) for part in range(50)]
                assert all(ledger.manifest(Digest.of(each)) == each for each in content)
    assert not aside(path).exists()
