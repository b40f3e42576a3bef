"""What do one gzip member and one zstd frame hold, as every node reads them?

A node's reader is Go's, not the library that is at hand here: where these two differ, no answer
may come of it, and none may depend on the pieces in which the bytes come.
"""

from __future__ import annotations

import importlib
import sys
import zlib
from typing import TYPE_CHECKING, Final, Protocol

from exporter.facts.gap import Reason
from exporter.sources import Unseen

if TYPE_CHECKING:
    from types import ModuleType

PIECE: Final = 1 << 20
"""Bytes that are unpacked at once: what a bomb may take of memory."""

_FIXED: Final = 10
"""Bytes with which every header of a gzip member begins; the fourth are its flags (RFC 1952)."""
_EXTRA, _NAME, _COMMENT = 0x04, 0x08, 0x10
_UNUSUAL: Final = 0xE0 | 0x02
"""Reserved flags, which Go's own reader passes over, and a checksum of the header, which pgzip
computes wrongly."""
_LONGEST_NAME: Final = 512
"""Bytes, the zero at its end among them, of the longest name in a header that Go reads.

Source: Go `compress/gzip`, `Reader.readString`.
"""
_TRAILER: Final = 8
"""Bytes after the content of a gzip member: its checksum and its length."""

ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""Begins a zstd frame that is not skipped (RFC 8878)."""
_WINDOW: Final = 27
"""The binary logarithm of the largest window of a zstd frame: 128 MiB of memory."""


class Stream(Protocol):
    """One gzip member or zstd frame."""

    ended: bool
    rest: bytes
    """What came after its end, with the last bytes that it was given."""
    hungry: bool
    """Is all unpacked that came? Only then may more come."""

    @property
    def inside(self) -> bool:
        """Is it within its content, so that every node refuses what is cut off here?"""
        ...

    def pull(self, data: bytes) -> bytes:
        """Take some bytes, and return some that they unpack to."""
        ...


class Member:
    """A gzip member: a header, what it holds, a trailer. Complains as zlib does."""

    def __init__(self) -> None:
        """Begin before its header."""
        self._inner = zlib.decompressobj(-zlib.MAX_WBITS)
        self._begun = False
        self._left = b""
        self._sum = zlib.crc32(b"")
        self._size = 0
        self.ended, self.rest, self.hungry = False, b"", True

    @property
    def inside(self) -> bool:
        """Is it within its content?

        klauspost/compress takes a member that is cut in a name for none, and klauspost/pgzip one
        that is cut in its trailer for a whole one; Go's own reader refuses both.
        """
        return self._begun and not self._inner.eof

    def pull(self, data: bytes) -> bytes:
        """Take some bytes, and return some that they unpack to. Raises `zlib.error`."""
        data, self._left = self._left + data, b""
        if not self._begun:
            length = _member_header(data)
            self._begun = bool(length)
            data = data[length:]
        found = b""
        if self.inside:
            found = self._inner.decompress(data, PIECE)
            self._sum = zlib.crc32(found, self._sum)
            self._size += len(found)
            data = self._inner.unconsumed_tail or self._inner.unused_data
            self.hungry = self._inner.eof or (not data and len(found) < PIECE)
        if self._inner.eof and len(data) >= _TRAILER:
            self._finish(data)
        self._left = data
        return found

    def _finish(self, data: bytes) -> None:
        """Hold the trailer against what came before it."""
        if int.from_bytes(data[:4], "little") != self._sum:
            raise zlib.error("incorrect data check")
        if int.from_bytes(data[4:_TRAILER], "little") != self._size & 0xFFFFFFFF:
            raise zlib.error("incorrect length check")
        self.ended, self.rest = True, data[_TRAILER:]


def _member_header(data: bytes) -> int:
    """Return how long a gzip member's header is, 0 where it has not all come.

    Raises `zlib.error`.
    """
    if len(data) < _FIXED:
        return 0
    flags, at = data[3], _FIXED
    if flags & _UNUSUAL:
        raise zlib.error("flags in its header that not all nodes read")
    if flags & _EXTRA:
        at += 2 + int.from_bytes(data[at : at + 2], "little")
    for named in (_NAME, _COMMENT):
        if flags & named:
            end = data.find(0, at, at + _LONGEST_NAME)
            if end < 0 and len(data) >= at + _LONGEST_NAME:
                raise zlib.error("a name in its header that is longer than all nodes read")
            if end < 0:
                return 0
            at = end + 1
    return at if len(data) >= at else 0


class Frame:
    """A zstd frame, or one that is skipped."""

    inside = True

    def __init__(self, zstd: ModuleType) -> None:
        """Begin before its header."""
        self._zstd = zstd
        options = {zstd.DecompressionParameter.window_log_max: _WINDOW}
        self._inner = zstd.ZstdDecompressor(options=options)
        self._begun = False
        self._left = b""
        self._size = 0
        self._stated: int | None = None
        """To how many bytes it unpacks, as its header says."""
        self.ended, self.rest, self.hungry = False, b"", True

    def pull(self, data: bytes) -> bytes:
        """Take some bytes, and return some that they unpack to. Raises `ZstdError`."""
        data, self._left = self._left + data, b""
        if not self._begun:
            length = _frame_header(data)
            if len(data) < length:
                self._left = data
                return b""
            self._begin(data[:length])
            data = data[length:]
        found: bytes = self._inner.decompress(data, PIECE)
        self._size += len(found)
        self.ended, self.hungry = self._inner.eof, self._inner.needs_input
        if self.ended:
            self._finish()
        return found

    def _begin(self, header: bytes) -> None:
        """Take its header: the last byte of it alone.

        Of a frame that libzstd sees whole, from its beginning, it checks neither the window nor the
        blocks as it does in a stream, and as Go does.
        """
        self._begun = True
        if header:
            self._inner.decompress(header[:-1])
            self._inner.decompress(header[-1:])
            self._stated = self._zstd.get_frame_info(header).decompressed_size

    def _finish(self) -> None:
        """Hold its length against its header: libzstd does not where its last block is empty."""
        self.rest = self._inner.unused_data
        if self._stated not in (None, self._size):
            raise self._zstd.ZstdError("incorrect length")


def _frame_header(data: bytes) -> int:
    """Return how long a frame's header is, by its first bytes; 0 of one that is skipped."""
    if not data.startswith(ZSTD):
        return 0
    if len(data) <= len(ZSTD):
        return len(ZSTD) + 1
    told = data[len(ZSTD)]
    single, dictionary, size = told >> 5 & 1, told & 3, told >> 6
    window = 1 - single
    return len(ZSTD) + 1 + window + (0, 1, 2, 4)[dictionary] + (single, 2, 4, 8)[size]


def library() -> ModuleType:
    """Return what unpacks zstd. Python has it from 3.14 on; before that it is an extra.

    Raises `Unseen`.
    """
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        detail = "unpacking layers needs the extra: pip install 'pullproof[zstd]'"
        raise Unseen("uncompressed", Reason.UNSUPPORTED, detail) from error
