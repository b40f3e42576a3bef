"""How is a file below a root directory read in pieces? By descriptors; links are not followed."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.storage.folder import folders, opened, shown, unseen
from exporter.sources.storage.whole import CHUNK

_FILE: Final = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC
_FOLDER: Final = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC


@dataclass(frozen=True, slots=True)
class Folder:
    """A registry's root directory."""

    root: str

    @contextmanager
    def opened(self, path: str, *, fresh: bool) -> Iterator[Iterator[bytes] | None]:
        """Open a file; None where there is none.

        `fresh` drops what the system keeps of it in memory, where the system can: a disk that
        lost it is noticed. Raises `Unseen`, also where a part of the path is a symbolic link.
        """
        *folders, name = path.split("/")
        with ExitStack() as open_here:
            parent: int | None = self._top(open_here)
            for each in folders:
                parent = open_here.enter_context(opened(each, parent, path))
            file = _file(name, parent, path) if parent is not None else None
            if file is None:
                yield None
                return
            open_here.callback(os.close, file)
            if fresh:
                os.posix_fadvise(file, 0, 0, os.POSIX_FADV_DONTNEED)
            yield _pieces(file, path)

    def holds(self, folder: str) -> bool:
        """Is there anything in a folder? Raises `Unseen`, as `opened` does."""
        with ExitStack() as open_here:
            inner: int | None = self._top(open_here)
            for each in folder.split("/"):
                inner = open_here.enter_context(opened(each, inner, folder))
            return inner is not None and any(folders(inner))

    def _top(self, open_here: ExitStack) -> int:
        try:
            top = os.open(self.root, _FOLDER)
        except OSError as error:
            raise unseen(self.root, error) from error
        open_here.callback(os.close, top)
        return top


def _file(name: str, parent: int, path: str) -> int | None:
    try:
        file = os.open(name, _FILE, dir_fd=parent)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise unseen(path, error) from error
    if not stat.S_ISREG(os.fstat(file).st_mode):
        os.close(file)
        raise Unseen(shown(path), Reason.UNREADABLE, "not a regular file")
    return file


def _pieces(file: int, path: str) -> Iterator[bytes]:
    try:
        while chunk := os.read(file, CHUNK):
            yield chunk
    except OSError as error:
        raise unseen(path, error) from error
