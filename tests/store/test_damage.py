"""Does a damaged ledger cost only what was kept in it, and never tell an untruth?"""

from __future__ import annotations

import sqlite3
import sys
import zlib
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

import pytest

from exporter.facts.body import Outline
from exporter.facts.proof import HASHED, corrupt
from exporter.oci.digest import Digest
from exporter.oci.layers import SILENT
from exporter.oci.reference import Repository
from exporter.store.ledger_file import set_aside
from tests.store.kept import BODY, NAME, NOW, TRUTH, aside, bodies, filled, keep, last, open_

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from exporter.store.ledger import Ledger


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
        "UPDATE audits SET snapshot = x'00'",
        "UPDATE audits SET since = '{}'",
        "UPDATE audits SET seal = x''",
    ],
)
def test_a_damaged_truth_is_not_told(path: Path, change: str) -> None:
    with open_(filled(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute(change)
        other.commit()

        assert last(ledger, "main") is None


def test_one_registrys_truth_is_not_anothers(path: Path) -> None:
    with open_(filled(path)) as ledger, closing(sqlite3.connect(path)) as other:
        other.execute("UPDATE audits SET registry = 'other'")
        other.commit()

        assert last(ledger, "other") is None


@pytest.mark.parametrize("content", [bytes(8192), bytes(range(256)) * 40])
def test_a_file_that_is_damaged_from_its_head_is_set_aside(
    path: Path, content: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    path.write_bytes(content)

    with open_(path) as ledger:
        keep(ledger, "main", TRUTH)
        assert last(ledger, "main") == TRUTH
    assert aside(path).read_bytes() == content
    assert "ledger is unusable, creating a new one" in caplog.text


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
        keep(ledger, "main", TRUTH)

        assert set(found) <= {None, *bodies(500).values()}
        assert last(ledger, "main") == TRUTH
    assert aside(path).exists()


def test_damage_that_is_met_in_the_middle_of_the_work_costs_only_what_was_kept(path: Path) -> None:
    size = damaged(path)

    with open_(path) as ledger:
        assert ledger.manifest(NAME) is None
        ledger.keep_manifests({NAME: BODY})
        keep(ledger, "main", TRUTH)
    with open_(path) as ledger:
        assert (ledger.manifest(NAME), last(ledger, "main")) == (BODY, TRUTH)
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
        keep(ledger, "main", TRUTH)
        ledger.keep_manifests({NAME: BODY})
        assert (last(ledger, "main"), ledger.manifest(NAME)) == (TRUTH, BODY)


def test_a_flipped_bit_anywhere_never_becomes_an_untruth(path: Path) -> None:
    whole = filled(path, 20).read_bytes()
    for at in (*range(100), *range(100, len(whole), 97)):
        path.write_bytes(whole[:at] + bytes([whole[at] ^ 16]) + whole[at + 1 :])

        with open_(path) as ledger:
            for name, body in bodies(20).items():
                assert ledger.manifest(name) in (None, body)
            assert last(ledger, "main") in (None, TRUTH)
            keep(ledger, "main", TRUTH)
        for part in path.parent.iterdir():
            part.unlink()


def test_a_damaged_schema_that_cannot_even_be_quoted_is_set_aside(path: Path) -> None:
    whole = filled(path).read_bytes()
    path.write_bytes(whole.replace(b"CREATE TABLE manifests", b"CREATE T\xc1BLE manifests"))

    with open_(path) as ledger:
        assert ledger.manifest(NAME) is None
        keep(ledger, "main", TRUTH)
    assert aside(path).exists()


COLUMNS = {
    "manifests": ("body", "day"),
    "audits": ("snapshot", "since", "seal"),
    "outlines": ("digest", "outline", "day"),
    "proofs": ("digest", "since", "at"),
    "proven_places": ("digest", "repository", "at"),
    "mismatches": ("repository", "digest", "at", "detail"),
    "contents": ("digest", "content", "seal", "readings"),
    "debts": ("until",),
}


@pytest.mark.parametrize(
    ("table", "column"), [(one, each) for one in COLUMNS for each in COLUMNS[one]]
)
def test_a_value_that_became_another_type_hides_nothing_else(
    path: Path, table: str, column: str
) -> None:
    blob = Digest.of(b"blob")
    key = bytes.fromhex(blob.encoded)

    def write(ledger: Ledger) -> None:
        ledger.keep_manifests({NAME: BODY})
        keep(ledger, "main", TRUTH)
        ledger.keep_outlines({key: Outline(1, False, b"")})
        ledger.note("main", {(Repository("one"), blob): HASHED}, NOW)
        ledger.note("main", {(Repository("two"), blob): corrupt("x")}, NOW)
        ledger.learn("main", blob, SILENT)
        ledger.owe("main", NOW)

    with open_(path) as ledger:
        write(ledger)
    to_other = f"iif(typeof({column}) = 'text', CAST({column} AS BLOB), '~' || hex({column}))"
    with closing(sqlite3.connect(path, isolation_level=None)) as file:
        file.execute("PRAGMA writable_schema = ON")
        file.execute("UPDATE sqlite_schema SET sql = replace(sql, 'STRICT, WITHOUT', 'WITHOUT')")
        file.execute("UPDATE sqlite_schema SET sql = replace(sql, ') STRICT', ')')")
    with closing(sqlite3.connect(path)) as file, file:
        changed = file.execute(f"UPDATE {table} SET {column} = {to_other}")  # noqa: S608 - of the list above
        assert changed.rowcount == 1

    def known(ledger: Ledger) -> dict[str, object]:
        scrubbed = ledger.scrubbed("main")
        return {
            "manifests": ledger.manifest(NAME),
            "audits": last(ledger, "main"),
            "outlines": ledger.outlines([key]),
            "proofs": scrubbed.proofs,
            "proven_places": scrubbed.places,
            "mismatches": scrubbed.mismatches,
            "contents": scrubbed.contents,
            "debts": ledger.debt("main"),
        }

    with open_(path) as ledger:
        assert [name for name, told in known(ledger).items() if not told] == [table]
        write(ledger)
        assert all(known(ledger).values()), "what is written again is told again"
