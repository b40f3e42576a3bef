"""Reads of single files of a storage: links as they are now, and content, hashed in full."""

import asyncio
import hashlib
from collections.abc import Iterator
from contextlib import AbstractContextManager
from typing import Final, Protocol

from exporter.facts import body
from exporter.facts.gap import Reason
from exporter.facts.inventory import Unlinked
from exporter.oci.digest import Digest, Malformed
from exporter.oci.links import SCHEMA1, SCHEMA1_SIGNED, Descriptor
from exporter.oci.manifest import schema1_payload
from exporter.oci.reference import Repository, Tag
from exporter.ports import Absent, Sink, Unseen, Wrong
from exporter.sources.storage import layout

_NOT_THERE: Final = Absent("not in the storage")
_REPOSITORIES: Final = "/".join((*layout.ROOT, "repositories"))
_SCHEMA1: Final = frozenset({SCHEMA1, SCHEMA1_SIGNED})


class Files(Protocol):
    """The files of a storage."""

    def opened(self, path: str, *, fresh: bool) -> AbstractContextManager[Iterator[bytes] | None]:
        """Open a file, by its path below the root directory, to be read in pieces.

        None where there is none. `fresh` asks for bytes from the disk and not from its cache.
        Raises `Unseen`, as its pieces do.
        """
        ...


class RegistryFiles(Files, Protocol):
    """The files of a registry's storage. Its methods raise `Unseen`."""

    def size(self, path: str) -> int | None:
        """Return a file's bytes; None where there is none."""
        ...

    def holds(self, folder: str) -> bool:
        """Is there anything in a folder below the root directory?"""
        ...


def insist_on_registry(files: RegistryFiles, name: str) -> None:
    """Raise `Unseen` where this is not, or not now, the root directory of a registry.

    A disk that is not mounted and a bucket that is not there deny every file alike.
    """
    if not files.holds("/".join(layout.ROOT)):
        raise Unseen(name, Reason.UNREADABLE, layout.NOTHING)


async def prove(
    files: Files, repository: Repository, target: Descriptor, sink: Sink, *, fresh: bool
) -> Absent | Wrong | None:
    """Read every byte and hash it: None where the digest names these bytes. Raises `Unseen`."""
    path = await asyncio.to_thread(_path, files, repository, target.digest)
    return await prove_file(files, path, target, sink, fresh=fresh)


async def prove_file(
    files: Files, path: str, target: Descriptor, sink: Sink, *, fresh: bool
) -> Absent | Wrong | None:
    """Read every byte of a file and hash it, likewise."""
    if target.media_type in _SCHEMA1:
        return await asyncio.to_thread(_signed, files, path, target.digest)
    entry = files.opened(path, fresh=fresh)
    chunks = await asyncio.to_thread(entry.__enter__)
    try:
        if chunks is None:
            return _NOT_THERE
        hashing = _Hashing(target)
        sink.begin()
        while chunk := await asyncio.to_thread(hashing.piece, chunks):
            await sink.take(chunk)
        return hashing.result()
    finally:
        await asyncio.to_thread(entry.__exit__, None, None, None)


def small_file(files: Files, path: str, most: int) -> bytes | None:
    """Read a small file; what is longer is cut. None where there is none. Raises `Unseen`."""
    content = b""
    with files.opened(path, fresh=False) as chunks:
        if chunks is None:
            return None
        while len(content) <= most and (chunk := next(chunks, b"")):
            content += chunk
    return content[: most + 1]


class _Hashing:
    """Hashes a file, to its end: one that is longer than it should be may be another blob."""

    def __init__(self, target: Descriptor) -> None:
        self._target = target
        self._hash = hashlib.new(target.digest.algorithm, usedforsecurity=False)
        self._size = 0
        self._begins_right = False
        """Are the first bytes, as many as there should be, those that the digest names?"""

    def piece(self, chunks: Iterator[bytes]) -> bytes:
        """Hash the next piece and return it; nothing at the end."""
        chunk = next(chunks, b"")
        stated = self._target.size
        if stated is not None and self._size <= stated < self._size + len(chunk):
            beginning = self._hash.copy()
            beginning.update(chunk[: stated - self._size])
            self._begins_right = beginning.hexdigest() == self._target.digest.encoded
        self._hash.update(chunk)
        self._size += len(chunk)
        return chunk

    def result(self) -> Wrong | None:
        """Return what is wrong.

        A registry hands out as much of a longer file as it remembers that there is: where that
        much is right, nobody gets other bytes.
        """
        digest, stated, found = self._target.digest, self._target.size, self._hash.hexdigest()
        right = found == digest.encoded
        if stated is not None and self._size < stated:
            return Wrong(f"{self._size} of {stated} bytes")
        if stated is not None and self._size > stated and (right or self._begins_right):
            return Wrong(f"more than {stated} bytes")
        return None if right else Wrong(f"hashes to {digest.algorithm}:{found}", mismatch=True)


def _signed(files: Files, path: str, digest: Digest) -> Absent | Wrong | None:
    """The digest of a schema 1 manifest leaves its signature out."""
    content = small_file(files, path, body.LARGEST)
    if content is None:
        return _NOT_THERE
    try:
        whole = digest.names(content) or digest.names(schema1_payload(content))
    except Malformed:
        whole = False
    actual = Digest.of(content, digest.algorithm)
    return None if whole else Wrong(f"hashes to {actual}", mismatch=True)


def _path(files: Files, repository: Repository, digest: Digest) -> str:
    """Return where a digest's bytes are; distribution files sha512 content under its sha256."""
    for kind in ("_layers", "_manifests/revisions") if digest.algorithm != "sha256" else ():
        link = f"{repository}/{kind}/{digest.algorithm}/{digest.encoded}/link"
        if named := _named(files, f"{_REPOSITORIES}/{link}"):
            return layout.blob_path(named)
    return layout.blob_path(digest)


def size(
    files: RegistryFiles, name: str, repository: Repository, digest: Digest, *, manifest: bool
) -> int | None:
    """Return the bytes of the file that a repository links; None where either is not there.

    Raises `Unseen`, also where there is no registry at all.
    """
    kind = "_manifests/revisions" if manifest else "_layers"
    link = f"{repository}/{kind}/{digest.algorithm}/{digest.encoded}/link"
    named = _named(files, f"{_REPOSITORIES}/{link}")
    own = named == digest or (digest.algorithm != "sha256" and named is not None)
    found = files.size(layout.blob_path(named)) if own and named else None
    if found is None:
        insist_on_registry(files, name)
    return found


def tagged(files: RegistryFiles, name: str, repository: Repository, tag: Tag) -> str | None:
    """Return the digest that a tag names; None where it names none. Likewise."""
    found = _named(files, f"{_REPOSITORIES}/{repository}/_manifests/tags/{tag}/current/link")
    if found is None:
        insist_on_registry(files, name)
    return found


def _named(files: Files, path: str) -> str | None:
    content = small_file(files, path, layout.LONGEST_LINK)
    named = None if content is None else layout.linked(content)
    return None if isinstance(named, Unlinked) else named
