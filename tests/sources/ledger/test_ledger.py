"""Does the ledger keep what it was given, through kills and damage, and never tell an untruth?"""

from __future__ import annotations

import os
import sqlite3
import subprocess
import sys
import tempfile
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.sources import Kept, Unseen
from exporter.sources.ledger.file import connect, set_aside
from exporter.sources.ledger.ledger import Ledger
from tests.schema1 import schema1

if TYPE_CHECKING:
    from collections.abc import Iterator

DAY = 86_400.0
BODY = b'{"schemaVersion":2}'
NAME = Digest.of(BODY)
TRUTH = Kept(b"\x00snapshot\xff", {"missing-child team/app:v1": 1234.5})


class Clock:
    """A clock that stands still until it is told."""

    def __init__(self) -> None:
        self.now = 20_000 * DAY

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "ledger.db"


def open_(path: Path | None, clock: Clock | None = None) -> Ledger:
    return Ledger(path, clock or Clock())


def bodies(count: int) -> dict[Digest, bytes]:
    made = (b'{"schemaVersion":2,"number":%d}' % number for number in range(count))
    return {Digest.of(body): body for body in made}


def aside(path: Path) -> Path:
    return path.with_name("ledger.db.set-aside")


def filled(path: Path, count: int = 1) -> Path:
    with open_(path) as ledger:
        ledger.keep_manifests(bodies(count) | {NAME: BODY})
        ledger.keep("main", TRUTH)
    return path


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
        ledger.keep("main", Kept(b"old", {"gone": 1.0}))
        ledger.keep("main", TRUTH)
        ledger.keep("other", Kept(b"", {}))

    with open_(path) as ledger:
        assert ledger.last("main") == TRUTH
        assert ledger.last("other") == Kept(b"", {})
        assert ledger.last("third") is None


def test_without_a_path_it_keeps_for_as_long_as_it_is_open() -> None:
    with open_(None) as ledger:
        ledger.keep_manifests({NAME: BODY})
        ledger.keep("main", TRUTH)

        assert (ledger.manifest(NAME), ledger.last("main")) == (BODY, TRUTH)
    with open_(None) as ledger:
        assert (ledger.manifest(NAME), ledger.last("main")) == (None, None)


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


