"""What do a layer's bytes unpack to? Piece by piece, as they come, and never kept.

It follows what nodes do: containerd `pkg/archive/compression` looks at the first bytes only, and
its readers (klauspost/compress, `gzip` and `zstd`) take members and frames one after the other.
Where nodes differ, or where we do not dare, nothing is said of the layer.
"""

from __future__ import annotations

import hashlib
import importlib
import sys
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

from exporter.facts.gap import Reason
from exporter.facts.misfit import Unpacked
from exporter.oci.digest import Digest
from exporter.sources import Unseen

if TYPE_CHECKING:
    from types import ModuleType

_PIECE: Final = 1 << 20
"""Bytes that are unpacked at once: what a bomb may take of memory."""
_ROUND: Final = 8 << 20
"""Bytes that are unpacked until somebody else may have a turn, or end this."""
_HEAD: Final = 10
"""Bytes by which a packing is known, as many as nodes look at."""
_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPED: Final = b"\x2a\x4d\x18"
"""Ends the first four bytes of a frame that is skipped; the first of them is 0x50 to 0x5f."""
_STRANGE: Final = (b"BZh", b"\xfd7zXZ\x00")
"""Of bzip2 and xz: some nodes unpack them, others do not."""
_MEMBER: Final = 31
"""zlib's code for one gzip member, whatever its window."""
_WINDOW: Final = 27
"""The binary logarithm of the largest window of a zstd frame: 128 MiB of memory."""
_PROOFS: Final = ("incorrect", "invalid", "too many", "corrupt", "match", "Unknown frame")
"""What libraries say of bytes that no reader takes. All else may be their own weakness."""


class _Stream(Protocol):
    """One gzip member or zstd frame."""

    ended: bool
    rest: bytes
    """What came after its end."""
    hungry: bool
    """Is all unpacked that came?"""

    def pull(self, data: bytes) -> bytes:
        """Take some bytes, and return some that they unpack to."""
        ...


class _Member:
    """A gzip member."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(_MEMBER)
        self._left = b""
        self.ended, self.rest, self.hungry = False, b"", True

    def pull(self, data: bytes) -> bytes:
        found = self._inner.decompress(self._left + data, _PIECE)
        self._left = self._inner.unconsumed_tail
        self.ended, self.rest = self._inner.eof, self._inner.unused_data
        self.hungry = not self._left and len(found) < _PIECE
        return found


class _Frame:
    """A zstd frame, or one that is skipped."""

    def __init__(self, zstd: ModuleType) -> None:
        options = {zstd.DecompressionParameter.window_log_max: _WINDOW}
        self._inner = zstd.ZstdDecompressor(options=options)
        self.ended, self.rest, self.hungry = False, b"", True

    def pull(self, data: bytes) -> bytes:
        found: bytes = self._inner.decompress(data, _PIECE)
        self.ended = self._inner.eof
        self.rest = self._inner.unused_data if self.ended else b""
        self.hungry = self._inner.needs_input
        return found


@dataclass(frozen=True, slots=True)
class Packing:
    """One way in which a layer may be packed."""

    name: str
    stream: Callable[[], _Stream]
    begins: Callable[[bytes], bool]
    """Do these bytes begin a member or a frame?"""
    head: int
    """Bytes by which that is known."""


class Unpacker:
    """Unpacks layers up to a size, one after the other: `begin` each, `feed` it, and `end` it."""

    def __init__(self, limit: int, counted: Callable[[int], None]) -> None:
        """`limit` is in bytes that a layer unpacks to; `counted` hears of each. Raises `Unseen`."""
        self._limit, self._counted = limit, counted
        zstd = library()
        self._faults = (zlib.error, zstd.ZstdError)
        gzip = Packing("gzip", _Member, lambda head: head.startswith(_GZIP), len(_GZIP))
        frames = Packing("zstd", lambda: _Frame(zstd), _is_frame, len(_ZSTD))
        self._packings = (gzip, frames)
        self.begin()

    def begin(self) -> None:
        """Forget what came."""
        self._hash = hashlib.sha256()
        self._size = 0
        self._head: bytes = b""
        """What waits: for enough bytes to tell what they begin."""
        self._packing: Packing | None = None
        self._is_told = False
        self._stream: _Stream | None = None
        self._verdict: Unpacked | None = None

    def feed(self, data: bytes) -> bool:
        """Take some bytes; return whether `feed(b"")` must be called until all are unpacked."""
        before, more = self._size, False
        try:
            more = self._step(data)
            while more and self._verdict is None and self._size - before < _ROUND:
                more = self._step(b"")
        except self._faults as fault:
            self._break(str(fault).rpartition(": ")[2])
        return more and self._verdict is None

    def end(self) -> Unpacked:
        """Return what all that came unpacks to."""
        if not self._is_told:
            self._tell(self._head)
            while self.feed(b""):
                pass
        if self._verdict is None and (self._head or self._stream is not None):
            self._cut_off()
        return self._verdict or Unpacked(
            Digest(f"sha256:{self._hash.hexdigest()}"), packed=self._packing is not None
        )

    def _step(self, data: bytes) -> bool:
        if self._verdict is not None:
            return False
        data, self._head = self._head + data, b""
        if not self._is_told:
            if len(data) < _HEAD:
                self._head = data
                return False
            self._tell(data)
            return True
        if self._packing is None:
            self._take(data)
            return False
        if self._stream is None:
            return self._next(self._packing, data)
        stream = self._stream
        self._take(stream.pull(data))
        if not stream.ended:
            return not stream.hungry
        self._head, self._stream = stream.rest, None
        return bool(self._head)

    def _tell(self, head: bytes) -> None:
        """Tell by the first bytes how it is packed, and keep them for what unpacks them."""
        self._is_told = True
        self._head = head
        self._packing = next((each for each in self._packings if each.begins(head)), None)
        if head.startswith(_STRANGE):
            self._doubt(Reason.UNSUPPORTED, "packed in a way that not all nodes know")

    def _next(self, packing: Packing, data: bytes) -> bool:
        """Begin a member or a frame, where enough came to tell that it is one."""
        if len(data) < packing.head:
            self._head = data
            return False
        if packing.begins(data):
            self._stream = packing.stream()
            self._head = data
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
        if self._stream is not None:
            self._fail(f"it ends within its {name} stream")
        else:
            self._doubt(Reason.UNSUPPORTED, f"other bytes after its {name} stream: nodes differ")

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


def _is_frame(head: bytes) -> bool:
    return head.startswith(_ZSTD) or (head[1:4] == _SKIPPED and head[0] & 0xF0 == 0x50)  # noqa: PLR2004 - the format's own number


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
