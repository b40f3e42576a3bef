"""Snapshot files: a gzip stream of records, each one row of one field.

    start   the name of the format and its version, as in every version
    record  four bytes of length, then msgpack of [field of `Snapshot`, row]

Frozen values are written as msgspec writes them. A field that holds many of them is written row by
row. The stream is made and read in pieces, each a gzip member of its own, so that neither side
holds more than one piece beside the snapshot itself.
"""

import gzip
import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields
from functools import lru_cache
from io import RawIOBase
from typing import IO, Any, Final, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from exporter.facts.proof import Sighting
from exporter.facts.shared_digests import share_digests
from exporter.facts.sightings import Sightings
from exporter.facts.snapshot import Sealed, Snapshot
from exporter.heap import undisturbed
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import PackedLinks, Shape
from exporter.oci.manifest import Manifest
from exporter.oci.reference import Repository, Tag
from exporter.store.checks import Check, check_address, check_of, check_registry

NAME: Final = "pullproof snapshot"
VERSION: Final = 8
"""Incremented with every change of the layout, and of parsed manifests: audits do not parse the
manifests of a snapshot again. Files are kept for days, not for years."""

_LARGEST: Final = 4 << 30
"""Maximum bytes of a file: one of a million tags with twenty million blobs has less than half."""

_START: Final = b"\x93" + msgspec.msgpack.encode(NAME)
_LEVEL: Final = 1
"""Level of gzip: 6 saves another 4 % and takes a quarter longer; most bytes are digests."""
_STORED: Final = 0
"""Level of gzip without compression."""
_PIECE: Final = 1 << 18
"""Bytes of records that are compressed together."""
_LENGTH: Final = 4
_LONGEST: Final = 16 << 20
"""Maximum bytes of a record. The largest manifest that registries accept, 4 MiB, has 9 MiB."""
_SPARE: Final = 32 << 20
_RATIO: Final = 8
"""Maximum ratio of unpacked to read bytes, with `_SPARE` bytes more: a chunk and a record may be
incomplete. Files of this version are within it."""
_MOST: Final = 10_000
"""Digests or tags of one row."""

Item = TypeVar("Item")
Seen = tuple[Sighting, Repository, tuple[bytes, ...]]
"""One sighting in one repository, with its packed digests: few sightings differ."""
Packed = tuple[Digest, str, int, bool, str, Shape, bytes]
"""A manifest with packed links; others are written as they are."""
Tagged = tuple[Repository, Digest | None, tuple[Tag, ...]]
"""Tags of a sealed repository that reference a digest; None if the repository has none."""


def encode(snapshot: Snapshot) -> Iterator[bytes]:
    """Yield the chunks of a snapshot's file, which `decode` parses."""
    waiting = bytearray(_START + bytes([VERSION]))
    for record in _rows(snapshot):
        body = _encode(record)
        waiting += len(body).to_bytes(_LENGTH) + body
        if len(waiting) >= _PIECE:
            yield _packed(waiting)
            waiting = bytearray()
    yield _packed(waiting)


def decode(file: IO[bytes]) -> Snapshot:
    """Parse a snapshot. Raises `Malformed` for a file that this version never wrote."""
    reading, packed = _RowReader(), _Counted(file)
    try:
        with undisturbed(), gzip.GzipFile(fileobj=packed, mode="rb") as stream:
            _check_start(stream.read(len(_START) + 1))
            for name, row in _records(stream, packed):
                reading.take(name, row)
            return reading.snapshot()
    except (msgspec.DecodeError, UnicodeDecodeError, zlib.error, EOFError, OSError) as error:
        raise Malformed(f"not a {NAME}: {error}") from error
    except RecursionError as error:
        raise Malformed(f"not a {NAME}: too deeply nested") from error


def _packed(records: bytearray) -> bytes:
    """Return a gzip member that is no decompression bomb to any reader."""
    packed = gzip.compress(records, _LEVEL, mtime=0)
    if len(packed) * _RATIO < len(records):
        return gzip.compress(records, _STORED, mtime=0)
    return packed


