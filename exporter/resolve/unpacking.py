"""What do a layer's bytes unpack to? Piece by piece, as they come, and never kept.

It follows what nodes do: containerd `pkg/archive/compression` looks at the first bytes only, and
its readers (klauspost/compress, `gzip` and `zstd`) take members and frames one after the other.
Where nodes differ, or where the library at hand cannot tell, nothing is said of the layer.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Final, Protocol

from exporter.facts.gap import Reason
from exporter.facts.misfit import Unpacked
from exporter.oci.digest import Digest
from exporter.ports import Unseen

_PIECE: Final = 1 << 20
"""Bytes that are unpacked at once: what a bomb may take of memory."""
_ROUND: Final = 8 << 20
"""Bytes that are unpacked until somebody else may have a turn, or end this."""
_BITE: Final = 16 << 10
"""Bytes that a stream is given at once: what follows its end is copied, for each of them."""
_TELLING: Final = 10
"""Bytes by which a packing is known, as many as nodes look at."""
_HEAD: Final = 522
"""Bytes that are waited for before a member or frame begins, if so many come: the header of a gzip
member with the longest name that Go reads (`compress/gzip`, `Reader.readString`)."""
_GZIP: Final = b"\x1f\x8b\x08"
_LAST: Final = 4
"""Bytes that a stream is given at last: half of a gzip member's trailer."""
_SUM: Final = "incorrect data check"
"""What zlib says after the first half of a trailer; pgzip does not look if the second is cut."""
_FLAGS: Final = 3
"""Where a gzip member's flags are."""
_FIXED: Final = 10
"""Bytes of a gzip header before its extra field or its name (RFC 1952)."""
_PLAIN, _NAMED = (0x00, 0x01, 0x04, 0x05), (0x08, 0x09)
"""Flags that all nodes read: text, an extra field, or a name. Not all read reserved ones, or a
checksum of the header, which pgzip computes wrongly."""
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
"""Begins a zstd frame that is not skipped (RFC 8878)."""
_SKIPPED: Final = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
"""Begins a zstd frame that is skipped."""
_WINDOW: Final = 27
"""The binary logarithm of the largest window of a zstd frame: 128 MiB of memory."""
_STRANGE: Final = (b"BZh", b"\xfd7zXZ\x00", *_SKIPPED)
"""Of bzip2, xz, and zstd behind a frame that is skipped: some nodes unpack them, others do not."""
_PROOFS: Final = ("incorrect", "invalid", "too many", "corrupt", "match", "Unknown frame")
"""What libraries say of bytes that no reader takes. All else may be their own weakness."""


class Stream(Protocol):
    """One gzip member or zstd frame."""

    rest: int
    """How many of the last bytes that it was given it did not take."""
    hungry: bool
    """Is all unpacked that it took? Only then may more come."""
    ended: bool

    @property
    def inside(self) -> bool:
        """Is it within its content, so that every node refuses what is cut off here?"""
        ...

    def pull(self, data: bytes) -> bytes:
        """Take some bytes, and return some that they unpack to. Raises what the library raises."""
        ...


class Member:
    """A gzip member."""

    def __init__(self, _: bytes) -> None:
        """Begin before its header."""
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._has_content = False
        self.rest, self.hungry, self.ended = 0, True, False

    @property
    def inside(self) -> bool:
        """Is it surely within its content?

        klauspost/compress takes a member that is cut in its header for none, and klauspost/pgzip
        one that is cut in its trailer for a whole one. A trailer is at its end after eight bytes,
        whichever they are.
        """
        return self._has_content and not all(map(self._ends_with, (bytes(8), b"\xff" * 8)))

    def pull(self, data: bytes) -> bytes:
        """Take some bytes, and return some that they unpack to. Raises `zlib.error`."""
        found = self._inner.decompress(data, _PIECE)
        self._has_content = self._has_content or bool(found)
        self.rest = len(self._inner.unconsumed_tail or self._inner.unused_data)
        self.ended, self.hungry = self._inner.eof, len(found) < _PIECE
        return found

    def _ends_with(self, trailer: bytes) -> bool:
        probe = self._inner.copy()
        try:
            probe.decompress(trailer)
        except zlib.error as error:
            return "incorrect" in str(error)
        return probe.eof


