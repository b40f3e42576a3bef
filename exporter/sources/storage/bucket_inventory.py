"""S3 Inventory: the list of a bucket's objects that S3 publishes daily or weekly.

Source: Amazon S3 User Guide, "Locating your inventory list" and "Amazon S3 Inventory list", read.
Keys in CSV files are URL-encoded; those in Parquet files are not.
"""

import csv
import gzip
import hashlib
import importlib
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from io import BufferedReader, RawIOBase, TextIOWrapper
from typing import TYPE_CHECKING, Any, Final, Self
from urllib.parse import unquote_plus

import msgspec
import obstore

from exporter.facts.gap import Reason
from exporter.ports import Unseen
from exporter.sources.storage.folder import CHUNK
from exporter.sources.storage.object_store import Key, Objects

if TYPE_CHECKING:
    from obstore import ReadableFile

_MANIFEST: Final = "manifest.json"
_CHECKSUM: Final = "manifest.checksum"
_DATED: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d-\d\dZ")
_LARGEST: Final = 64 << 20
"""Bytes of a manifest; one names some files."""
_COLUMNS: Final = {
    "key": "Key",
    "size": "Size",
    "last_modified_date": "LastModifiedDate",
    "e_tag": "ETag",
    "is_latest": "IsLatest",
    "is_delete_marker": "IsDeleteMarker",
}
"""By their names in Parquet: those in CSV. The last two are only in lists of all versions."""
_NEEDED: Final = 4
_BATCH: Final = 65_536
_LONGEST: Final = 65_536
"""Characters of a line: a key has at most 1,024 bytes."""

Row = tuple[str, int, datetime, str]
"""Key, bytes, time of the last change, ETag."""


class _File(msgspec.Struct):
    key: str


class _Manifest(msgspec.Struct):
    source_bucket: str = msgspec.field(name="sourceBucket")
    created: str = msgspec.field(name="creationTimestamp")
    """Start of the listing by S3: milliseconds since the epoch."""
    format: str = msgspec.field(name="fileFormat")
    schema: str = msgspec.field(name="fileSchema")
    files: list[_File]


@dataclass(frozen=True, slots=True)
class BucketInventory:
    """One published list of one bucket."""

    objects: Objects
    """The bucket that holds the list."""
    manifest: _Manifest
    name: str

    @classmethod
    def at(cls, url: str, options: Mapping[str, str] | None, *, plain_http: bool) -> Self:
        """Open the newest list in `s3://bucket/prefix/source-bucket/config-id`.

        Raises `Unseen` if no list is complete.
        """
        host, _, folder = url.removeprefix("s3://").rstrip("/").partition("/")
        objects = Objects.at(f"s3://{host}", options, plain_http=plain_http)
        return cls.newest(objects, folder, url)

    @classmethod
    def newest(cls, objects: Objects, folder: str, url: str) -> Self:
        """Return the newest list below a folder, likewise; errors name `url`."""
        for dated in sorted(objects.folders(folder), reverse=True):
            if not _DATED.fullmatch(dated.rpartition("/")[2]):
                continue
            paths = [f"{dated}/{_MANIFEST}", f"{dated}/{_CHECKSUM}"]
            body, checksum = objects.contents(paths, _LARGEST)
            if body is None or checksum is None:
                continue  # it is being published
            if hashlib.md5(body, usedforsecurity=False).hexdigest().encode() == checksum.strip():
                with _errors(paths[0]):
                    return cls(objects, msgspec.json.decode(body, type=_Manifest), url)
        raise Unseen(url, Reason.UNREADABLE, "no S3 Inventory here")

    @property
    def taken_at(self) -> float:
        """Start of the listing by S3, in seconds since the epoch. Raises `Unseen`."""
        with _errors(self.name):
            return int(self.manifest.created) / 1000

    def keys(self, bucket: str, root: str) -> Iterator[Key]:
        """Yield the objects of a bucket below a prefix, in no order; their paths begin below it.

        Raises `Unseen`.
        """
        if self.manifest.source_bucket != bucket:
            detail = f"an S3 Inventory of the bucket {self.manifest.source_bucket!r}"
            raise Unseen(self.name, Reason.UNSUPPORTED, detail)
        read = {"CSV": self._csv, "Parquet": _parquet}.get(self.manifest.format)
        if read is None:
            detail = f"an S3 Inventory as {self.manifest.format}: CSV and Parquet can be read"
            raise Unseen(self.name, Reason.UNSUPPORTED, detail)
        for file in self.manifest.files:
            yield from self._keys(file.key, read, f"{root}/" if root else "")

    def _keys(self, path: str, read: Callable[[Any], Iterator[Row]], root: str) -> Iterator[Key]:
        with _errors(f"{self.name}: {path}"):
            file = BufferedReader(_ObjectFile(obstore.open_reader(self.objects.store, path)), CHUNK)
            for key, size, modified, etag in read(file):
                if key.startswith(root):
                    moment = modified if modified.tzinfo else modified.replace(tzinfo=UTC)
                    at = int(moment.timestamp() * 1000) * 1_000_000
                    yield Key(key[len(root) :], size, at, etag)

    def _csv(self, file: Any) -> Iterator[Row]:
        names = [each.strip() for each in self.manifest.schema.split(",")]
        columns = [names.index(_COLUMNS[name]) for name in list(_COLUMNS)[:_NEEDED]]
        latest, deleted = (
            names.index(name) if name in names else None for name in list(_COLUMNS.values())[-2:]
        )
        with gzip.GzipFile(fileobj=file) as stream, TextIOWrapper(stream, "utf-8") as text:
            lines = iter(lambda: text.readline(_LONGEST), "")
            for row in csv.reader(lines, strict=True):
                old = latest is not None and row[latest] == "false"
                if old or (deleted is not None and row[deleted] == "true"):
                    continue
                key, size, modified, etag = (row[at] for at in columns)
                yield unquote_plus(key), int(size), datetime.fromisoformat(modified), etag


def _parquet(file: Any) -> Iterator[Row]:
    parquet = importlib.import_module("pyarrow.parquet").ParquetFile(file)
    known = set(parquet.schema_arrow.names)
    names = list(_COLUMNS)[:_NEEDED] + [each for each in list(_COLUMNS)[_NEEDED:] if each in known]
    for batch in parquet.iter_batches(_BATCH, columns=names):
        for row in batch.to_pylist():
            if row.get("is_latest") is not False and not row.get("is_delete_marker"):
                yield row["key"], row["size"], row["last_modified_date"], row["e_tag"]


class _ObjectFile(RawIOBase):
    """An object as a Python file, which Parquet readers require."""

    def __init__(self, reader: "ReadableFile") -> None:
        self._reader = reader

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = 0) -> int:
        return self._reader.seek(offset, whence)

    def tell(self) -> int:
        return self._reader.tell()

    def readinto(self, buffer: Any) -> int:
        found = bytes(self._reader.read(len(buffer)))
        buffer[: len(found)] = found
        return len(found)


@contextmanager
def _errors(subject: str) -> Iterator[None]:
    """Raise `Unseen` for any exception that an undocumented list causes in a reader."""
    try:
        yield
    except Unseen:
        raise
    except ImportError as error:
        detail = "Parquet needs the extra: pip install 'pullproof[facts]'"
        raise Unseen(subject, Reason.UNSUPPORTED, detail) from error
    except Exception as error:
        detail = f"not an S3 Inventory with Size, LastModifiedDate and ETag: {type(error).__name__}"
        raise Unseen(subject, Reason.MALFORMED, detail) from error
