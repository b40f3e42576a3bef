"""Which blobs are in a storage, how large are they, and how old?"""

from __future__ import annotations

import os
import stat
from dataclasses import dataclass, field
from functools import partial
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


@dataclass(slots=True)
class _Seen:
    """Which of some blobs are there, with their bytes and times; and why others are not."""

    names: list[str] = field(default_factory=list)
    sizes: list[int] = field(default_factory=list)
    times: list[int] = field(default_factory=list)
    failed: dict[str, OSError | None] = field(default_factory=dict)
    """None for what is there, and no regular file."""


def _bucket(bucket: int, algorithm: str, names: Sequence[str], noted: Noted) -> None:
    for seen in noted.crew.shared(partial(_look, bucket), names):
        noted.intake.blobs(algorithm, seen.names, seen.sizes, seen.times)
        for name, error in seen.failed.items():
            _explain(name, error, noted)


def _look(bucket: int, names: Sequence[str]) -> _Seen:
    """Look at every blob's file; the innermost loop, hence the short names."""
    seen = _Seen()
    sizes, times, look = seen.sizes, seen.times, os.stat
    for name in names:
        try:
            file = look(f"{name}/data", dir_fd=bucket, follow_symlinks=False)
        except OSError as error:
            seen.failed[name] = error
            continue
        if stat.S_IFMT(file.st_mode) != _FILE:
            seen.failed[name] = None
            continue
        sizes.append(file.st_size)
        times.append(file.st_mtime_ns)
    seen.names = [name for name in names if name not in seen.failed] if seen.failed else list(names)
    return seen


def _explain(name: str, error: OSError | None, noted: Noted) -> None:
    """A folder without a file is no blob, and nothing is unseen; all other errors are gaps."""
    if error is None:
        noted.below(name).gap(_DATA, Reason.UNREADABLE, "no regular file, not followed")
    elif not isinstance(error, FileNotFoundError):
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
