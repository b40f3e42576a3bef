"""Which blobs are in a storage, how large are they, and how old?"""

from __future__ import annotations

import errno
import os
from array import array
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import compress
from typing import TYPE_CHECKING, Final

from exporter.facts.gap import Reason
from exporter.sources.storage import hand, layout
from exporter.sources.storage.crew import Asked
from exporter.sources.storage.folder import folders, opened
from exporter.sources.storage.noted import Noted

if TYPE_CHECKING:
    from collections.abc import Iterator

_DATA: Final = "data"
_AHEAD: Final = 2
"""Buckets that are being looked at while an earlier one is taken note of."""


def read_blobs(top: int, noted: Noted) -> None:
    """Take note of every blob below the folder `docker/registry/v2`."""
    here = noted.below("blobs")
    looking: deque[_Bucket] = deque()
    with here.going_on(), opened("blobs", top, here.path) as folder:
        if folder is None:
            noted.intake.has_blobs = False
            return
        for algorithm, kind, inside in _each(folder, here):
            for letters, bucket, at in _each(kind, inside):
                names, others = folders(bucket)
                at.foreign(bucket, others, disturbing=_DATA)
                named = _named(algorithm, letters, names, bucket, at)
                asked = noted.crew.ask(hand.blobs, bucket, algorithm, named)
                looking.append(_Bucket(algorithm, named, asked, at))
                if len(looking) > _AHEAD:
                    looking.popleft().take()
    for each in looking:
        each.take()


@dataclass(frozen=True, slots=True)
class _Bucket:
    """Blobs whose digests begin alike, being looked at."""

    algorithm: str
    names: Sequence[str]
    asked: Asked
    noted: Noted

    def take(self) -> None:
        """Take note of them."""
        found, names = self.asked.numbers(), self.names
        sizes, times = found[::2], found[1::2]
        if min(sizes, default=0) < 0:
            for name, size in zip(names, sizes, strict=True):
                _explain(name, size, self.noted)
            there = [size >= 0 for size in sizes]
            names = [*compress(names, there)]
            sizes, times = (array("q", compress(each, there)) for each in (sizes, times))
        self.noted.intake.blobs(self.algorithm, names, sizes, times)


def _each(folder: int, noted: Noted) -> Iterator[tuple[str, int, Noted]]:
    """Open the folders in a folder one after the other."""
    names, others = folders(folder)
    noted.foreign(folder, others, disturbing=_DATA)
    for name in names:
        here = noted.below(name)
        with here.going_on(), opened(name, folder, here.path) as inside:
            if inside is not None:
                yield name, inside, here


def _explain(name: str, size: int, noted: Noted) -> None:
    """A folder without a file is no blob, and nothing is unseen; all other errors are gaps."""
    error = -1 - size
    if size < 0 and error == 0:
        noted.below(name).gap(_DATA, Reason.UNREADABLE, "no regular file, not followed")
    elif size < 0 and error != errno.ENOENT:
        noted.below(name).gap(_DATA, Reason.UNREADABLE, os.strerror(error))


def _named(
    algorithm: str, letters: str, names: Sequence[str], bucket: int, noted: Noted
) -> Sequence[str]:
    """Return the names that stand for digests; one that does not makes collectors give up."""
    if layout.are_digests(algorithm, names) and all(
        layout.is_bucket(letters, name) for name in names
    ):
        return names
    faults = {name: layout.blob_fault(algorithm, letters, name) for name in names}
    odd = {name for name in names if faults[name] or not layout.is_bucket(letters, name)}
    for name in sorted(odd):
        if os.access(f"{name}/data", os.F_OK, dir_fd=bucket, follow_symlinks=False):
            noted.misplaced(f"{name}/{_DATA}", faults[name])
    return [name for name in names if name not in odd]
