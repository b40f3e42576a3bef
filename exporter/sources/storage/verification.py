"""Reads of single files of a storage: current links, and content, hashed in full."""

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
        """Open a file by its path below the root directory, to be read in chunks.

        None if it does not exist. `fresh` asks for bytes from the disk, not from its cache. Raises
        `Unseen`, as reading the chunks does.
        """
        ...


class RegistryFiles(Files, Protocol):
    """The files of a registry's storage. Its methods raise `Unseen`."""

    def size(self, path: str) -> int | None:
        """Return the size of a file in bytes; None if it does not exist."""
        ...

    def holds(self, folder: str) -> bool:
        """Is a folder below the root directory non-empty?"""
        ...


def insist_on_registry(files: RegistryFiles, name: str) -> None:
    """Raise `Unseen` if this is not, or not now, the root directory of a registry.

    A disk that is not mounted, and a bucket that does not exist, deny every file.
    """
    if not files.holds("/".join(layout.ROOT)):
        raise Unseen(name, Reason.UNREADABLE, layout.NOTHING)


async def prove(
    files: Files, repository: Repository, target: Descriptor, sink: Sink, *, fresh: bool
) -> Absent | Wrong | None:
    """Read and hash every byte; return None if they match the digest. Raises `Unseen`."""
    path = await asyncio.to_thread(_path, files, repository, target.digest)
    return await prove_file(files, path, target, sink, fresh=fresh)


async def prove_file(
    files: Files, path: str, target: Descriptor, sink: Sink, *, fresh: bool
) -> Absent | Wrong | None:
    """Read and hash every byte of a file, likewise."""
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
    """Read a small file, cut at `most` + 1 bytes; None if it does not exist. Raises `Unseen`."""
    content = b""
    with files.opened(path, fresh=False) as chunks:
        if chunks is None:
            return None
        while len(content) <= most and (chunk := next(chunks, b"")):
            content += chunk
    return content[: most + 1]


class _Hashing:
    """Hash of a file up to its end: a file that is too long may be another blob."""

    def __init__(self, target: Descriptor) -> None:
        self._target = target
        self._hash = hashlib.new(target.digest.algorithm, usedforsecurity=False)
        self._size = 0
        self._begins_right = False
        """Do the first bytes, as many as stated, match the digest?"""

    def piece(self, chunks: Iterator[bytes]) -> bytes:
        """Hash the next chunk and return it; nothing at the end."""
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

        A registry serves only the stated size of a file that is too long: if that part matches the
        digest, clients get the right bytes.
        """
        digest, stated, found = self._target.digest, self._target.size, self._hash.hexdigest()
        right = found == digest.encoded
        if stated is not None and self._size < stated:
            return Wrong(f"{self._size} of {stated} bytes")
        if stated is not None and self._size > stated and (right or self._begins_right):
            return Wrong(f"more than {stated} bytes")
        return None if right else Wrong(f"hashes to {digest.algorithm}:{found}", mismatch=True)


def _signed(files: Files, path: str, digest: Digest) -> Absent | Wrong | None:
    """Verify a schema 1 manifest: its digest leaves the signature out."""
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
    """Return the path of a digest's bytes; distribution stores sha512 content under its sha256."""
    for kind in ("_layers", "_manifests/revisions") if digest.algorithm != "sha256" else ():
        link = f"{repository}/{kind}/{digest.algorithm}/{digest.encoded}/link"
        if named := _named(files, f"{_REPOSITORIES}/{link}"):
            return layout.blob_path(named)
    return layout.blob_path(digest)


def size(
    files: RegistryFiles, name: str, repository: Repository, digest: Digest, *, manifest: bool
) -> int | None:
    """Return the size in bytes of the file that a repository links; None if either is missing.

    Raises `Unseen`, also if there is no registry.
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
    """Return the digest that a tag names; None if it names none. Raises `Unseen`, likewise."""
    found = _named(files, f"{_REPOSITORIES}/{repository}/_manifests/tags/{tag}/current/link")
    if found is None:
        insist_on_registry(files, name)
    return found


def _named(files: Files, path: str) -> str | None:
    content = small_file(files, path, layout.LONGEST_LINK)
    named = None if content is None else layout.linked(content)
    return None if isinstance(named, Unlinked) else named
