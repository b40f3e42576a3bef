"""Which files does the ledger take for its own, and which does it refuse and leave alone?"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.store.ledger_file import connect
from tests.store.kept import TRUTH, aside, filled, keep, last, open_

if TYPE_CHECKING:
    from collections.abc import Iterator


def test_a_ledger_of_another_version_is_set_aside(path: Path) -> None:
    with closing(sqlite3.connect(filled(path))) as other:
        other.execute("PRAGMA user_version = 1")

    with open_(path) as ledger:
        assert last(ledger, "main") is None
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


def modes(path: Path) -> dict[str, int]:
    return {each.name: each.stat().st_mode & 0o7777 for each in path.parent.iterdir()}


@pytest.fixture(params=[0o000, 0o022, 0o077, 0o777])
def umask(request: pytest.FixtureRequest) -> Iterator[None]:
    before = os.umask(request.param)
    yield
    os.umask(before)


@pytest.mark.usefixtures("umask")
def test_nobody_else_may_read_a_new_ledger_whatever_the_umask(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    path = tmp_path / "ledger.db"

    with open_(path) as ledger:
        keep(ledger, "main", TRUTH)
        found = modes(path)

    assert found == dict.fromkeys(("ledger.db", "ledger.db-wal", "ledger.db-shm"), 0o600)
    assert tmp_path.stat().st_mode & 0o777 == 0o755


def test_a_ledger_that_others_could_read_is_closed_to_them(path: Path) -> None:
    with open_(filled(path)) as before:
        keep(before, "main", TRUTH)
        for each in path.parent.iterdir():
            each.chmod(0o644)
        with open_(path) as ledger:
            assert last(ledger, "main") == TRUTH
            assert set(modes(path).values()) == {0o600}


def test_a_ledger_behind_a_link_is_closed_to_others_and_set_aside_so(tmp_path: Path) -> None:
    (tmp_path / "there").mkdir()
    (tmp_path / "ledger.db").symlink_to(tmp_path / "there" / "real.db")
    path = tmp_path / "ledger.db"

    filled(path)

    assert modes(tmp_path / "there" / "real.db")["real.db"] == 0o600


def test_a_ledger_of_somebody_else_is_left_as_it_is(path: Path) -> None:
    filled(path).chmod(0o644)
    others = os.geteuid() == 0  # only root gives files away
    if others:
        os.chown(path, 65_534, -1)

    with open_(path):
        assert modes(path)["ledger.db"] == (0o644 if others else 0o600)
