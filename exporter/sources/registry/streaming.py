"""Content that is too large to be kept: hashed on its way, and given time by its size."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from exporter.oci.digest import Digest
from exporter.ports import Sink
from exporter.sources.registry.messages import ERROR_BYTES

_SLOWEST: Final = 16_384
"""Bytes a second: a stream that is slower for long counts as none."""


@dataclass(slots=True)
class BodyDeadline:
    """Ends a body that stands still, or that is slower than a stream may be for long.

    A large one that flows may take hours: every byte brings time, but none is saved up against
    standing still. The taker's own time costs none: that is our pace, and not the registry's.
    """

    timeout: asyncio.Timeout
    idle: float
    """Maximum seconds without a byte."""
    clock: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())
    """The clock of the timeout: the loop's."""
    _last: float = 0.0
    """When all must have come that is worth its time, on the loop's clock."""

    def begin(self) -> None:
        """The head has come, and the body begins."""
        self._last = self.clock() + self.idle
        self._wait()

    def came(self, size: int) -> None:
        """So many bytes more have come."""
        self._last += size / _SLOWEST
        self._wait()

    async def taken(self, sink: Sink, chunk: bytes) -> None:
        """Hand some bytes on; the taker may wait as long as it likes."""
        began = self.clock()
        self.timeout.reschedule(None)
        await sink.take(chunk)
        self._last += self.clock() - began
        self._wait()

    def _wait(self) -> None:
        self.timeout.reschedule(min(self._last, self.clock() + self.idle))


class Hashing:
    """Hashes what it hands on, and keeps no more of it than its beginning and its last byte."""

    def __init__(self, algorithm: str, onward: Sink | None = None) -> None:
        """Hash with `sha256` or `sha512`."""
        self._onward, self._algorithm = onward, algorithm
        self.beginning = bytearray()
        """The first bytes, as many as an error may have."""
        self.last = b""
        self._forget()

    def begin(self) -> None:
        """Begin anew."""
        self._forget()
        if self._onward is not None:
            self._onward.begin()

    async def take(self, chunk: bytes) -> None:
        """Take some bytes."""
        self._hash.update(chunk)
        if len(self.beginning) < ERROR_BYTES:
            self.beginning += chunk[: ERROR_BYTES - len(self.beginning)]
        self.last = chunk[-1:] or self.last
        if self._onward is not None:
            await self._onward.take(chunk)

    def _forget(self) -> None:
        self._hash = hashlib.new(self._algorithm, usedforsecurity=False)
        self.beginning.clear()
        self.last = b""

    @property
    def digest(self) -> Digest:
        """The digest of all bytes since the beginning."""
        return Digest(f"{self._algorithm}:{self._hash.hexdigest()}")
