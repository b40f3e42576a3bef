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
from exporter.sources import Unseen
from exporter.sources.ledger.file import connect
from tests.sources.ledger.kept import aside, filled, open_

if TYPE_CHECKING:
    from collections.abc import Iterator


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
