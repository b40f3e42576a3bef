"""Where bytes wait that were hashed and are to be uploaded: on disk, since a layer may be large."""

import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import IO, Final, Self

from exporter.facts.gap import Reason
from exporter.ports import Full, Unseen

_CHUNK: Final = 256 * 2**10


@dataclass(slots=True)
class Spool:
    """A temporary file without a name; implements `exporter.ports.Sink` and `UploadContent`."""

    file: IO[bytes]
    size: int = 0

    @classmethod
    def open(cls, folder: str) -> Self:
        """Open one in a folder. Raises `Unseen` where nothing can be written there."""
        try:
            return cls(tempfile.TemporaryFile(dir=folder))
        except OSError as error:
            raise _full(folder, error) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.file.close()

    def begin(self) -> None:
        """Forget what came."""
        self.file.seek(0)
        self.file.truncate()
        self.size = 0

    async def take(self, chunk: bytes) -> None:
        """Keep some bytes. Raises `Unseen` where the disk is full."""
        try:
            self.file.write(chunk)
        except OSError as error:
            raise _full("the folder of temporary files", error) from error
        self.size += len(chunk)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield all of it, from the beginning."""
        self.file.seek(0)
        while chunk := self.file.read(_CHUNK):
            yield chunk


@dataclass(slots=True)
class ShortText:
    """Bytes kept in memory, so many at most: a manifest; implements the same."""

    most: int
    content: bytearray = field(default_factory=bytearray)

    @property
    def size(self) -> int:
        """How many bytes are there?"""
        return len(self.content)

    def begin(self) -> None:
        """Forget what came."""
        self.content.clear()

    async def take(self, chunk: bytes) -> None:
        """Keep some bytes. Raises `Full` past the limit."""
        self.content += chunk
        if len(self.content) > self.most:
            raise Full

    async def __aiter__(self) -> AsyncIterator[bytes]:
        """Yield all of it."""
        yield bytes(self.content)


class NoSink:
    """Keeps nothing: what comes is only hashed, by whoever reads it."""

    def begin(self) -> None:
        """Nothing is there to forget."""

    async def take(self, chunk: bytes) -> None:
        """Let some bytes go by."""


def _full(folder: str, error: OSError) -> Unseen:
    words = f"{error.strerror or error}; TMPDIR names another folder for what is to be uploaded"
    return Unseen(folder, Reason.UNREADABLE, words)
