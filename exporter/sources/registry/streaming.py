"""Content too large for memory: hashed while it is read, with a timeout by its size."""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from exporter.oci.digest import Digest
from exporter.ports import Sink
from exporter.sources.registry.messages import ERROR_BYTES

_SLOWEST: Final = 16_384
"""Minimum rate of a stream, in bytes a second."""


@dataclass(slots=True)
class BodyDeadline:
    """Timeout of a body that stalls, or that is below the minimum rate for long.

    A large body that flows may take hours: every byte extends the deadline, but nothing is saved up
    for a stall. The time of the sink does not count: it is our rate, not the registry's.
    """

    timeout: asyncio.Timeout
    idle: float
    """Maximum seconds without a byte."""
    clock: Callable[[], float] = field(default=lambda: asyncio.get_running_loop().time())
    """Clock of the timeout: the loop's."""
    _last: float = 0.0
    """Deadline of the received bytes, on the loop's clock."""

    def begin(self) -> None:
        """Start the timeout: the head was received."""
        self._last = self.clock() + self.idle
        self._wait()

    def came(self, size: int) -> None:
        """Extend the deadline for received bytes."""
        self._last += size / _SLOWEST
        self._wait()

    async def taken(self, sink: Sink, chunk: bytes) -> None:
        """Pass bytes to the sink, which may take any time."""
        began = self.clock()
        self.timeout.reschedule(None)
        await sink.take(chunk)
        self._last += self.clock() - began
        self._wait()

    def _wait(self) -> None:
        self.timeout.reschedule(min(self._last, self.clock() + self.idle))


class Hashing:
    """Hash of the bytes that it passes on; it keeps the beginning and the last byte."""

    def __init__(self, algorithm: str, onward: Sink | None = None) -> None:
        """Hash with `sha256` or `sha512`."""
        self._onward, self._algorithm = onward, algorithm
        self.beginning = bytearray()
        """The first bytes, up to the size of an error."""
        self.last = b""
        self._forget()

    def begin(self) -> None:
        """Start again."""
        self._forget()
        if self._onward is not None:
            self._onward.begin()

    async def take(self, chunk: bytes) -> None:
        """Hash some bytes."""
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
        """Digest of all bytes since the beginning."""
        return Digest(f"{self._algorithm}:{self._hash.hexdigest()}")
