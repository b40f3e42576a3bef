"""Objects of a bucket, listed and read: S3, GCS and Azure through one library."""

from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final, Self

import obstore
from obstore import exceptions
from obstore.store import ObjectStore

from exporter.sources import stores
from exporter.sources.storage.folder import CHUNK

if TYPE_CHECKING:
    from obstore import BytesStream

_AT_ONCE: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_ABSENT: Final = (exceptions.NotFoundError, FileNotFoundError)


@dataclass(frozen=True, slots=True)
class Key:
    """One object of a listing."""

    path: str
    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since the epoch."""
    etag: str
    """Without quotes; the MD5, if the object was uploaded in one part without key encryption."""


@dataclass(frozen=True, slots=True)
class Objects:
    """An object store below one prefix, the registry's root directory."""

    store: ObjectStore
    name: str
    """Its address as given, without credentials: the subject of errors."""

    @classmethod
    def at(cls, url: str, options: Mapping[str, str] | None, *, plain_http: bool) -> Self:
        """Open a bucket, as `stores.store` does."""
        return cls(stores.store(url, options or {}, plain_http=plain_http), url)

    def keys(self, prefix: str) -> Iterator[Key]:
        """List everything below a prefix, in the order of the keys. Raises `Unseen`."""
        with self._errors(prefix):
            for page in obstore.list(self.store, prefix=prefix):
                for each in page:
                    etag = (each["e_tag"] or "").strip('"')
                    yield Key(each["path"], each["size"], _time(each["last_modified"]), etag)

    def folders(self, folder: str) -> list[str]:
        """Return the paths of the direct subfolders of a folder. Raises `Unseen`."""
        with self._errors(folder):
            found = obstore.list_with_delimiter(self.store, prefix=f"{folder}/")
            return list(found["common_prefixes"])

    def holds(self, folder: str) -> bool:
        """Is there anything below a prefix? Raises `Unseen`."""
        return next(self.keys(f"{folder}/"), None) is not None

    def head(self, path: str) -> Key | None:
        """Return one object; None if it does not exist. Raises `Unseen`."""
        with self._errors(path):
            try:
                seen = obstore.head(self.store, path)
            except _ABSENT:
                return None
            return Key(path, seen["size"], _time(seen["last_modified"]), seen["e_tag"] or "")

    def size(self, path: str) -> int | None:
        """Return the size of an object in bytes; None if it does not exist. Raises `Unseen`."""
        seen = self.head(path)
        return seen.size if seen else None

    def contents(self, paths: Sequence[str], most: int) -> list[bytes | None]:
        """Read the first `most` bytes of objects, some at once; None for a missing one.

        Raises `Unseen`.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda path: self._content(path, most), paths))

    @contextmanager
    def opened(self, path: str, *, fresh: bool) -> Iterator[Iterator[bytes] | None]:  # noqa: ARG002 - stores give what they hold
        """Open an object, to be read in chunks; None if it does not exist. Raises `Unseen`."""
        with self._errors(path):
            try:
                stream = obstore.get(self.store, path).stream(min_chunk_size=CHUNK)
            except _ABSENT:
                stream = None
        yield None if stream is None else self._pieces(stream, path)

    def _pieces(self, stream: "BytesStream", path: str) -> Iterator[bytes]:
        with self._errors(path):
            yield from map(bytes, stream)

    def _content(self, path: str, most: int) -> bytes | None:
        with self._errors(path):
            try:
                return bytes(obstore.get_range(self.store, path, start=0, end=most))
            except _ABSENT:
                return None
            except exceptions.BaseError:
                seen = self.head(path)
                if seen is not None and seen.size == 0:
                    return b""  # no range of nothing can be asked for
                raise

    def _errors(self, path: str) -> AbstractContextManager[None]:
        return stores.errors(f"{self.name}/{path}")


def _time(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
