"""Where is a registry's own storage: in a folder, or in a bucket? Reads it, whichever it is."""

from __future__ import annotations

import asyncio
import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from threading import Lock
from types import ModuleType

from exporter.facts.gap import Reason
from exporter.facts.inventory import Inventory
from exporter.oci.manifest import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Outlines, Sink, Unseen, Wrong
from exporter.sources.storage import filesystem, whole
from exporter.sources.storage.files import Folder


@dataclass(frozen=True, slots=True)
class Stored:
    """A registry's own storage. Its methods raise `Unseen`, and take as long as the disk does."""

    location: str
    """A registry's root directory, or `s3://bucket/root`, `gs://…`, `az://…`."""
    options: Mapping[str, str] = field(default_factory=dict)
    """For an object store: `endpoint`, `region` and what else its library knows."""
    plain_http: bool = False
    outlines: Outlines | None = None
    """What is known of its manifests from before."""

    _reading: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)

    def read(self) -> Inventory:
        """List all that it holds.

        Refused while a reading that nobody waits for any more has not ended: a storage that hangs
        takes one thread, and not another one at every audit.
        """
        if not self._reading.acquire(blocking=False):
            detail = "the reading before has not ended"
            raise Unseen(self.location, Reason.TIMEOUT, detail)
        try:
            return self._read()
        finally:
            self._reading.release()

    def _read(self) -> Inventory:
        if not self._is_bucket:
            return filesystem.read(self.location, self.outlines)
        listed: Inventory = self._bucket().read(
            self.location, self.options, plain_http=self.plain_http, outlines=self.outlines
        )
        return listed

    def contents(self, digests: Sequence[str], most: int) -> list[bytes | None]:
        """Read blobs, each at most one byte more than the limit; None where there is none."""
        if not self._is_bucket:
            return filesystem.contents(self.location, digests, most)
        read: list[bytes | None] = self._bucket().contents(
            self.location, digests, most, self.options, plain_http=self.plain_http
        )
        return read

    @property
    def shared(self) -> bool:
        """One file holds a blob for all repositories."""
        return True

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read every byte and hash it: None where the digest names these bytes."""
        files = self._files()
        answer = await whole.prove(files, repository, target, sink, fresh=again)
        if isinstance(answer, Absent):
            await asyncio.to_thread(whole.recognise, files, self.location)
        return answer

    def recognise(self) -> None:
        """Raise `Unseen` where there is no registry's root directory."""
        whole.recognise(self._files(), self.location)

    def _files(self) -> whole.Files:
        if not self._is_bucket:
            return Folder(self.location)
        found: whole.Files = self._bucket().files(
            self.location, self.options, plain_http=self.plain_http
        )
        return found

    @property
    def _is_bucket(self) -> bool:
        return "://" in self.location

    def _bucket(self) -> ModuleType:
        return library(self.location)


def library(location: str) -> ModuleType:
    """Import what only an object store needs, and only those who have one install.

    Raises `Unseen`.
    """
    try:
        return importlib.import_module("exporter.sources.storage.s3")
    except ImportError as error:
        detail = "an object store needs the extra: pip install 'pullproof[s3]'"
        raise Unseen(location, Reason.UNSUPPORTED, detail) from error
