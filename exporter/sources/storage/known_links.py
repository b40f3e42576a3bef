"""Links that were read before, and whose files have not changed since: they are not read again.

A link is a file of 71 bytes. Once the system's memory holds those of a large registry no more,
reading them takes many times as long as looking at their inodes.
"""

import os
from array import array
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Final

UNREAD: Final = 0
"""The mark of a link that has to be read."""
LINK: Final = "link"
"""The name of its file."""
_SETTLED: Final = 600.0
"""Seconds after its last change until a link counts as written, by whatever clock dated it."""
_SECOND: Final = 1_000_000_000


@dataclass(slots=True)
class KnownLinks:
    """The links of one storage that named the digest of their path when they were read.

    Of each, 8 bytes are kept: a hash of its name, and of what the system says of its file. Like
    the size of a blob, that shows every write, but not that a disk lost a bit: requests show that.
    """

    _before: dict[str, "array[int]"] = field(default_factory=dict)
    """By folder, of the last reading."""
    _now: dict[str, "array[int]"] = field(default_factory=dict)
    """By folder, of this reading."""
    _settled: int = 0
    """Nanoseconds since the epoch: a link that changed later is read. 0: so is every other."""

    @contextmanager
    def reading(self, now: float) -> Iterator[None]:
        """Read the storage once, and forget what was not seen; `now` in seconds since the epoch."""
        self._settled = int((now - _SETTLED) * _SECOND)
        try:
            yield
        finally:
            self._before, self._now = self._now, {}

    def marks(self, folder: int, names: Sequence[str]) -> list[int]:
        """Return the mark of each link in a folder, as its file is now."""
        if not self._settled:
            return [UNREAD] * len(names)
        return [self._mark(folder, name) for name in names]

    def right(self, path: str) -> frozenset[int]:
        """Return the marks of the links in a folder that were right in the last reading."""
        return frozenset(self._before.pop(path, ()))

    def keep(self, path: str, marks: Iterable[int]) -> None:
        """Remember the marks of links that are right, taken before they were read."""
        self._now[path] = array("q", filter(None, marks))

    def _mark(self, folder: int, name: str) -> int:
        try:
            seen = os.stat(f"{name}/{LINK}", dir_fd=folder, follow_symlinks=False)
        except OSError:
            return UNREAD
        written, changed = seen.st_mtime_ns, seen.st_ctime_ns
        if not 0 < max(written, changed) < self._settled:
            return UNREAD
        return hash((name, seen.st_dev, seen.st_ino, seen.st_size, written, changed))
