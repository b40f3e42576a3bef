"""How is a blob's folder reached by its digest? Buckets are opened once, never through a link."""

from __future__ import annotations

import os
from collections.abc import Sequence
from contextlib import ExitStack
from types import TracebackType
from typing import Self

from exporter.sources.storage.folder import content, opened

_DATA = "data"


class Buckets:
    """The folders `blobs/<algorithm>/<two letters>`, open for as long as a reading lasts."""

    def __init__(self, top: int) -> None:
        """Look below the folder `docker/registry/v2`, open as `top`."""
        self._top = top
        self._open = ExitStack()
        self._folders: dict[tuple[str, str], int | None] = {}

    def __enter__(self) -> Self:
        """Begin."""
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Close every bucket."""
        self._open.close()

    def contents(self, digests: Sequence[str], limit: int) -> list[bytes | None]:
        """Read blobs, each at most one byte more than the limit; None where there is none.

        Raises `Unseen` or OSError where something on the way may not be read.
        """
        return [self._content(digest, limit) for digest in digests]

    def _content(self, digest: str, limit: int) -> bytes | None:
        bucket, encoded = self._bucket(digest)
        if bucket is None:
            return None
        with opened(encoded, bucket, digest) as folder:
            return content(_DATA, folder, limit) if folder is not None else None

    def status(self, digest: str) -> os.stat_result | None:
        """Look at a blob's file without opening it; None where there is none."""
        bucket, encoded = self._bucket(digest)
        if bucket is None:
            return None
        with opened(encoded, bucket, digest) as folder:
            if folder is None:
                return None
            try:
                return os.stat(_DATA, dir_fd=folder, follow_symlinks=False)
            except FileNotFoundError:
                return None

    def _bucket(self, digest: str) -> tuple[int | None, str]:
        algorithm, _, encoded = digest.partition(":")
        key = (algorithm, encoded[:2])
        if key not in self._folders:
            self._folders[key] = self._opened(*key)
        return self._folders[key], encoded

    def _opened(self, algorithm: str, letters: str) -> int | None:
        folder: int | None = self._top
        path = "blobs"
        for name in ("blobs", algorithm, letters):
            path = name if name == "blobs" else f"{path}/{name}"
            folder = self._open.enter_context(opened(name, folder, path))
        return folder
