"""Layers unpacked as they are read, a mebibyte at a time; only the hash of their content is kept.

As in containerd (`pkg/archive/compression`) the first bytes say how a layer is packed, and gzip
members and zstd frames follow each other. What container runtimes read differently is unsupported.
"""

import hashlib
import importlib
import sys
import zlib
from collections.abc import Callable
from types import ModuleType
from typing import Final, Protocol

from exporter.facts.diff_ids import Unpacked
from exporter.facts.gap import Reason
from exporter.oci.digest import Digest
from exporter.ports import Unseen

_PIECE: Final = 1 << 20
"""Bytes that are unpacked at once: what a bomb may take of memory."""
_ROUND: Final = 8 << 20
"""Bytes that are unpacked until `feed` returns, so that a scrub can be stopped."""
_BITE: Final = 16 << 10
"""Bytes that a stream is given at once: what follows its end is copied, for each of them."""
_HEAD: Final = 10
"""Bytes of a gzip header up to its optional fields (RFC 1952); the flags are the fourth."""
_FLAGS: Final = (0x00, 0x01, 0x04, 0x05, 0x08, 0x09)
"""Flags of a gzip member that all runtimes read: text, an extra field or a name."""
_TAIL: Final = 4
"""Bytes that are unpacked last and alone: the second half of a gzip trailer."""
_GZIP: Final = b"\x1f\x8b\x08"
_ZSTD: Final = b"\x28\xb5\x2f\xfd"
_SKIPPABLE: Final = tuple(bytes([first]) + b"\x2a\x4d\x18" for first in range(0x50, 0x60))
"""Begins a zstd frame without content (RFC 8878); at the start, podman takes it for no zstd."""
_OTHER: Final = (b"BZh", b"\xfd7zXZ\x00", *_SKIPPABLE)
"""Some runtimes unpack bzip2 and xz, others do not."""
_WINDOW: Final = 27
"""The binary logarithm of the largest window of a zstd frame: 128 MiB of memory."""
_PROOFS: Final = ("incorrect", "invalid", "too many", "corrupt", "match", "Unknown frame")
"""The libraries' errors about bytes that no reader takes. Others may be their own weakness."""
_CHECKSUM: Final = "incorrect data check"
"""The error after the first half of a gzip trailer; pgzip ignores it if the second is cut off."""


class _Stream(Protocol):
    """The decompressor of one gzip member or zstd frame, as Python's one for zstd is."""

    @property
    def needs_input(self) -> bool: ...

    @property
    def eof(self) -> bool: ...

    @property
    def unused_data(self) -> bytes: ...

    def decompress(self, data: bytes, max_length: int) -> bytes: ...


class _Plain:
    """Content that is not packed."""

    needs_input, eof, unused_data = True, False, b""

    def decompress(self, data: bytes, _: int) -> bytes:
        return data


