"""Which blobs are in a storage, how large are they, and how old?"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING, Final

from exporter.facts.digests import pack
from exporter.facts.gap import Reason
from exporter.sources.storage import layout
from exporter.sources.storage.folder import folders, opened

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from exporter.sources.storage.noted import Noted

_DATA: Final = "data"
_FILE: Final = stat.S_IFREG


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
                _bucket(bucket, algorithm, _named(algorithm, letters, names, bucket, at), at)


def _each(folder: int, noted: Noted) -> Iterator[tuple[str, int, Noted]]:
    """Open the folders in a folder one after the other."""
    names, others = folders(folder)
    noted.foreign(folder, others, disturbing=_DATA)
    for name in names:
        here = noted.below(name)
        with here.going_on(), opened(name, folder, here.path) as inside:
            if inside is not None:
                yield name, inside, here


def _bucket(bucket: int, algorithm: str, names: Sequence[str], noted: Noted) -> None:
    """Look at every blob's file; the innermost loop, hence the short names."""
    sizes: list[int] = []
    times: list[int] = []
    missing: set[str] = set()
    look = os.stat
    for name in names:
        try:
            seen = look(f"{name}/data", dir_fd=bucket, follow_symlinks=False)
        except OSError as error:
            missing.add(name)
            _explain(name, error, noted)
            continue
        if stat.S_IFMT(seen.st_mode) != _FILE:
            missing.add(name)
            noted.below(name).gap(_DATA, Reason.UNREADABLE, "no regular file, not followed")
            continue
        sizes.append(seen.st_size)
        times.append(seen.st_mtime_ns)
    there = [name for name in names if name not in missing] if missing else names
    noted.intake.blobs(algorithm, there, sizes, times)


def _explain(name: str, error: OSError, noted: Noted) -> None:
    """A folder without a file is no blob, and nothing is unseen; all other errors are gaps."""
    if not isinstance(error, FileNotFoundError):
        noted.below(name).gap(_DATA, Reason.UNREADABLE, os.strerror(error.errno or 0))


def _named(
    algorithm: str, letters: str, names: Sequence[str], bucket: int, noted: Noted
) -> Sequence[str]:
    """Return the names that stand for digests; one that does not makes collectors give up."""
    packed = pack(names) if algorithm == "sha256" else None
    if packed is not None and all(name.startswith(letters) for name in names):
        return names
    faults = {name: layout.blob_fault(algorithm, letters, name) for name in names}
    for name, fault in faults.items():
        if fault and os.access(f"{name}/data", os.F_OK, dir_fd=bucket, follow_symlinks=False):
            noted.below(name).gap(_DATA, Reason.MALFORMED, f"a path that names no digest: {fault}")
            noted.intake.misplaced = noted.intake.misplaced or fault
    return [name for name, fault in faults.items() if not fault]