def _rows(snapshot: Snapshot) -> Iterator[tuple[str, object]]:
    """Yield every row with its field."""
    for each in fields(Snapshot):
        value = getattr(snapshot, each.name)
        for row in _LAYOUTS.get(each.name, _plain)(value):
            yield each.name, row


def _plain(value: object) -> Iterable[object]:
    """Return a row for each item of a field, or one row for the field."""
    if isinstance(value, Mapping):
        return value.items()
    return value if isinstance(value, tuple) else (value,)


def _seen(sightings: Sightings) -> Iterator[Seen]:
    for repository, found in sightings.packed():
        alike: defaultdict[Sighting, list[bytes]] = defaultdict(list)
        for key, sighting in found.items():
            alike[sighting].append(key)
        for sighting, keys in alike.items():
            yield from ((sighting, repository, part) for part in _parts(tuple(keys)))


def _read(manifests: Mapping[Digest, Manifest]) -> Iterator[Packed | Manifest]:
    for each in manifests.values():
        if isinstance(each.links, PackedLinks):
            own = each.digest, each.media_type, each.size, each.artifact, each.artifact_type
            yield (*own, each.links.shape, each.links.packed)
        else:
            yield each


def _tagged(sealed: Mapping[Repository, Sealed]) -> Iterator[Tagged]:
    for repository, seal in sealed.items():
        yield repository, None, ()
        for digest, tags in seal.tags.items():
            yield from ((repository, digest, part) for part in _parts(tags))


