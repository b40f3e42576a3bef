"""Copies of images in files: OCI layouts, in a folder or a tar archive, and docker's archives.

skopeo, buildah and crane write layouts, `ctr images export` an archive of one, `docker save` its
own. Nothing is unpacked: members are found once, and read where they lie in the file.
Source: OCI image-spec 1.1, image-layout.md.
"""

import hashlib
import os
import stat
import tarfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import IO, ClassVar, Final, Self, cast

from exporter.facts import body
from exporter.facts.gap import Reason
from exporter.oci import strict
from exporter.oci.digest import Digest, Malformed, quoted
from exporter.oci.links import Descriptor
from exporter.oci.reference import Repository
from exporter.ports import Absent, Sink, Unseen, Wrong
from exporter.sources.storage import verification
from exporter.sources.storage.folder import CHUNK, RootFolder

INDEX: Final = "index.json"
_NAME: Final = "org.opencontainers.image.ref.name"
_MOST: Final = 100_000
"""Members of an archive."""
_LONGEST_HEADER: Final = 2**20
"""Bytes of one header: tarfile takes a member's long name at once."""
_NOT_A_FILE: Final = "not a regular file"
_READ: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC

_Span = tuple[int, int]
"""Where a member's bytes begin, and how many there are."""


@dataclass(frozen=True, slots=True)
class ImageArchive:
    """One archive; implements `exporter.ports.Bytes`."""

    shared: ClassVar = True

    path: str
    members: Mapping[str, _Span]
    """By digest."""
    tags: Mapping[str, Digest] = field(default_factory=dict)
    """Tags of its index; docker's archives state no digests."""

    @classmethod
    def read(cls, path: str, *, docker: bool) -> Self:
        """List the members of an archive; docker's files are hashed. Raises `Unseen`."""
        members: dict[str, _Span] = {}
        with _opened(path) as file:
            try:
                index = _index(_files(file, path), members, file if docker else None)
                said = b"" if index is None else _beginning(file, index)
            except (tarfile.TarError, OSError, ValueError, EOFError) as error:
                raise Unseen(path, Reason.UNREADABLE, _why(error)) from error
        return cls(path, members, named(said, path) if index else {})

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read and hash every byte; return None if they match the digest. Raises `Unseen`."""
        del repository  # an archive has no repositories
        return await verification.prove_file(self, target.digest, target, sink, fresh=again)

    @contextmanager
    def opened(self, path: str, *, fresh: bool) -> Iterator[Iterator[bytes] | None]:
        """Open the content of a digest; None if the archive lacks it. Raises `Unseen`."""
        del fresh
        span = self.members.get(path)
        if span is None:
            yield None
            return
        with _opened(self.path) as file:
            yield _pieces(file, span)


class _Headers:
    """File that gives tarfile headers only, never the content of a member."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self.seek, self.tell = file.seek, file.tell

    def read(self, size: int = -1) -> bytes:
        if not 0 <= size <= _LONGEST_HEADER:
            raise Malformed("a header of more than 1 MiB")
        return self._file.read(size)


def _files(descriptor: int, path: str) -> Iterator[tuple[str, _Span]]:
    """Yield the regular files of an archive. Raises `Malformed` for a path that leaves it."""
    with (
        os.fdopen(os.dup(descriptor), "rb") as file,
        tarfile.open(path, "r:", cast("IO[bytes]", _Headers(file))) as tar,
    ):
        for count, member in enumerate(tar):
            tar.members = []  # type: ignore[attr-defined] # else it keeps every header
            name = member.name.removeprefix("./")
            if count == _MOST:
                raise Malformed(f"more than {_MOST:,} members")
            if name.startswith("/") or ".." in name.split("/"):
                raise Malformed(f"the member {quoted(name)} leads out of the archive")
            content = name == INDEX or name.startswith("blobs/")
            if content and not (member.isdir() or _is_plain(member)):
                raise Malformed(f"the member {quoted(name)} is a link, and not a file")
            if _is_plain(member):
                yield name, (member.offset_data, member.size)