class _Member:
    """A gzip member: zlib's decompressor with the interface of the one for zstd."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(16 + zlib.MAX_WBITS)
        self._has_content = False
        self.needs_input = True

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    def decompress(self, data: bytes, max_length: int) -> bytes:
        found = self._inner.decompress(self._inner.unconsumed_tail + data, max_length)
        self._has_content = self._has_content or bool(found)
        self.needs_input = len(found) < max_length
        return found

    @property
    def is_within_content(self) -> bool:
        """Is it cut off so early that every runtime refuses it?

        klauspost/compress takes a member that is cut in its header for none, and klauspost/pgzip
        one that is cut in its trailer for complete. A trailer ends after any eight bytes.
        """
        return self._has_content and not any(map(self._ends_with, (bytes(8), b"\xff" * 8)))

    def _ends_with(self, trailer: bytes) -> bool:
        probe = self._inner.copy()
        try:
            probe.decompress(trailer)
        except zlib.error as error:
            return "incorrect" in str(error)
        return probe.eof


class Unpacker:
    """Unpacks layers, one after the other: `begin` each, `feed` it, and `end` it."""

    def __init__(self, limit: int, counted: Callable[[int], None]) -> None:
        """`limit` is in bytes that a layer unpacks to; `counted` hears of each. Raises `Unseen`."""
        self._limit, self._counted = limit, counted
        self._zstd = library()
        self.begin()

    def begin(self) -> None:
        """Forget everything about the layer before."""
        self._hash = hashlib.sha256()
        self._size = 0
        self._data: bytes = b""
        self._at = 0
        """What came, and how much of that was taken."""
        self._packing = ""
        """`gzip`, `zstd` or `plain`, once that is known."""
        self._stream: _Stream | None = None
        self._verdict: Unpacked | None = None

    def feed(self, data: bytes) -> bool:
        """Take some bytes; return whether `feed(b"")` must be called, for there is more to do."""
        if self._verdict is None:
            self._data, self._at = self._data[self._at :] + data, 0
        return self._work(last=False)

    def end(self) -> Unpacked:
        """Return what all that came unpacks to."""
        while self._work(last=True):
            pass
        if self._verdict is None and self._packing != "plain" and self._stream is not None:
            self._cut_off(self._stream)
        return self._verdict or Unpacked(
            Digest(f"sha256:{self._hash.hexdigest()}"), packed=self._packing in ("gzip", "zstd")
        )

    def _work(self, *, last: bool) -> bool:
        """Unpack for one round; return whether there is more to unpack of what came."""
        until = self._size + _ROUND
        try:
            while self._verdict is None and self._size < until:
                stream = self._stream or self._next(last=last)
                if stream is None or not self._step(stream, last=last):
                    return False
        except (zlib.error, self._zstd.ZstdError) as fault:
            self._refused(str(fault).rpartition(": ")[2])
        return self._verdict is None

    def _step(self, stream: _Stream, *, last: bool) -> bool:
        """Unpack one piece, if there is one."""
        bite = self._bite(last=last) if stream.needs_input else b""
        if stream.needs_input and not bite:
            return False
        self._keep(stream.decompress(bite, _PIECE))
        if stream.eof:
            self._at -= len(stream.unused_data)
            self._stream = None
        return True

    def _bite(self, *, last: bool) -> bytes:
        """Take some of what came, but its tail alone, and only at the end of the layer."""
        end = len(self._data)
        if not (last and self._at >= end - _TAIL):
            end = max(end - _TAIL, self._at)
        bite = self._data[self._at : min(self._at + _BITE, end)]
        self._at += len(bite)
        return bite

    def _next(self, *, last: bool) -> _Stream | None:
        """Begin the layer, or its next member or frame, if there is one."""
        head = self._data[self._at : self._at + _HEAD]
        if len(head) < _HEAD and not last:
            return None
        if not self._packing:
            self._packing = _packing(head)
        elif not head:
            return None
        elif not head.startswith((_GZIP,) if self._packing == "gzip" else (_ZSTD, *_SKIPPABLE)):
            self._doubt(f"other bytes after its {self._packing} stream: nodes differ")
            return None
        self._stream = self._begun(head)
        return self._stream

    def _begun(self, head: bytes) -> _Stream | None:
        if self._packing == "plain":
            return _Plain()
        if self._packing == "zstd":
            return self._frame()
        if self._packing == "gzip" and (len(head) < _HEAD or head[3] in _FLAGS):
            return _Member()
        self._doubt("packed in a way that not all container runtimes accept")
        return None

    def _frame(self) -> _Stream:
        options = {self._zstd.DecompressionParameter.window_log_max: _WINDOW}
        stream: _Stream = self._zstd.ZstdDecompressor(options=options)
        # The first byte goes alone: of a frame that it gets whole, libzstd checks no window.
        stream.decompress(self._data[self._at : self._at + 1], _PIECE)
        self._at += 1
        return stream

    def _keep(self, found: bytes) -> None:
        self._hash.update(found)
        self._size += len(found)
        self._counted(len(found))
        if self._size > self._limit:
            self._doubt(f"it unpacks to more than {self._limit} bytes", Reason.TOO_LARGE)

    def _cut_off(self, stream: _Stream) -> None:
        if isinstance(stream, _Member) and not stream.is_within_content:
            self._doubt("its gzip stream has no complete end: nodes differ")
        else:
            self._verdict = Unpacked(None, f"it ends within its {self._packing} stream")

    def _refused(self, detail: str) -> None:
        """Decide what a library's error means."""
        in_tail = self._at > len(self._data) - _TAIL
        if any(each in detail for each in _PROOFS) and not (in_tail and detail == _CHECKSUM):
            self._verdict = Unpacked(None, detail)
        else:
            self._doubt(detail)

    def _doubt(self, detail: str, reason: Reason = Reason.UNSUPPORTED) -> None:
        self._verdict = Unpacked(None, detail, reason)


def _packing(head: bytes) -> str:
    if head.startswith(_OTHER):
        return "other"
    if head.startswith(_GZIP):
        return "gzip"
    return "zstd" if head.startswith(_ZSTD) else "plain"


def library() -> ModuleType:
    """Return the module for zstd, which Python has from 3.14 on; before, it is an extra.

    Raises `Unseen`.
    """
    name = "compression.zstd" if sys.version_info >= (3, 14) else "backports.zstd"
    try:
        return importlib.import_module(name)
    except ImportError as error:
        detail = "unpacking layers needs the extra: pip install 'pullproof[zstd]'"
        raise Unseen("uncompressed", Reason.UNSUPPORTED, detail) from error
