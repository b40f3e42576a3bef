"""File of the ledger. A damaged one is renamed; a file of another program is refused."""

import logging
import os
import sqlite3
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Final

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.store import audits, kinds, manifest_cache, scrubs

_log: Final = logging.getLogger("pullproof.ledger")

_OWN: Final = 0o600
_OTHERS: Final = 0o077
"""Permissions of a ledger's file, and those that nobody has."""
_OURS: Final = 0x50756C6C
"""SQLite's `application_id`: "Pull"."""
_VERSION: Final = 3
"""Incremented with every change of the schema."""
_LARGEST_JOURNAL: Final = 64 * 1024 * 1024
"""Bytes that the write-ahead log may keep when it is empty."""
_CACHE: Final = 256
"""KiB of pages that each connection keeps: the system has them as well."""
_TABLES: Final = frozenset(
    {
        "manifests",
        "outlines",
        "audits",
        "proofs",
        "proven_places",
        "mismatches",
        "debts",
        "contents",
    }
)
_SCHEMA: Final = f"""
BEGIN IMMEDIATE;
{manifest_cache.SCHEMA}{audits.SCHEMA}{scrubs.SCHEMA}
PRAGMA application_id = {_OURS};
PRAGMA user_version = {_VERSION};
COMMIT;
"""


class _Unusable(Exception):
    """A file that is, or may be, a ledger with unusable content."""


def connect(path: Path | None, patience: float = 5.0) -> sqlite3.Connection:
    """Open a ledger, in memory without a path; a new or damaged one begins empty.

    `patience` is how many seconds to wait for another process that writes. Raises `Unseen` if the
    file cannot be written, stays locked, or is no ledger.
    """
    try:
        if path is None:
            return _opened(":memory:", patience)
        _refuse_strangers(path)
        _make_private(path)
        try:
            return _opened(str(path), patience)
        except _Unusable as why:
            set_aside(path, str(why))
            return _opened(str(path), patience)
    except (sqlite3.Error, OSError) as error:
        said = getattr(error, "strerror", None) or error
        raise Unseen(str(path), Reason.UNREADABLE, f"the ledger cannot be used: {said}") from error


FAULTS: Final = (sqlite3.Error, UnicodeDecodeError, OSError)
"""Exceptions of a damaged file, or of a full disk. SQLite quotes a damaged schema, which Python
cannot decode."""


def is_damage(error: BaseException) -> bool:
    """Does an error mean that the content is damaged, not that the file is out of reach?"""
    damage = (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)
    return isinstance(error, UnicodeDecodeError) or _code(error) in damage


def _code(error: BaseException) -> int:
    """Return SQLite's primary code of an error; Python's own errors have none."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF


def set_aside(path: Path, why: str) -> None:
    """Rename an unusable ledger and SQLite's files beside it, and log that."""
    aside = path.with_name(f"{path.name}.set-aside")
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        part.replace(aside.with_name(aside.name + suffix)) if part.exists() else None
    _log.warning(
        "ledger is unusable, creating a new one",
        extra={"cause": why, "ledger": str(path), "aside": str(aside)},
    )


def check_place(path: Path | None) -> None:
    """Raise `Unseen` if a ledger cannot be written, or the file is another program's."""
    if path is None:
        return
    try:
        _refuse_strangers(path)
    except OSError as error:
        raise Unseen(str(path), Reason.UNREADABLE, error.strerror or "") from error
    if not os.access(path if path.exists() else path.parent, os.W_OK):
        raise Unseen(str(path), Reason.UNREADABLE, "the ledger is not writable by this user")


def _refuse_strangers(path: Path) -> None:
    """Refuse a file that was named by mistake, before anything is renamed or written."""
    if not path.parent.is_dir():
        raise Unseen(str(path), Reason.UNREADABLE, "the ledger's folder does not exist")
    if path.exists() and (not path.is_file() or _is_text(path)):
        raise _stranger(str(path))


def _make_private(path: Path) -> None:
    """Restrict a ledger's permissions: it names images, namespaces and workloads.

    SQLite gives its other files the same ones. A file of another user is left as it is, and so is
    the folder.
    """
    path = path.resolve()
    with suppress(FileExistsError):
        file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, _OWN)
        try:
            os.fchmod(file, _OWN)  # whatever the umask
        finally:
            os.close(file)
    for suffix in ("", "-wal", "-shm"):
        part = path.with_name(path.name + suffix)
        with suppress(OSError):  # it is not there, or where nothing may be changed
            status = part.stat()
            if status.st_uid == os.geteuid() and status.st_mode & _OTHERS:
                part.chmod(status.st_mode & _OWN)


def _is_text(path: Path) -> bool:
    """A ledger, even a damaged one, begins with bytes that no text has."""
    with path.open("rb") as file:
        head = file.read(100)
    return bool(head) and not any(byte < ord("\t") for byte in head)


def _stranger(path: str) -> Unseen:
    return Unseen(path, Reason.UNREADABLE, "not a ledger; name another file or move this one away")


def _opened(path: str, patience: float) -> sqlite3.Connection:
    connection = sqlite3.connect(
        path, timeout=patience, isolation_level=None, check_same_thread=False
    )
    # A bit of a text that flipped must not hide all the other rows.
    connection.text_factory = partial(str, encoding="utf-8", errors="replace")
    try:
        _prepare(connection, path)
    except BaseException as error:
        connection.close()
        # While opening, SQLITE_ERROR is a header or a schema that SQLite cannot make sense of.
        if is_damage(error) or _code(error) == sqlite3.SQLITE_ERROR:
            raise _Unusable(str(error)) from error
        raise
    return connection


def _prepare(connection: sqlite3.Connection, path: str) -> None:
    """Check that it is a ledger, create the tables of a new one, and test that it is writable."""
    tables = {name for (name,) in connection.execute("SELECT name FROM sqlite_schema")}
    owner, version = (
        connection.execute(f"PRAGMA {word}").fetchone()[0]
        for word in ("application_id", "user_version")
    )
    if not tables and owner in (0, _OURS):
        connection.executescript(_SCHEMA)
    elif owner != _OURS and not tables >= _TABLES:
        raise _stranger(path)
    elif (owner, version) != (_OURS, _VERSION) or not tables >= _TABLES:
        raise _Unusable(f"written by another version ({version})")
    connection.execute(kinds.SCHEMA)
    connection.execute(audits.PARTS_SCHEMA)
    # After the schema: until then the file's header does not say that it is ours.
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = NORMAL")
    connection.execute(f"PRAGMA journal_size_limit = {_LARGEST_JOURNAL}")
    connection.execute(f"PRAGMA cache_size = -{_CACHE}")
    connection.execute("BEGIN IMMEDIATE")
    connection.execute("ROLLBACK")