def _parts(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    """Split a row that is too long; an empty one is one part."""
    for start in range(0, len(items) or 1, _MOST):
        yield items[start : start + _MOST]


_LAYOUTS: Final[Mapping[str, Callable[[Any], Iterable[object]]]] = {
    "manifests": _read,
    "sightings": _seen,
    "sealed": _tagged,
}
"""Fields with rows of their own, which are smaller."""


def _simple(value: object) -> object:
    if isinstance(value, Digest):
        return value.packed
    raise TypeError(type(value).__name__)


_encode: Final = msgspec.msgpack.Encoder(enc_hook=_simple).encode


def _check_start(start: bytes) -> None:
    if start[:-1] != _START:
        raise Malformed(f"not a {NAME}")
    if start[-1] != VERSION:
        raise Malformed(
            f"a {NAME} of version {start[-1]}, but this release reads version {VERSION}: "
            "take a new one"
        )


class _Counted(RawIOBase):
    """A file, with the number of bytes that were read."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.size = 0

    def readinto(self, buffer: Any) -> int:
        found = self._file.read(len(buffer))
        buffer[: len(found)] = found
        self.size += len(found)
        if self.size > _LARGEST:
            raise Malformed(f"not a {NAME}: more than {_LARGEST >> 30} GiB")
        return len(found)


def _records(stream: gzip.GzipFile, packed: _Counted) -> Iterator[tuple[str, msgspec.Raw]]:
    decoder = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])
    while head := stream.read(_LENGTH):
        length = int.from_bytes(head)
        if len(head) < _LENGTH or length > _LONGEST:
            raise Malformed(f"not a {NAME}: a record of {length} bytes")
        if stream.tell() + length > _SPARE + _RATIO * packed.size:
            raise Malformed(f"not a {NAME}: it unpacks to more than {_RATIO} times its size")
        body = stream.read(length)
        yield decoder.decode(body)


def _unchecked(_: object) -> None:
    """Return it as it is."""


def _row_type(name: str, kind: Any) -> Any:
    if name in _ROWS:
        return _ROWS[name]
    arguments: Any = get_args(kind)
    if get_origin(kind) is Mapping:
        return tuple[arguments]
    return arguments[0] if get_origin(kind) is tuple else kind


_ROWS: Final = {"manifests": Packed | Manifest, "sightings": Seen, "sealed": Tagged}
_FIELDS: Final = get_type_hints(Snapshot)
_TYPES: Final = {name: _row_type(name, kind) for name, kind in _FIELDS.items()}
_CHECKS: Final[Mapping[str, Check | None]] = {
    **{name: check_of(kind) for name, kind in _TYPES.items() if name != "manifests"},
    "registry": check_registry,
    "address": check_address,
    "manifests": None,
}
_check_manifest: Final = check_of(Manifest) or _unchecked
_check_shape: Final = lru_cache(256)(check_of(Shape) or _unchecked)
_SHORT: Final = {32: "sha256", 64: "sha512"}
"""Algorithms by the bytes of their digests."""


class _RowReader:
    """Rows of one file that were parsed so far."""

    def __init__(self) -> None:
        self._decoders = {
            name: msgspec.msgpack.Decoder(kind, dec_hook=self._digest)
            for name, kind in _TYPES.items()
        }
        self._digests: dict[object, Digest] = {}
        self._rows: defaultdict[str, list[Any]] = defaultdict(list)
        self._sightings = Sightings()

    def take(self, name: str, packed: msgspec.Raw) -> None:
        """Parse one row. Raises `Malformed` for an invalid one of its field."""
        if name not in self._decoders:
            raise Malformed(f"not a {NAME}: unknown field {name[:40]!r}")
        row = self._decoders[name].decode(packed)
        check = _CHECKS[name]
        try:
            if check:
                check(row)
            if name == "manifests":
                row = _manifest(row)
            if name == "sightings":
                self._see(row)
                return
        except Malformed as error:
            raise Malformed(f"not a {NAME}: {name}: {error}") from error
        self._rows[name].append(row)

    def snapshot(self) -> Snapshot:
        """Return the snapshot."""
        if lacking := [name for name in ("registry", "taken_at") if name not in self._rows]:
            raise Malformed(f"not a {NAME}: {lacking[0]} is missing")
        known = {name: _joined(name, rows) for name, rows in self._rows.items()}
        found = Snapshot(**known, sightings=self._sightings)
        share_digests(found.manifests, found.sightings)
        return found

    def _see(self, row: Seen) -> None:
        seen, repository, keys = row
        if not all(len(key) in _SHORT for key in keys):
            raise Malformed("not a sha256 or sha512 digest")
        self._sightings.add_packed(repository, keys, seen)

    def _digest(self, kind: type, value: object) -> Digest:
        known = self._digests.get(value)
        if known is not None:
            return known
        if kind is not Digest or not isinstance(value, bytes) or len(value) not in _SHORT:
            raise Malformed("not a sha256 or sha512 digest")
        return self._digests.setdefault(value, Digest(f"{_SHORT[len(value)]}:{value.hex()}"))


def _manifest(row: Packed | Manifest) -> Manifest:
    """Return the manifest of a row. Raises `Malformed` for an invalid one."""
    if isinstance(row, Manifest):
        _check_manifest(row)
        return row
    digest, media_type, size, artifact, artifact_type, shape, packed = row
    _check_shape(shape)
    links = PackedLinks(shape, packed)
    if min((size, *links.sizes)) < 0:
        raise Malformed("a size below zero")
    return Manifest(digest, media_type, size, links, artifact, artifact_type)


def _joined(name: str, rows: list[Any]) -> Any:
    """Return the value of a field."""
    if name == "manifests":
        return {each.digest: each for each in rows}
    if name == "sealed":
        return _sealed(rows)
    if get_origin(_FIELDS[name]) is Mapping:
        return dict(rows)
    return tuple(rows) if get_origin(_FIELDS[name]) is tuple else rows[-1]


def _sealed(rows: list[Tagged]) -> dict[Repository, Sealed]:
    found: defaultdict[Repository, dict[Digest, tuple[Tag, ...]]] = defaultdict(dict)
    for repository, digest, tags in rows:
        pointing = found[repository]
        if digest is not None:
            pointing[digest] = (*pointing.get(digest, ()), *tags)
    return {repository: Sealed(pointing) for repository, pointing in found.items()}
