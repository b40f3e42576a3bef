"""Snapshot files: a gzip stream of records, each one row of one field.

    start   the name of the format and its version, as in every version
    record  four bytes of length, then msgpack of [field of `Snapshot`, row]

Frozen values are written as msgspec writes them. A field that holds many of them is written row by
row, so that neither side holds more than one record beside the snapshot itself.
"""

import zlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import fields, replace
from gzip import GzipFile
from io import BytesIO
from operator import methodcaller
from typing import Any, Final, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from exporter.facts.proof import Sighting
from exporter.facts.snapshot import Sealed, Snapshot
from exporter.heap import undisturbed
from exporter.oci.digest import Digest, Malformed
from exporter.oci.manifest import Link, Manifest
from exporter.oci.reference import Repository, Tag
from exporter.store.checks import Check, check_address, check_of, check_registry

NAME: Final = "pullproof snapshot"
VERSION: Final = 7
"""Rises with every change of the layout: a snapshot is kept for days, not for years."""

LARGEST: Final = 512 << 20
"""Bytes of a file; a registry of 100,000 manifests takes 50 MB."""

_START: Final = b"\x93" + msgspec.msgpack.encode(NAME)
_LEVEL: Final = 1
"""Of gzip: level 6 makes 4 % less of it and takes a quarter longer; most bytes are digests."""
_STORED: Final = 0
"""The level of gzip that makes nothing smaller."""
_LENGTH: Final = 4
_LONGEST: Final = 16 << 20
"""Bytes of a record. The largest manifest that registries take, of 4 MiB, has 9 MiB at most."""
_SPARE: Final = 16 << 20
_RATIO: Final = 8
"""A file may unpack to so many times its size, and to `_SPARE` bytes more: honest ones do."""
_MOST: Final = 10_000
"""Digests or tags of one row."""

Item = TypeVar("Item")
Seen = tuple[Sighting, Repository, tuple[Digest, ...]]
"""What was seen alike in one repository: there are few different sightings."""
Tagged = tuple[Repository, Digest | None, tuple[Tag, ...]]
"""Tags of a sealed repository that point at a digest; None where the repository has none."""


def encode(snapshot: Snapshot) -> bytes:
    """Return a snapshot as bytes, which `decode` reads back."""
    packed, unpacked = _packed(snapshot, _LEVEL)
    return packed if unpacked <= _SPARE + _RATIO * len(packed) else _packed(snapshot, _STORED)[0]


def decode(packed: bytes) -> Snapshot:
    """Read a snapshot back; raise `Malformed` for anything that this version never wrote."""
    if len(packed) > LARGEST:
        raise Malformed(f"not a {NAME}: more than {LARGEST >> 20} MiB")
    reading = _RowReader()
    try:
        with undisturbed(), GzipFile(fileobj=BytesIO(packed)) as stream:
            _check_start(stream.read(len(_START) + 1))
            for name, row in _records(stream, _SPARE + _RATIO * len(packed)):
                reading.take(name, row)
            return reading.snapshot()
    except (msgspec.DecodeError, UnicodeDecodeError, zlib.error, EOFError, OSError) as error:
        raise Malformed(f"not a {NAME}: {error}") from error
    except RecursionError as error:
        raise Malformed(f"not a {NAME}: too deeply nested") from error


def _packed(snapshot: Snapshot, level: int) -> tuple[bytes, int]:
    """Return the file and the number of bytes to which it unpacks."""
    file = BytesIO()
    with GzipFile(fileobj=file, mode="wb", compresslevel=level, mtime=0) as stream:
        stream.write(_START + bytes([VERSION]))
        for record in _rows(snapshot):
            body = _encode(record)
            stream.write(len(body).to_bytes(_LENGTH) + body)
        unpacked = stream.tell()
    return file.getvalue(), unpacked


def _rows(snapshot: Snapshot) -> Iterator[tuple[str, object]]:
    """Yield every row, and the field that it belongs to."""
    for each in fields(Snapshot):
        value = getattr(snapshot, each.name)
        for row in _LAYOUTS.get(each.name, _plain)(value):
            yield each.name, row


def _plain(value: object) -> Iterable[object]:
    """Return a row for each item of a field, or one row for all of it."""
    if isinstance(value, Mapping):
        return value.items()
    return value if isinstance(value, tuple) else (value,)


def _seen(sightings: Mapping[tuple[Repository, Digest], Sighting]) -> Iterator[Seen]:
    alike: defaultdict[tuple[Sighting, Repository], list[Digest]] = defaultdict(list)
    for (repository, digest), sighting in sightings.items():
        alike[sighting, repository].append(digest)
    for (sighting, repository), digests in alike.items():
        yield from ((sighting, repository, part) for part in _parts(tuple(digests)))


def _tagged(sealed: Mapping[Repository, Sealed]) -> Iterator[Tagged]:
    for repository, seal in sealed.items():
        yield repository, None, ()
        for digest, tags in seal.tags.items():
            yield from ((repository, digest, part) for part in _parts(tags))


