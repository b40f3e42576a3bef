"""Which blobs are in a storage, how large are they, and how old?"""

from __future__ import annotations

import errno
import os
import stat
from array import array
from collections.abc import Iterator, Sequence
from itertools import compress
from typing import Final

from exporter.facts.gap import Reason
from exporter.sources.storage import layout
from exporter.sources.storage.folder import folders, opened
from exporter.sources.storage.noted import Noted

_DATA: Final = "data"
_NO_FILE: Final = -1
"""In place of a size: no regular file."""


def read_blobs(top: int, noted: Noted) -> None:
    """Take note of every blob below the folder `docker/registry/v2`."""
    here = noted.below("blobs")
    with here.going_on(), opened("blobs", top, here.path) as folder:
        if folder is None:
            noted.intake.has_blobs = False
            return
        for algorithm, kind, inside in _each(folder, here):
            for letters, bucket, at in _each(kind, inside):
                names, others = folders(bucket)
                at.foreign(bucket, others, disturbing=_DATA)
                named = _named(algorithm, letters, names, bucket, at)
                _take(algorithm, named, bucket, at)


def _take(algorithm: str, names: Sequence[str], bucket: int, noted: Noted) -> None:
    """Take note of the blobs of one bucket."""
    sizes, times = _looked_at(bucket, names)
    if min(sizes, default=0) < 0:
        for name, size in zip(names, sizes, strict=True):
            _explain(name, size, noted)
        there = [size >= 0 for size in sizes]
        names = [*compress(names, there)]
        sizes, times = (array("q", compress(each, there)) for each in (sizes, times))
    noted.intake.blobs(algorithm, names, sizes, times)


def _looked_at(bucket: int, names: Sequence[str]) -> tuple[array[int], array[int]]:
    """Return each blob's size in bytes and its modification time in nanoseconds.

    A size of `_NO_FILE` less the error's number stands for a blob that could not be read.
    """
    sizes, times = array("q"), array("q")
    for name in names:
        try:
            file = os.stat(f"{name}/{_DATA}", dir_fd=bucket, follow_symlinks=False)
        except OSError as error:
            sizes.append(_NO_FILE - (error.errno or 0))
            times.append(0)
            continue
        sizes.append(file.st_size if stat.S_ISREG(file.st_mode) else _NO_FILE)
        times.append(file.st_mtime_ns)
    return sizes, times


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
    error = _NO_FILE - size
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
