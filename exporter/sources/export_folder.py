"""Exports in a folder or an object store: put, listed, read and removed as files."""

import os
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Self

import obstore
from obstore import exceptions
from obstore.store import LocalStore, ObjectStore

from exporter.sources import stores


@dataclass(frozen=True, slots=True)
class ExportFolder:
    """A folder or an object store below one prefix. Every method raises `Unseen`."""

    store: ObjectStore
    name: str
    """As a person gave it: the subject of errors."""
    folder: Path | None = None
    """Where it is, if that is on a disk."""

    @classmethod
    def at(cls, location: str, options: Mapping[str, str], *, plain_http: bool = False) -> Self:
        """Return what is at a folder's path, made where it is not there, or at `s3://bucket/root`.

        Options are those of `stores.store`.
        """
        if "://" not in location:
            folder = Path(location).absolute()
            with stores.errors(location):
                return cls(LocalStore(folder, mkdir=True), location, folder)
        return cls(stores.store(location, options, plain_http=plain_http), location)

    def put(self, path: str, content: bytes | Path) -> None:
        """Put a file in place, whole or not at all."""
        with self._errors(path):
            obstore.put(self.store, path, content)

    def sizes(self, prefix: str = "") -> dict[str, int]:
        """List everything below a prefix, with its bytes."""
        with self._errors(prefix):
            pages = obstore.list(self.store, prefix=prefix or None)
            return {each["path"]: each["size"] for page in pages for each in page}

    def times(self, prefix: str) -> dict[str, float]:
        """Return when everything below a prefix was written, by the store's own clock.

        On a disk a put that was killed leaves a file that no list of the store shows; here it is.
        """
        with self._errors(prefix):
            if self.folder is not None:
                return dict(_modified(self.folder, prefix))
            pages = obstore.list(self.store, prefix=prefix)
            return {each["path"]: each["last_modified"].timestamp() for p in pages for each in p}

    def get(self, path: str) -> bytes:
        """Read a file."""
        with self._errors(path):
            return bytes(obstore.get(self.store, path).bytes())

    def fetch(self, path: str, to: Path) -> None:
        """Copy a file to the disk, piece by piece."""
        with self._errors(path), to.open("wb") as file:
            for piece in obstore.get(self.store, path).stream():
                file.write(piece)

    def remove(self, path: str) -> None:
        """Remove a file; one that is not there is no error."""
        with self._errors(path), suppress(exceptions.NotFoundError, FileNotFoundError):
            if self.folder is not None:
                _unlink(self.folder / path)
            else:
                obstore.delete(self.store, path)

    def _errors(self, path: str) -> AbstractContextManager[None]:
        return stores.errors(f"{self.name}/{path}")


def _modified(root: Path, prefix: str) -> Iterator[tuple[str, float]]:
    for folder, _, names in os.walk(root / prefix):
        for path in (Path(folder, name) for name in names):
            with suppress(FileNotFoundError):  # a replica renames or removes it
                yield path.relative_to(root).as_posix(), path.stat().st_mtime


def _unlink(path: Path) -> None:
    """Remove a file, and its folder with the last one in it."""
    path.unlink(missing_ok=True)
    with suppress(OSError):
        path.parent.rmdir()