def _parts(items: tuple[Item, ...]) -> Iterator[tuple[Item, ...]]:
    """Cut a row that would be too long; nothing is one part."""
    for start in range(0, len(items) or 1, _MOST):
        yield items[start : start + _MOST]


_LAYOUTS: Final[Mapping[str, Callable[[Any], Iterable[object]]]] = {
    "manifests": methodcaller("values"),
    "sightings": _seen,
    "sealed": _tagged,
}
"""Fields that have rows of their own, which are smaller."""


def _from_digest(value: object) -> bytes:
    if isinstance(value, Digest):
        return bytes.fromhex(value.encoded)
    raise TypeError(type(value).__name__)


_encode: Final = msgspec.msgpack.Encoder(enc_hook=_from_digest).encode


def _check_start(start: bytes) -> None:
    if start[:-1] != _START:
        raise Malformed(f"not a {NAME}")
    if start[-1] != VERSION:
        raise Malformed(
            f"a {NAME} of version {start[-1]}, but this release reads version {VERSION}: "
            "take a new one"
        )


def _records(stream: GzipFile, limit: int) -> Iterator[tuple[str, msgspec.Raw]]:
    decoder = msgspec.msgpack.Decoder(tuple[str, msgspec.Raw])
    while head := stream.read(_LENGTH):
        length = int.from_bytes(head)
        if len(head) < _LENGTH or length > _LONGEST:
            raise Malformed(f"not a {NAME}: a record of {length} bytes")
        if stream.tell() + length > limit:
            raise Malformed(f"not a {NAME}: it unpacks to more than {limit >> 20} MiB")
        body = stream.read(length)
        yield decoder.decode(body)


def _row_type(name: str, kind: Any) -> Any:
    if name in _ROWS:
        return _ROWS[name]
    arguments: Any = get_args(kind)
    if get_origin(kind) is Mapping:
        return tuple[arguments]
    return arguments[0] if get_origin(kind) is tuple else kind


_ROWS: Final = {"manifests": Manifest, "sightings": Seen, "sealed": Tagged}
_FIELDS: Final = get_type_hints(Snapshot)
_TYPES: Final = {name: _row_type(name, kind) for name, kind in _FIELDS.items()}
_CHECKS: Final[Mapping[str, Check | None]] = {
    **{name: check_of(kind) for name, kind in _TYPES.items()},
    "registry": check_registry,
    "address": check_address,
}
_SHORT: Final = {32: "sha256", 64: "sha512"}
"""Algorithms by the bytes of their digests."""


class _RowReader:
    """What was read so far of one file."""

    def __init__(self) -> None:
        self._decoders = {
            name: msgspec.msgpack.Decoder(kind, dec_hook=self._digest)
            for name, kind in _TYPES.items()
        }
        self._digests: dict[object, Digest] = {}
        self._links: dict[Digest, Link] = {}
        self._rows: defaultdict[str, list[Any]] = defaultdict(list)

    def take(self, name: str, packed: msgspec.Raw) -> None:
        """Read one row; raise `Malformed` where none of this field can be like that."""
        if name not in self._decoders:
            raise Malformed(f"not a {NAME}: unknown field {name[:40]!r}")
        row = self._decoders[name].decode(packed)
        check = _CHECKS[name]
        try:
            if check:
                check(row)
        except Malformed as error:
            raise Malformed(f"not a {NAME}: {name}: {error}") from error
        self._rows[name].append(self._shared(row) if isinstance(row, Manifest) else row)

    def snapshot(self) -> Snapshot:
        """Return the whole."""
        if lacking := [name for name in ("registry", "taken_at") if name not in self._rows]:
            raise Malformed(f"not a {NAME}: {lacking[0]} is missing")
        return Snapshot(**{name: _joined(name, rows) for name, rows in self._rows.items()})

    def _digest(self, kind: type, value: object) -> Digest:
        known = self._digests.get(value)
        if known is not None:
            return known
        if kind is not Digest or not isinstance(value, bytes) or len(value) not in _SHORT:
            raise Malformed("not a sha256 or sha512 digest")
        return self._digests.setdefault(value, Digest(f"{_SHORT[len(value)]}:{value.hex()}"))

    def _shared(self, manifest: Manifest) -> Manifest:
        """Return it made of links that were met before: manifests share most of their layers."""
        return replace(manifest, links=tuple([self._link(each) for each in manifest.links]))

    def _link(self, link: Link) -> Link:
        known = self._links.setdefault(link.target.digest, link)
        return known if known == link else link


def _joined(name: str, rows: list[Any]) -> Any:
    """Return what a field holds."""
    if name == "manifests":
        return {each.digest: each for each in rows}
    if name == "sightings":
        return {(place, each): seen for seen, place, digests in rows for each in digests}
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
