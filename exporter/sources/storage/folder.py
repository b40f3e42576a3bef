"""How is a folder read without ever leaving it? By descriptors; symbolic links are not followed."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Reason
from exporter.ports import Unseen

_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, a named pipe would keep us waiting for ever."""


@dataclass(slots=True)
class opened:  # noqa: N801 - reads as the verb that it is
    """Opens a folder for a while; gives None where it, or the folder around it, is not there.

    Raises `Unseen` naming `path` where it is no folder, a symbolic link, or may not be read.
    """

    name: str
    parent: int | None
    path: str
    folder: int | None = None

    def __enter__(self) -> int | None:
        """Open it."""
        if self.parent is None:  # which the operating system takes for the working directory
            return None
        try:
            self.folder = os.open(self.name, _FOLDER, dir_fd=self.parent)
        except FileNotFoundError:
            return None
        except OSError as error:
            raise unseen(self.path, error) from error
        return self.folder

    def __exit__(self, *_: object) -> None:
        """Close it."""
        if self.folder is not None:
            os.close(self.folder)


def folders(folder: int) -> tuple[list[str], list[str]]:
    """Return the names of the folders in a folder, and of everything else, each sorted.

    A folder's link count is two more than the folders in it. Where all names are accounted for by
    that, no entry has to be looked at; filesystems that do not count so (btrfs, and ext4 past
    65,000) are listed with their types.
    """
    names = os.listdir(folder)
    if os.fstat(folder).st_nlink - 2 == len(names):
        return sorted(names), []
    inside: list[str] = []
    others: list[str] = []
    with os.scandir(folder) as entries:
        for entry in entries:
            (inside if entry.is_dir(follow_symlinks=False) else others).append(entry.name)
    return sorted(inside), sorted(others)


def content(name: str, parent: int, limit: int) -> bytes | None:
    """Read a file, at most one byte more than the limit; None where there is none.

    Raises OSError where it may not be read, is a symbolic link or no regular file.
    """
    try:
        file = os.open(name, _FILE, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return None
    try:
        read = os.read(file, limit + 1)
        if not read or len(read) > limit:
            _insist_on_a_file(file)
        while read and len(read) <= limit and (more := os.read(file, limit + 1 - len(read))):
            read += more
        return read
    finally:
        os.close(file)


def unseen(path: str, error: OSError) -> Unseen:
    """Say that something could not be read, in one sentence."""
    links = (errno.ELOOP, errno.EMLINK)
    why = "a symbolic link, not followed" if error.errno in links else os.strerror(error.errno or 0)
    return Unseen(shown(path), Reason.UNREADABLE, why)


def shown(path: str | Sequence[str]) -> str:
    """Return a path as text that can be printed, whatever its bytes are."""
    text = path if isinstance(path, str) else "/".join(path)
    return text.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _insist_on_a_file(file: int) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")
