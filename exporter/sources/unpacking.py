"""What do a layer's bytes unpack to? Piece by piece, as they come, and never kept.

It follows what nodes do: containerd `pkg/archive/compression` looks at the first bytes only, and
its readers (klauspost/compress, `gzip` and `zstd`) take members and frames one after the other.
Where nodes differ, or where we do not dare, nothing is said of the layer.
"""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from exporter.facts.gap import Reason
from exporter.facts.misfit import Unpacked
from exporter.oci.digest import Digest
from exporter.sources.members import ZSTD, Frame, Member, Stream, library

_ROUND: Final = 8 << 20
"""Bytes that are unpacked until somebody else may have a turn, or end this."""
_BITE: Final = 16 << 10
"""Bytes that a stream is given at once: what follows its end is copied, for each of them."""
_HEAD: Final = 10
"""Bytes by which a packing is known, as many as nodes look at."""
_GZIP: Final = b"\x1f\x8b\x08"
_SKIPPED: Final = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
"""Begins a zstd frame that is skipped."""
_STRANGE: Final = (b"BZh", b"\xfd7zXZ\x00", *_SKIPPED)
"""Of bzip2, xz, and zstd behind a frame that is skipped: some nodes unpack them, others do not."""
_PROOFS: Final = ("incorrect", "invalid", "too many", "corrupt", "match", "Unknown frame")
"""What libraries say of bytes that no reader takes. All else may be their own weakness."""


@dataclass(frozen=True, slots=True)
class Packing:
    """One way in which a layer may be packed."""

    name: str
    stream: Callable[[], Stream]
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
        frames = Packing("zstd", lambda: Frame(zstd), (ZSTD, *_SKIPPED))
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
        self._stream: Stream | None = None
        self._verdict: Unpacked | None = None

    def feed(self, data: bytes) -> bool:
        """Take some bytes; return whether `feed(b"")` must be called until all are unpacked."""
        if self._verdict is not None:
            return False
        self._data, self._at = self._data[self._at :] + data, 0
        if not self._is_told and len(self._data) < _HEAD:
            return False
        return self._go_on()

    def end(self) -> Unpacked:
        """Return what all that came unpacks to."""
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
            self._take(self._bite(len(self._data)))
            return False
        if self._stream is None:
            return self._next(self._packing)
        stream = self._stream
        self._take(stream.pull(self._bite(_BITE) if stream.hungry else b""))
        if stream.ended:
            self._at -= len(stream.rest)
            self._stream = None
        return self._at < len(self._data) or not stream.hungry

    def _bite(self, most: int) -> bytes:
        """Take some of what came."""
        bite = self._data[self._at : self._at + most]
        self._at += len(bite)
        return bite

    def _next(self, packing: Packing) -> bool:
        """Begin a member or a frame, where enough came to tell that it is one."""
        length = len(packing.marks[0])
        head = self._data[self._at : self._at + length]
        if len(head) < length:
            return False
        if head in packing.marks:
            self._stream = packing.stream()
            return True
        self._trail(packing)
        return False

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
        if any(each in detail for each in _PROOFS):
            self._fail(detail)
        else:
            self._doubt(Reason.UNSUPPORTED, detail)

    def _fail(self, detail: str) -> None:
        self._verdict = Unpacked(None, detail)

    def _doubt(self, reason: Reason, detail: str) -> None:
        self._verdict = Unpacked(None, detail, reason)
