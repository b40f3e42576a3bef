"""Folders and files, opened by descriptors. Links are not followed; pipes do not block."""

import errno
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Reason
from exporter.ports import Unseen

CHUNK: Final = 262_144
"""Bytes of a chunk of a large file."""

_ROOT: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_FOLDER: Final = _ROOT | os.O_NOFOLLOW
_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, a named pipe would block for ever."""


@contextmanager
def opened(name: str, parent: int | None, path: str) -> Iterator[int | None]:
    """Open a folder for a while; None if it, or the folder around it, does not exist.

    Raises `Unseen` naming `path` for a file, a symbolic link, or a folder that cannot be read.
    """
    try:
        # The operating system would take no folder around it for the working directory.
        folder = None if parent is None else os.open(name, _FOLDER, dir_fd=parent)
    except FileNotFoundError:
        folder = None
    except OSError as error:
        raise unseen(path, error) from error
    try:
        yield folder
    finally:
        if folder is not None:
            os.close(folder)


@contextmanager
def root(path: str) -> Iterator[int]:
    """Open a registry's root directory for a while. Raises `Unseen`."""
    try:
        folder = os.open(path, _ROOT)
    except OSError as error:
        raise unseen(path, error) from error
    try:
        yield folder
    finally:
        os.close(folder)


@contextmanager
def below(top: int, path: Sequence[str], subject: str) -> Iterator[int | None]:
    """Open a folder below another for a while; None if it does not exist. Raises `Unseen`."""
    folder: int | None = top
    with ExitStack() as open_here:
        for name in path:
            folder = open_here.enter_context(opened(name, folder, subject))
        yield folder


def folders(folder: int) -> tuple[list[str], list[str]]:
    """Return the names of the folders in a folder, and of everything else, each sorted.

    The link count of a folder is 2 plus its subfolders. If that accounts for every name, no entry
    is stat'ed. Filesystems that count otherwise (btrfs, and ext4 past 65,000) are listed with
    types.
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
    """Read a file, at most `limit` + 1 bytes; None if it does not exist.

    Raises OSError for an unreadable file, a symbolic link, or anything but a regular file.
    """
    file = _opened(name, parent)
    if file is None:
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


@dataclass(frozen=True, slots=True)
class RootFolder:
    """Files below a registry's root directory."""

    root: str

    @contextmanager
    def opened(self, path: str, *, fresh: bool) -> Iterator[Iterator[bytes] | None]:
        """Open a file, to be read in chunks; None if it does not exist.

        `fresh` drops the system's cached pages, where the system supports that, so that lost data
        on the disk is noticed. Raises `Unseen`, also for a path through a symbolic link.
        """
        folder, _, name = path.rpartition("/")
        with root(self.root) as top, below(top, folder.split("/"), path) as parent:
            try:
                file = None if parent is None else _opened(name, parent)
            except OSError as error:
                raise unseen(path, error) from error
            if file is None:
                yield None
                return
            try:
                if fresh:
                    os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
                yield _pieces(file, path)
            finally:
                os.close(file)

    def size(self, path: str) -> int | None:
        """Return the size of a regular file in bytes, or None. Raises `Unseen`."""
        folder, _, name = path.rpartition("/")
        with root(self.root) as top, below(top, folder.split("/"), path) as parent:
            try:
                if parent is None:
                    return None
                seen = os.stat(name, dir_fd=parent, follow_symlinks=False)
            except FileNotFoundError:
                return None
            except OSError as error:
                raise unseen(path, error) from error
            return seen.st_size if stat.S_ISREG(seen.st_mode) else None

    def holds(self, folder: str) -> bool:
        """Is a folder non-empty? Raises `Unseen`, as `opened` does."""
        with root(self.root) as top, below(top, folder.split("/"), folder) as inner:
            return inner is not None and any(folders(inner))


def unseen(path: str, error: OSError) -> Unseen:
    """Return the error as `Unseen`, in one sentence."""
    links = (errno.ELOOP, errno.EMLINK)
    why = "a symbolic link, not followed" if error.errno in links else error.strerror or str(error)
    return Unseen(shown(path), Reason.UNREADABLE, why)


def shown(path: str) -> str:
    """Return a path as printable text, whatever its bytes are."""
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")


def _opened(name: str, parent: int) -> int | None:
    try:
        return os.open(name, _FILE, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return None


def _insist_on_a_file(file: int) -> None:
    if not stat.S_ISREG(os.fstat(file).st_mode):
        raise OSError(errno.EINVAL, "not a regular file")


def _pieces(file: int, path: str) -> Iterator[bytes]:
    try:
        _insist_on_a_file(file)
        while chunk := os.read(file, CHUNK):
            yield chunk
    except OSError as error:
        raise unseen(path, error) from error
