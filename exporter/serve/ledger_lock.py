"""One exporter for each ledger: two would each overwrite what the other found."""

import fcntl
import logging
import os
import socket
from contextlib import suppress
from pathlib import Path

from exporter.facts.gap import Reason
from exporter.ports import Unseen

_log = logging.getLogger("pullproof.ledger")

_LONGEST = 200
"""Bytes of the name of who holds it."""


class LedgerLock:
    """The lock of this process: a file beside the ledger, which the kernel frees at its end.

    Not the ledger itself: closing that would end the locks of SQLite, and a damaged one is renamed.
    The file stays, since another process may wait for it. Commands that only borrow a ledger take
    no lock.
    """

    def __init__(self) -> None:
        """Hold none yet."""
        self._held: tuple[Path, int] | None = None

    def take(self, ledger: Path | None) -> None:
        """Hold the lock of this ledger alone; raises `Unseen` if another process has it."""
        path = Path(f"{os.path.realpath(ledger)}.lock") if ledger else None
        if self._held and self._held[0] == path:
            return
        taken = _locked(path) if path else None
        self.release()
        self._held = (path, taken) if path and taken is not None else None

    def try_other(self, ledger: Path | None) -> None:
        """Raise `Unseen` if another process has the lock of this ledger."""
        other = LedgerLock()
        other.take(ledger)
        other.release()

    def release(self) -> None:
        """Let the next process have it."""
        if self._held:
            os.close(self._held[1])
        self._held = None


def _locked(path: Path) -> int | None:
    """Return the descriptor that holds the lock; None where the ledger or the disk allows none."""
    try:
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError:
        return None  # the ledger cannot be opened there either, and says so
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError as error:
        holder = os.pread(file, _LONGEST, 0).decode(errors="replace").strip()
        os.close(file)
        detail = f"in use by another exporter ({holder or 'unnamed'}); give each its own ledger"
        raise Unseen(str(path.with_suffix("")), Reason.UNREADABLE, detail) from error
    except OSError as error:
        _log.warning("ledger cannot be locked", extra={"cause": error.strerror, "lock": str(path)})
    with suppress(OSError):  # a full disk
        os.ftruncate(file, 0)
        os.pwrite(file, f"{socket.gethostname()}, process {os.getpid()}\n".encode(), 0)
    return file