def _index(
    files: Iterator[tuple[str, _Span]], members: dict[str, _Span], docker: int | None
) -> _Span | None:
    """Add the members by digest; return the position of the index, which only docker's may lack.

    `docker` is the file in which members without a digest as their name are hashed.
    """
    index: _Span | None = None
    for name, span in files:
        algorithm, _, encoded = name.removeprefix("blobs/").partition("/")
        if name == INDEX:
            index = span
        elif name.startswith("blobs/"):
            members[f"{algorithm}:{encoded}"] = span
        elif docker is not None:
            members[_digest(docker, span)] = span
    if index is None and docker is None:
        raise Malformed(f"no {INDEX}: cut short, or not an OCI archive")
    return index


def _beginning(file: int, span: _Span) -> bytes:
    return os.pread(file, min(span[1], body.LARGEST + 1), span[0])


def _is_plain(member: tarfile.TarInfo) -> bool:
    return member.isreg() and not member.issparse()


@contextmanager
def _opened(path: str) -> Iterator[int]:
    try:
        file = os.open(path, _READ)
    except OSError as error:
        raise Unseen(path, Reason.UNREADABLE, error.strerror or str(error)) from error
    try:
        if not stat.S_ISREG(os.fstat(file).st_mode):
            raise Unseen(path, Reason.UNREADABLE, _NOT_A_FILE)
        yield file
    finally:
        os.close(file)


def _pieces(file: int, span: _Span) -> Iterator[bytes]:
    at, left = span
    while left and (chunk := os.pread(file, min(left, CHUNK), at)):
        at, left = at + len(chunk), left - len(chunk)
        yield chunk


def _digest(file: int, span: _Span) -> Digest:
    hashing = hashlib.sha256(usedforsecurity=False)
    for chunk in _pieces(file, span):
        hashing.update(chunk)
    return Digest(f"sha256:{hashing.hexdigest()}")


def _why(error: Exception) -> str:
    """Return why an archive cannot be read."""
    if isinstance(error, tarfile.ReadError):
        return f"cut short, or not a tar archive ({error}); unpack one that is compressed"
    return getattr(error, "strerror", None) or str(error) or "cut short"


@dataclass(frozen=True, slots=True)
class OciLayout:
    """One OCI layout; implements `exporter.ports.Bytes`. Links that leave it are not followed."""

    shared: ClassVar = True

    folder: str
    tags: Mapping[str, Digest] = field(default_factory=dict)
    """Tags of its index; manifests without a name are under the empty one."""

    @classmethod
    def read(cls, folder: str) -> Self:
        """Read the index of a layout. Raises `Unseen` if the folder has none."""
        root = RootFolder(folder)
        if not root.holds("blobs"):
            raise Unseen(folder, Reason.UNREADABLE, "no blobs/ here: not an OCI layout")
        index = verification.small_file(root, f"./{INDEX}", body.LARGEST)
        return cls(folder, named(index or b"", folder))

    async def prove(
        self, repository: Repository, target: Descriptor, sink: Sink, *, again: bool = False
    ) -> Absent | Wrong | None:
        """Read and hash every byte; return None if they match the digest. Raises `Unseen`."""
        del repository  # a layout has no repositories
        path = f"blobs/{target.digest.algorithm}/{target.digest.encoded}"
        return await verification.prove_file(
            RootFolder(self.folder), path, target, sink, fresh=again
        )


def named(index: bytes, subject: str) -> dict[str, Digest]:
    """Return the digests in an `index.json`, by name. Raises `Unseen` for any other document."""
    try:
        entries = strict.fields(strict.document(index[: body.LARGEST + 1]), INDEX).get("manifests")
        listed = entries if isinstance(entries, list) else [None]
        return dict(_entry(strict.fields(each, "manifests")) for each in listed)
    except Malformed as error:
        raise Unseen(subject, Reason.MALFORMED, f"{INDEX}: {error}") from error


def _entry(fields: Mapping[str, object]) -> tuple[str, Digest]:
    annotations, digest = fields.get("annotations"), fields.get("digest")
    name = annotations.get(_NAME) if isinstance(annotations, dict) else None
    return name if isinstance(name, str) else "", Digest.parse(str(digest))