@pytest.mark.parametrize(
    "content",
    [zlib.compress(BODY + b" "), zlib.compress(BODY)[:-1], b"", zlib.compress(bytes(20_000_000))],
)
def test_a_damaged_body_is_forgotten_and_never_told(path: Path, content: bytes) -> None:
    with open_(filled(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE manifests SET body = ?", (content,))
        other.commit()

        assert ledger.manifest(NAME) is None
        assert other.execute("SELECT count(*) FROM manifests").fetchone() == (1,)
        ledger.keep_manifests({NAME: BODY})
        assert ledger.manifest(NAME) == BODY


@pytest.mark.parametrize(
    "change",
    [
        "UPDATE truths SET snapshot = x'00'",
        "UPDATE truths SET since = '{}'",
        "UPDATE truths SET seal = x''",
    ],
)
def test_a_damaged_truth_is_not_told(path: Path, change: str) -> None:
    with open_(filled(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute(change)
        other.commit()

        assert ledger.last("main") is None


def test_one_registrys_truth_is_not_anothers(path: Path) -> None:
    with open_(filled(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE truths SET registry = 'other'")
        other.commit()

        assert ledger.last("other") is None


@pytest.mark.parametrize(("days", "left"), [(90, BODY), (91, None)])
def test_content_that_no_audit_asks_for_goes_after_ninety_days(
    path: Path, days: int, left: bytes | None
) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        ledger.keep_manifests({NAME: BODY})
        clock.now += days * DAY
        ledger.keep("main", TRUTH)

        assert ledger.manifest(NAME) == left


def test_content_that_audits_ask_for_stays(path: Path) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        ledger.keep_manifests({NAME: BODY})
        for _ in range(5):
            clock.now += 60 * DAY
            assert ledger.manifest(NAME) == BODY
            ledger.keep("main", TRUTH)


def test_content_that_is_kept_again_stays(path: Path) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        for _ in range(3):
            ledger.keep_manifests({NAME: BODY})
            ledger.keep("main", TRUTH)
            clock.now += 60 * DAY

        assert ledger.manifest(NAME) == BODY


def test_the_truth_of_a_registry_that_is_watched_no_more_goes_too(path: Path) -> None:
    clock = Clock()
    with open_(path, clock) as ledger:
        ledger.keep("gone", TRUTH)
        clock.now += 91 * DAY
        ledger.keep("main", TRUTH)

        assert (ledger.last("gone"), ledger.last("main")) == (None, TRUTH)


@pytest.mark.parametrize("content", [bytes(8192), bytes(range(256)) * 40])
def test_a_file_that_is_damaged_from_its_head_is_set_aside(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)

    with open_(path) as ledger:
        ledger.keep("main", TRUTH)
        assert ledger.last("main") == TRUTH
    assert aside(path).read_bytes() == content
    assert "the ledger cannot be used; a new one begins" in caplog.text


def test_what_sqlite_keeps_beside_a_damaged_file_goes_with_it(path: Path) -> None:
    for name in ("ledger.db", "ledger.db-wal", "ledger.db-shm", "other"):
        path.with_name(name).write_text(name)

    set_aside(path, "damaged")

    left = {part.name: part.read_text() for part in path.parent.iterdir()}
    assert left == {
        "ledger.db.set-aside": "ledger.db",
        "ledger.db.set-aside-wal": "ledger.db-wal",
        "ledger.db.set-aside-shm": "ledger.db-shm",
        "other": "other",
    }


def test_a_file_cut_short_is_set_aside(path: Path) -> None:
    whole = filled(path, 500).read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    with open_(path) as ledger:
        found = [ledger.manifest(name) for name in bodies(500)]
        ledger.keep("main", TRUTH)

        assert set(found) <= {None, *bodies(500).values()}
        assert ledger.last("main") == TRUTH
    assert aside(path).exists()


def test_damage_that_is_met_in_the_middle_of_the_work_costs_only_what_was_kept(path: Path) -> None:
    size = damaged(path)

    with open_(path) as ledger:
        assert ledger.manifest(NAME) is None
        ledger.keep_manifests({NAME: BODY})
        ledger.keep("main", TRUTH)
    with open_(path) as ledger:
        assert (ledger.manifest(NAME), ledger.last("main")) == (BODY, TRUTH)
    assert aside(path).stat().st_size == size


def damaged(path: Path) -> int:
    body = bytearray(filled(path, 2000).read_bytes())
    body[4096:] = b"\xff" * (len(body) - 4096)
    path.write_bytes(body)
    return len(body)


@pytest.fixture
def interleaved() -> Iterator[None]:
    """Threads that take turns all the time."""
    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    yield
    sys.setswitchinterval(before)


@pytest.mark.usefixtures("interleaved")
def test_damage_that_many_threads_meet_is_set_aside_once(path: Path) -> None:
    size = damaged(path)

    with open_(path) as ledger, ThreadPoolExecutor(16) as pool:
        found = list(pool.map(ledger.manifest, bodies(200)))

    assert found == [None] * 200
    assert aside(path).stat().st_size == size


def test_where_no_new_file_can_be_begun_it_goes_on_in_memory(tmp_path: Path) -> None:
    path = tmp_path / "folder" / "ledger.db"
    path.parent.mkdir()
    damaged(path)
    with open_(path) as ledger:
        path.parent.rename(tmp_path / "elsewhere")

        assert ledger.manifest(NAME) is None
        ledger.keep("main", TRUTH)
        ledger.keep_manifests({NAME: BODY})
        assert (ledger.last("main"), ledger.manifest(NAME)) == (TRUTH, BODY)


def test_a_flipped_bit_anywhere_never_becomes_an_untruth(path: Path) -> None:
    whole = filled(path, 20).read_bytes()
    for at in (*range(100), *range(100, len(whole), 97)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])

        with open_(path) as ledger:
            for name, body in bodies(20).items():
                assert ledger.manifest(name) in (None, body)
            assert ledger.last("main") in (None, TRUTH)
            ledger.keep("main", TRUTH)
        for part in path.parent.iterdir():
            part.unlink()


def test_a_ledger_of_another_version_is_set_aside(path: Path) -> None:
    with closing(sqlite3.connect(filled(path))) as other:
        other.execute("PRAGMA user_version = 2")

    with open_(path) as ledger:
        assert ledger.last("main") is None
    assert aside(path).exists()


@pytest.mark.parametrize("content", [b"registries:\n- url: https://a\n", b"x"])
def test_a_text_file_named_by_mistake_is_refused_and_left_alone(path: Path, content: bytes) -> None:
    path.write_bytes(content)

    with pytest.raises(Unseen, match="not a ledger; name another file or move this one away"):
        open_(path)
    assert [path.read_bytes(), list(path.parent.iterdir())] == [content, [path]]


@pytest.mark.parametrize(
    "theirs", ["CREATE TABLE theirs (x)", "PRAGMA application_id = 7; PRAGMA user_version = 1"]
)
def test_another_programs_database_is_refused_and_left_alone(path: Path, theirs: str) -> None:
    with closing(sqlite3.connect(path)) as other:
        other.executescript(theirs)
    content = path.read_bytes()

    with pytest.raises(Unseen, match="not a ledger"):
        open_(path)
    assert path.read_bytes() == content


def test_what_is_no_file_is_refused(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")

    with pytest.raises(Unseen, match="not a ledger"):
        open_(tmp_path)
    with pytest.raises(Unseen, match="not a ledger"):
        open_(tmp_path / "pipe")
    with pytest.raises(Unseen, match="the ledger's folder does not exist"):
        open_(tmp_path / "no" / "ledger.db")


def test_a_locked_ledger_is_refused(path: Path) -> None:
    with closing(sqlite3.connect(filled(path), isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")

        with pytest.raises(Unseen, match="cannot be used: database is locked") as caught:
            connect(path, patience=0)
    assert caught.value.reason is Reason.UNREADABLE


@pytest.fixture
def as_nobody() -> Iterator[Path]:
    """A folder that may be read and not written: root may write everywhere, so be someone else."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        filled(folder / "ledger.db")
        for each in (*folder.iterdir(), folder):
            each.chmod(0o555)
        before = os.geteuid()
        if before == 0:
            os.seteuid(65_534)
        yield folder
        os.seteuid(before)
        folder.chmod(0o755)


def test_a_ledger_that_cannot_be_written_is_refused(as_nobody: Path) -> None:
    with pytest.raises(Unseen, match="the ledger cannot be used"):
        open_(as_nobody / "ledger.db")
    with pytest.raises(Unseen, match="the ledger cannot be used"):
        open_(as_nobody / "new.db")


def test_a_ledger_that_fails_costs_a_second_reading_and_nothing_else(
    path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    ledger = open_(path)
    ledger.close()

    ledger.keep_manifests({NAME: BODY})
    ledger.keep("main", TRUTH)

    assert (ledger.manifest(NAME), ledger.last("main")) == (None, None)
    assert caplog.text.count("the ledger failed") == 4


def test_what_fails_in_the_middle_is_not_kept_in_half(path: Path) -> None:
    with open_(filled(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("DROP TABLE manifests")
        ledger.keep("main", Kept(b"new", {}))

        assert ledger.last("main") == TRUTH


def test_many_threads_and_processes_read_while_it_writes(path: Path) -> None:
    kept = bodies(300)
    truths = [Kept(b"%d" % number, {"n": float(number)}) for number in range(60)]

    with open_(path) as ledger, ThreadPoolExecutor(4) as pool:
        ledger.keep("main", truths[0])
        writing = [pool.submit(ledger.keep, "main", truth) for truth in truths]
        writing.append(pool.submit(ledger.keep_manifests, kept))
        reading = [pool.submit(ledger.last, "main") for _ in truths]
        with closing(sqlite3.connect(path)) as other:
            assert other.execute("SELECT count(*) FROM truths").fetchone() == (1,)
        assert all(each.result() in truths for each in reading)
        assert all(each.result() is None for each in writing)
        assert all(ledger.manifest(name) == body for name, body in kept.items())


WRITER = """
import sys
from pathlib import Path
from exporter.oci.digest import Digest
from exporter.sources import Kept
from exporter.sources.ledger.ledger import Ledger

ledger = Ledger(Path(sys.argv[1]), lambda: 1.7e9)
number = 0
while True:
    number += 1
    content = [b"%d %d" % (number, part) for part in range(50)]
    ledger.keep_manifests({Digest.of(each): each for each in content})
    ledger.keep("main", Kept(b"%d " % number * 5000, {str(key): number for key in range(500)}))
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
            last = ledger.last("main")
            number = int(last.snapshot.split()[0]) if last else 0
            assert number >= max(told, default=0)
            if last:
                assert last.snapshot == b"%d " % number * 5000
                assert last.since == {str(key): number for key in range(500)}
                content = [b"%d %d" % (number, part) for part in range(50)]
                assert all(ledger.manifest(Digest.of(each)) == each for each in content)
    assert not aside(path).exists()