def _is_common(head: bytes) -> bool:
    """Does every node read a gzip member's header?"""
    if len(head) < _FIXED or head[_FLAGS] in _PLAIN:
        return True
    return head[_FLAGS] in _NAMED and head.find(0, _FIXED) > 0


class Frame:
    """A zstd frame, or one that is skipped."""

    inside = True

    def __init__(self, zstd: ModuleType, head: bytes) -> None:
        """Begin before its header. Raises `ZstdError`."""
        self._zstd = zstd
        options = {zstd.DecompressionParameter.window_log_max: _WINDOW}
        self._inner = zstd.ZstdDecompressor(options=options)
        self._left: int | None = None
        """How much it unpacks to from here on, as its header says."""
        if head.startswith(_ZSTD):
            self._left = zstd.get_frame_info(head).decompressed_size
        self._most = 1
        self.rest, self.hungry, self.ended = 0, True, False

    def pull(self, data: bytes) -> bytes:
        """Take some bytes, and return some that they unpack to. Raises `ZstdError`.

        The first byte goes alone: of a frame that libzstd sees whole it checks neither the window
        nor the blocks as it does in a stream, and as Go does.
        """
        given, self._most = data[: self._most], _BITE
        found: bytes = self._inner.decompress(given, _PIECE)
        self.ended, self.hungry = self._inner.eof, self._inner.needs_input
        self.rest = len(data) - len(given) + len(self._inner.unused_data)
        if self._left is not None:
            self._left -= len(found)
        if self.ended and self._left:  # libzstd does not mind where the last block is empty
            raise self._zstd.ZstdError("incorrect length")
        return found


@dataclass(frozen=True, slots=True)
class Packing:
    """One way in which a layer may be packed."""

    name: str
    stream: Callable[[bytes], Stream]
    """Begins a member or a frame, by its first bytes."""
    marks: tuple[bytes, ...]
    """What begins a member or a frame; all are of one length."""


