"""The records of a snapshot's file, as plain values that a test may change."""

from __future__ import annotations

import gzip
from io import BytesIO
from typing import TYPE_CHECKING

import msgspec

from exporter.store import snapshot_file
from exporter.store.snapshot_file import NAME, VERSION

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from exporter.facts.snapshot import Snapshot


def encode(snapshot: Snapshot) -> bytes:
    """A whole file."""
    return b"".join(snapshot_file.encode(snapshot))


def decode(file: bytes) -> Snapshot:
    """What a whole file holds."""
    return snapshot_file.decode(BytesIO(file))


def start(version: int = VERSION) -> bytes:
    """What every file begins with."""
    return b"\x93" + msgspec.msgpack.encode(NAME) + bytes([version])


def laid_out(file: bytes) -> list[object]:
    """The records of a file: the field's name and one row each."""
    body = gzip.decompress(file).removeprefix(start())
    return list(_records(body))


def _records(body: bytes) -> Iterator[object]:
    while body:
        length = 4 + int.from_bytes(body[:4], "big")
        yield msgspec.msgpack.decode(body[4:length])
        body = body[length:]


def packed(records: Iterable[object]) -> bytes:
    """A file of these records."""
    bodies = (msgspec.msgpack.encode(each) for each in records)
    whole = b"".join(len(each).to_bytes(4, "big") + each for each in bodies)
    return gzip.compress(start() + whole, mtime=0)
