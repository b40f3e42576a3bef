"""One ledger, one exporter."""

from __future__ import annotations

import signal
import subprocess
import sys
from typing import TYPE_CHECKING

import pytest

from exporter.cli import UNTOLD
from exporter.ports import Unseen
from exporter.serve.ledger_lock import LedgerLock
from tests.parts.product import exporter, run

if TYPE_CHECKING:
    from pathlib import Path

AWAY = "https://127.0.0.1:1"
HOLDING = """
import sys, pathlib
from exporter.serve.ledger_lock import LedgerLock
LedgerLock().take(pathlib.Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


def holding(ledger: Path) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-c", HOLDING, str(ledger)]
    other = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert other.stdout
    assert other.stdout.readline() == b"held\n"
    return other


def test_a_second_exporter_on_a_ledger_is_told_who_has_it(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    (tmp_path / "link.sqlite").symlink_to(ledger)
    settings = {"ledger": str(ledger), "registries": [{"url": AWAY, "tries": 1}]}
    with exporter(tmp_path / "first", settings) as first:
        first.ready()
        second = tmp_path / "second.yml"
        second.write_text(first.config.read_text().replace("ledger.sqlite", "link.sqlite"))

        told = run("serve", "--config", str(second), "--log-format", "text")
        read = run("check", "--config", str(first.config), "--confirm-after", "0s")

    (line,) = [each for each in told.errors.splitlines() if each.startswith("pullproof: ")]
    assert told.code == UNTOLD
    assert "link.sqlite: " in line or "ledger.sqlite: " in line
    assert f"process {first.server.process.pid}" in line
    assert "in use by another exporter" in line
    assert "ledger" not in read.errors


def test_the_lock_of_a_killed_exporter_is_free(tmp_path: Path) -> None:
    ledger = tmp_path / "ledger.sqlite"
    other = holding(ledger)
    with pytest.raises(Unseen, match="in use by another exporter"):
        LedgerLock().take(ledger)

    other.send_signal(signal.SIGKILL)
    other.communicate()

    mine = LedgerLock()
    mine.take(ledger)
    mine.take(ledger)
    mine.release()


def test_another_ledger_is_taken_before_the_first_is_left(tmp_path: Path) -> None:
    one, two = tmp_path / "one", tmp_path / "two"
    mine = LedgerLock()
    mine.take(one)
    with holding(two) as other:
        with pytest.raises(Unseen):
            mine.take(two)
        with pytest.raises(Unseen):
            mine.try_other(two)
        with pytest.raises(Unseen):
            LedgerLock().take(one)
        other.communicate()
    mine.take(two)
    LedgerLock().take(one)
    mine.take(None)
    LedgerLock().take(two)


def test_a_folder_without_locks_or_rights_is_no_reason_to_stop(tmp_path: Path) -> None:
    (tmp_path / "ledger.lock").symlink_to(tmp_path / "elsewhere")

    LedgerLock().take(tmp_path / "ledger")
    LedgerLock().take(tmp_path / "none" / "ledger")

    assert not (tmp_path / "elsewhere").exists()
