"""Content that is too large to be kept: hashed on its way, and given time by its size."""

import asyncio
import hashlib
from dataclasses import dataclass
from typing import Final

from exporter.oci.digest import Digest
from exporter.ports import Sink
from exporter.sources.registry.messages import ERROR_BYTES

_SLOWEST: Final = 16_384
"""Bytes a second: a stream that is slower for long counts as none."""


@dataclass(slots=True)
class Prolonging:
    """Gives a stream more time for every byte that came, and for as long as the taker takes."""

    onward: Sink
    timeout: asyncio.Timeout

    def begin(self) -> None:
        """Begin anew."""
        self.onward.begin()

    async def take(self, chunk: bytes) -> None:
        """Hand some bytes on."""
        loop = asyncio.get_running_loop()
        began = loop.time()
        until = self.timeout.when()
        # The taker waits as long as it likes: that is our own pace, and not the registry's.
        self.timeout.reschedule(None)
        await self.onward.take(chunk)
        if until is not None:
            self.timeout.reschedule(until + loop.time() - began + len(chunk) / _SLOWEST)


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
        """What names all bytes that came since the beginning."""
        return Digest(f"{self._algorithm}:{self._hash.hexdigest()}")
