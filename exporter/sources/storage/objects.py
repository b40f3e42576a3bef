"""What is in an object store, and what do some objects hold? S3, GCS and Azure by one library."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Final

import obstore
from obstore import exceptions
from obstore.store import ObjectStore

from exporter.ports import Unseen
from exporter.sources.storage.whole import CHUNK
from exporter.sources.stores import missed

if TYPE_CHECKING:
    from obstore import BytesStream

_AT_ONCE: Final = 16
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Key:
    """One object, as a listing shows it."""

    path: str
    size: int
    """Bytes."""
    modified: int
    """Nanoseconds since the epoch."""
    etag: str
    """Without quotes; of an object put in one piece and not encrypted by key, the MD5 of it."""


@dataclass(frozen=True, slots=True)
class Objects:
    """An object store below one prefix, which is the registry's root directory."""

    store: ObjectStore
    name: str
    """As a person gave it, without credentials: the subject of errors."""

    def keys(self, prefix: str) -> Iterator[Key]:
        """List everything below a prefix, in the order of the keys; raises `Unseen`."""
        try:
            for page in obstore.list(self.store, prefix=prefix):
                for each in page:
                    etag = (each["e_tag"] or "").strip('"')
                    yield Key(each["path"], each["size"], _time(each["last_modified"]), etag)
        except exceptions.BaseError as error:
            raise self._unseen(prefix, error) from error

    def holds(self, folder: str) -> bool:
        """Is there anything below a prefix? Raises `Unseen`."""
        return next(self.keys(f"{folder}/"), None) is not None

    def head(self, path: str) -> Key | None:
        """Look at one object; None where there is none. Raises `Unseen`."""
        try:
            seen = obstore.head(self.store, path)
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
        except exceptions.BaseError as error:
            raise self._unseen(path, error) from error
        return Key(path, seen["size"], _time(seen["last_modified"]), seen["e_tag"] or "")

    def contents(self, paths: Sequence[str], most: int) -> list[bytes | None]:
        """Read the first bytes of objects, some at once; None where there is none.

        Raises `Unseen`.
        """
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            return list(pool.map(lambda path: self._content(path, most), paths))

    @contextmanager
    def opened(self, path: str, *, fresh: bool) -> Iterator[Iterator[bytes] | None]:  # noqa: ARG002 - stores give what they hold
        """Open an object, to be read in pieces; None where there is none. Raises `Unseen`."""
        try:
            answer = obstore.get(self.store, path)
        except (exceptions.NotFoundError, FileNotFoundError):
            yield None
            return
        except exceptions.BaseError as error:
            raise self._unseen(path, error) from error
        yield self._pieces(answer.stream(min_chunk_size=CHUNK), path)

    def _pieces(self, stream: BytesStream, path: str) -> Iterator[bytes]:
        try:
            yield from map(bytes, stream)
        except exceptions.BaseError as error:
            raise self._unseen(path, error) from error

    def _content(self, path: str, most: int) -> bytes | None:
        try:
            return bytes(obstore.get_range(self.store, path, start=0, end=most))
        except (exceptions.NotFoundError, FileNotFoundError):
            return None
        except exceptions.BaseError as error:
            seen = self.head(path)
            if seen is not None and seen.size == 0:
                return b""  # no range of nothing can be asked for
            raise self._unseen(path, error) from error

    def _unseen(self, path: str, error: Exception) -> Unseen:
        return missed(f"{self.name}/{path}", error)


def _time(moment: datetime) -> int:
    return (moment - _EPOCH) // timedelta(microseconds=1) * 1000