class Unpacker:
    """Unpacks layers up to a size, one after the other: `begin` each, `feed` it, and `end` it."""

    def __init__(self, limit: int, counted: Callable[[int], None]) -> None:
        """`limit` is in bytes that a layer unpacks to; `counted` hears of each. Raises `Unseen`."""
        self._limit, self._counted = limit, counted
        zstd = library()
        self._faults = (zlib.error, zstd.ZstdError)
        gzip = Packing("gzip", Member, (_GZIP,))
        frames = Packing("zstd", lambda head: Frame(zstd, head), (_ZSTD, *_SKIPPED))
        self._packings = (gzip, frames)
        self.begin()

    def begin(self) -> None:
        """Forget what came."""
        self._hash = hashlib.sha256()
        self._size = 0
        self._data: bytes = b""
        self._at = 0
        """What came, and how much of that was taken."""
        self._packing: Packing | None = None
        self._is_told = False
        self._is_whole = False
        """Did all come?"""
        self._stream: Stream | None = None
        self._verdict: Unpacked | None = None

    def feed(self, data: bytes) -> bool:
        """Take some bytes; return whether `feed(b"")` must be called until all are unpacked."""
        if self._verdict is not None:
            return False
        self._data, self._at = self._data[self._at :] + data, 0
        if not self._is_told and len(self._data) < _TELLING:
            return False
        return self._go_on()

    def end(self) -> Unpacked:
        """Return what all that came unpacks to."""
        self._is_whole = True
        while self._go_on():
            pass
        if self._verdict is None and (self._stream or self._at < len(self._data)):
            self._cut_off()
        return self._verdict or Unpacked(
            Digest(f"sha256:{self._hash.hexdigest()}"), packed=self._packing is not None
        )

    def _go_on(self) -> bool:
        """Unpack for one round; return whether there is more to unpack of what came."""
        if not self._is_told:
            self._tell()
        until, more = self._size + _ROUND, True
        try:
            while more and self._verdict is None and self._size < until:
                more = self._step()
        except self._faults as fault:
            self._break(str(fault).rpartition(": ")[2])
        return more and self._verdict is None

    def _tell(self) -> None:
        """Tell by the first bytes how it is packed."""
        self._is_told = True
        for packing in self._packings:
            self._packing = packing if self._data.startswith(packing.marks) else self._packing
        if self._data.startswith(_STRANGE):
            self._doubt(Reason.UNSUPPORTED, "packed in a way that not all nodes know")

    def _step(self) -> bool:
        if self._packing is None:
            self._take(self._data[self._at :])
            self._at = len(self._data)
            return False
        if self._stream is None:
            return self._next(self._packing)
        stream = self._stream
        self._take(stream.pull(self._bite() if stream.hungry else b""))
        self._at -= stream.rest
        if stream.ended:
            self._stream = None
        return not stream.hungry or self._until() > self._at

    def _bite(self) -> bytes:
        """Take some of what came."""
        bite = self._data[self._at : min(self._at + _BITE, self._until())]
        self._at += len(bite)
        return bite

    def _until(self) -> int:
        """Say how far what came may be taken: its last bytes alone, and once all came."""
        end = len(self._data)
        return end if self._is_whole and self._at >= end - _LAST else max(end - _LAST, self._at)

    def _next(self, packing: Packing) -> bool:
        """Begin a member or a frame, where enough came to tell that it is one."""
        head = self._data[self._at : self._at + _HEAD]
        length = len(packing.marks[0])
        if len(head) < length:
            return False
        if head[:length] not in packing.marks:
            self._trail(packing)
        elif len(head) < _HEAD and not self._is_whole:
            return False
        elif head.startswith(_GZIP) and not _is_common(head):
            self._doubt(Reason.UNSUPPORTED, "a gzip header that not all container runtimes accept")
        else:
            self._stream = packing.stream(head)
        return self._stream is not None

    def _trail(self, packing: Packing) -> None:
        """Decide what follows the last member or frame, and is none.

        Go's reader of gzip refuses it; what nodes use in its place where it is installed (`unpigz`)
        only warns. Of zstd there is Go's alone.
        """
        if packing.name == "zstd":
            self._fail("other bytes after the last zstd frame")
        else:
            self._doubt(Reason.UNSUPPORTED, "other bytes after the last gzip member: nodes differ")

    def _cut_off(self) -> None:
        """Decide what it means that no more came."""
        name = self._packing.name if self._packing else ""
        if self._stream is None:
            self._doubt(Reason.UNSUPPORTED, f"other bytes after its {name} stream: nodes differ")
        elif self._stream.inside:
            self._fail(f"it ends within its {name} stream")
        else:
            self._doubt(Reason.UNSUPPORTED, f"its {name} stream has no whole end: nodes differ")

    def _take(self, found: bytes) -> None:
        self._hash.update(found)
        self._size += len(found)
        self._counted(len(found))
        if self._size > self._limit:
            self._doubt(Reason.TOO_LARGE, f"it unpacks to more than {self._limit} bytes")

    def _break(self, detail: str) -> None:
        """Decide what a library's complaint means."""
        is_last = self._at > len(self._data) - _LAST
        if any(each in detail for each in _PROOFS) and not (is_last and detail == _SUM):
            self._fail(detail)
        else:
            self._doubt(Reason.UNSUPPORTED, detail)

    def _fail(self, detail: str) -> None:
        self._verdict = Unpacked(None, detail)

    def _doubt(self, reason: Reason, detail: str) -> None:
        self._verdict = Unpacked(None, detail, reason)


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
