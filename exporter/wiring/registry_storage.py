"""A registry's own storage, in a folder or a bucket, and other files with copies of images."""

import asyncio
import importlib
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from types import ModuleType
from typing import TYPE_CHECKING, Final

from exporter.facts.gap import Reason
from exporter.facts.inventory import Inventory
from exporter.facts.shard import WHOLE, Shard
from exporter.memory import Outlines
from exporter.oci.digest import Digest
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Bytes, Sink, Unseen, Wrong
from exporter.sources.storage import filesystem, layout, verification
from exporter.sources.storage.archive import ImageArchive, OciLayout
from exporter.sources.storage.folder import RootFolder
from exporter.sources.storage.known_links import KnownLinks

if TYPE_CHECKING:
    from exporter.sources.storage.bucket import Bucket

LAYOUT: Final = "oci"
KINDS: Final = (LAYOUT, "oci-archive", "docker-archive", "storage")
"""Before the first colon of a source; anything else is an image or a registry."""


@dataclass(frozen=True, slots=True)
class RegistryStorage:
    """A registry's own storage. Its methods raise `Unseen`, and take as long as the disk does."""

    location: str
    """A registry's root directory, or `s3://bucket/root`, `gs://…`, `az://…`."""
    options: Mapping[str, str] = field(default_factory=dict)
    """For an object store: `endpoint`, `region` and what else its library knows."""
    plain_http: bool = False
    outlines: Outlines | None = None
    """The references of its manifests, known from before."""
    inventory: str = ""
    """Where S3 publishes lists of the bucket: `s3://bucket/prefix/source-bucket/config-id`."""
    shard: Shard = WHOLE
    """The part of its repositories that is read."""

    _reading: Lock = field(default_factory=Lock, init=False, repr=False, compare=False)
    _known: KnownLinks = field(default_factory=KnownLinks, init=False, repr=False, compare=False)

    def read(self) -> Inventory:
        """List all that it holds.

        Refused while a reading that nobody waits for any more has not ended: a storage that hangs
        takes one thread, and not another one at every audit.
        """
        if not self._reading.acquire(blocking=False):
            detail = "the reading before has not ended"
            raise Unseen(self.location, Reason.TIMEOUT, detail)
        try:
            bucket = self._bucket(self.inventory)
            if bucket is None:
                with self._known.reading(time.time()):
                    return filesystem.read(self.location, self.outlines, self.shard, self._known)
            return bucket.read(self.outlines)
        finally:
            self._reading.release()

    def size(self, repository: Repository, digest: Digest, *, manifest: bool) -> int | None:
        """Return the bytes of what a repository links, as it is now; None where it is not there."""
        return verification.size(
            self._files(), self.location, repository, digest, manifest=manifest
        )

    def tagged(self, repository: Repository, tag: Tag) -> str | None:
        """Return the digest that a tag names now; None where it names none."""
        return verification.tagged(self._files(), self.location, repository, tag)

    def contents(self, digests: Sequence[str], most: int) -> list[bytes | None]:
        """Read blobs, each at most one byte more than the limit; None where there is none."""
        bucket = self._bucket()
        if bucket is None:
            return filesystem.contents(self.location, digests, most)
        return bucket.contents(digests, most)

    @property
    def shared(self) -> bool:
        """Does one file hold a blob for all repositories? In zot's storage each has its own."""
        if "://" in self.location:
            return True
        try:
            return RootFolder(self.location).holds("/".join(layout.ROOT))
        except Unseen:
            return False

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read every byte and hash it: None where the digest names these bytes."""
        files = self._files()
        if await asyncio.to_thread(lambda: self.shared):
            result = await verification.prove(files, repository, target, sink, fresh=again)
            if isinstance(result, Absent):
                await asyncio.to_thread(self.recognise)
            return result
        path = layout.own_path(repository, target.digest)
        result = await verification.prove_file(files, path, target, sink, fresh=again)
        if isinstance(result, Absent) and not await asyncio.to_thread(files.holds, repository):
            raise Unseen(repository, Reason.UNREADABLE, layout.NOTHING)
        return result

    def recognise(self) -> None:
        """Raise `Unseen` where there is no registry's root directory."""
        if self.shared or not filesystem.is_of_zot(self.location):
            verification.insist_on_registry(self._files(), self.location)

    def _files(self) -> verification.RegistryFiles:
        bucket = self._bucket()
        return RootFolder(self.location) if bucket is None else bucket.objects

    def _bucket(self, inventory: str = "") -> "Bucket | None":
        if "://" not in self.location:
            return None
        module = library(self.location)
        bucket: Bucket = module.Bucket.at(
            self.location, self.options, plain_http=self.plain_http, inventory=inventory
        )
        return bucket


def library(location: str) -> ModuleType:
    """Import what only an object store needs, and only those who have one install.

    Raises `Unseen`.
    """
    try:
        return importlib.import_module("exporter.sources.storage.bucket")
    except ImportError as error:
        detail = "an object store needs the extra: pip install 'pullproof[s3]'"
        raise Unseen(location, Reason.UNSUPPORTED, detail) from error


@dataclass(frozen=True, slots=True)
class Copies:
    """A source that is no registry, and the digest of its typed tag."""

    content: Bytes
    digest: Digest | None = None


def copies(text: str, options: Mapping[str, str], *, plain_http: bool) -> Copies:
    """Open `KIND:PATH[:TAG]`; `options` are those of an object store. Raises `Unseen`."""
    kind, _, rest = text.partition(":")
    if kind == "storage":
        stored = RegistryStorage(rest, options, plain_http)
        stored.recognise()
        return Copies(stored)
    path, tag = rest, ""
    if not Path(rest).exists() and ":" in rest:
        path, _, tag = rest.rpartition(":")
    if kind == LAYOUT:
        images = OciLayout.read(path)
        return Copies(images, _named(path, images.tags, tag))
    archive = ImageArchive.read(path, docker=kind == "docker-archive")
    return Copies(archive, _named(path, archive.tags, tag))


def _named(path: str, tags: Mapping[str, Digest], tag: str) -> Digest | None:
    """Return the digest of a tag; without one, the only manifest."""
    if tag and tag not in tags:
        known = ", ".join(sorted(filter(None, tags))) or "none"
        raise Unseen(path, Reason.UNREADABLE, f"it has no tag {tag} (it has {known})")
    return tags[tag] if tag else next(iter(tags.values())) if len(tags) == 1 else None
