"""Blobs in a folder: the list of all, and single blobs by digest."""

import os
import stat
from collections.abc import Iterable, Sequence
from contextlib import AbstractContextManager, ExitStack
from functools import partial
from itertools import groupby
from typing import Final

from exporter.facts.gap import Reason
from exporter.sources.storage import layout
from exporter.sources.storage.context import ReadContext
from exporter.sources.storage.folder import below, content, folders, opened

_DATA: Final = "data"


def read_blobs(top: int, context: ReadContext) -> None:
    """Add every blob below the folder `docker/registry/v2`."""
    context.builder.has_blobs = False
    context.folder("blobs", top, _algorithms)


def _algorithms(folder: int, context: ReadContext) -> None:
    context.builder.has_blobs = True
    for algorithm in _folders(folder, context):
        context.folder(algorithm, folder, partial(_buckets, algorithm))


def read_named(top: int, digests: Iterable[str], context: ReadContext) -> None:
    """Add the blobs of these sorted digests that exist."""

    def bucket(digest: str) -> tuple[str, str]:
        algorithm, _, encoded = digest.partition(":")
        return algorithm, encoded[:2]

    here = context.below("blobs")
    with BlobFolders(top) as folders_of:
        for (algorithm, letters), group in groupby(digests, bucket):
            at = here.below(algorithm).below(letters)
            with at.errors_as_gaps():
                folder = folders_of.bucket(algorithm, letters)
                names = [digest.partition(":")[2] for digest in group]
                if folder is not None:
                    _add(algorithm, names, folder, at)


def _buckets(algorithm: str, folder: int, context: ReadContext) -> None:
    for letters in _folders(folder, context):
        context.folder(letters, folder, partial(_bucket, algorithm, letters))


def _folders(folder: int, context: ReadContext) -> Sequence[str]:
    names, others = folders(folder)
    context.strays(folder, others, disturbing=_DATA)
    return names


def _bucket(algorithm: str, letters: str, bucket: int, context: ReadContext) -> None:
    """Add the blobs of one bucket."""
    names = _named(algorithm, letters, _folders(bucket, context), bucket, context)
    _add(algorithm, names, bucket, context)


def _add(algorithm: str, wanted: Iterable[str], bucket: int, context: ReadContext) -> None:
    """Add blobs of one bucket. A folder without a file is no blob, and no gap."""
    names: list[str] = []
    sizes: list[int] = []
    times: list[int] = []
    for name in wanted:
        try:
            file = os.stat(f"{name}/{_DATA}", dir_fd=bucket, follow_symlinks=False)
        except FileNotFoundError:
            continue
        except OSError as error:
            context.below(f"{name}/{_DATA}").missed(error)
            continue
        if stat.S_ISREG(file.st_mode):
            names.append(name)
            sizes.append(file.st_size)
            times.append(file.st_mtime_ns)
        else:
            detail = "no regular file, not followed"
            context.gap(f"{name}/{_DATA}", Reason.UNREADABLE, detail)
    context.builder.blobs(algorithm, names, sizes, times)


def _named(
    algorithm: str, letters: str, names: Sequence[str], bucket: int, context: ReadContext
) -> Sequence[str]:
    """Return the names that are digests; any other name makes collectors abort."""
    if layout.are_digests(algorithm, names) and all(
        layout.is_bucket(letters, name) for name in names
    ):
        return names
    faults = {name: layout.blob_fault(algorithm, letters, name) for name in names}
    odd = {name for name in names if faults[name] or not layout.is_bucket(letters, name)}
    for name in sorted(odd):
        if os.access(f"{name}/{_DATA}", os.F_OK, dir_fd=bucket, follow_symlinks=False):
            context.misplaced(f"{name}/{_DATA}", faults[name])
    return [name for name in names if name not in odd]


class BlobFolders(ExitStack):
    """Folders `blobs/<algorithm>/<two letters>`, kept open during a read."""

    def __init__(self, top: int) -> None:
        """Open folders below `docker/registry/v2`, which is open as `top`."""
        super().__init__()
        self._top = top
        self._buckets: dict[tuple[str, str], int | None] = {}

    def contents(self, digests: Sequence[str], limit: int) -> list[bytes | None]:
        """Read blobs, at most `limit` + 1 bytes of each; None for a missing blob.

        Raises `Unseen` or OSError if a folder or file cannot be read.
        """
        found: list[bytes | None] = []
        for digest in digests:
            with self._folder(digest) as folder:
                found.append(None if folder is None else content(_DATA, folder, limit))
        return found

    def look(self, digest: str) -> tuple[int, int] | None:
        """Return the size in bytes and the modification time in nanoseconds since the epoch.

        None if there is no such file. Raises the errors of `contents`.
        """
        with self._folder(digest) as folder:
            if folder is None:
                return None
            try:
                seen = os.stat(_DATA, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return None
            return (seen.st_size, seen.st_mtime_ns) if stat.S_ISREG(seen.st_mode) else None

    def bucket(self, algorithm: str, letters: str) -> int | None:
        """Open the folder of two letters; None if it does not exist. Raises `Unseen`."""
        key = (algorithm, letters)
        if key not in self._buckets:
            path = ("blobs", *key)
            self._buckets[key] = self.enter_context(below(self._top, path, "/".join(path)))
        return self._buckets[key]

    def _folder(self, digest: str) -> AbstractContextManager[int | None]:
        algorithm, _, encoded = digest.partition(":")
        return opened(encoded, self.bucket(algorithm, encoded[:2]), digest)
