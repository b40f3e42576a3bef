"""zot's storage in a folder: an OCI layout for each repository, at any depth.

The files of a repository are listed first, then its `index.json` and the manifests that it names: a
push writes in the opposite order. Source: zot v2.1.20, pkg/storage/imagestore.
"""

import hashlib
import os
import stat
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final

import msgspec

from exporter.facts import body
from exporter.facts.body import Body
from exporter.facts.gap import Reason
from exporter.facts.inventory import Folder, Unlinked, Upload
from exporter.facts.inventory_builder import LayoutBuilder
from exporter.oci.links import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST
from exporter.sources.storage import layout
from exporter.sources.storage.context import ReadContext
from exporter.sources.storage.folder import content, folders, opened, shown

_INDEX: Final = "index.json"
_BLOBS: Final = "blobs"
_UPLOADS: Final = ".uploads"
_NAME: Final = "org.opencontainers.image.ref.name"
_UNVISITED: Final = ("blobs", ".uploads", ".sync")
"""Suffixes of folders that zot skips (`GetNextRepository`)."""
_KINDS: Final = {
    OCI_INDEX: True,
    DOCKER_LIST: True,
    OCI_MANIFEST: False,
    DOCKER_MANIFEST: False,
}
"""Media types that its collector follows; True for those that list manifests."""
_LONGEST: Final = 1 << 28
"""Bytes of an `index.json`: it grows with the tags of its repository."""


class _LayoutEntry(msgspec.Struct, gc=False, rename="camel"):
    digest: str
    media_type: str = ""
    annotations: dict[str, str] | None = None


class _LayoutIndex(msgspec.Struct, gc=False):
    manifests: list[_LayoutEntry] | None = None


_decode: Final = msgspec.json.Decoder(_LayoutIndex).decode


@dataclass(slots=True)
class LayoutReader:
    """Reader of repositories, one after the other, and of each manifest's file once."""

    holds: Callable[[str], bool]
    """Is a repository to be read?"""
    files: LayoutBuilder = field(default_factory=LayoutBuilder)
    _numbers: dict[tuple[int, int], int] = field(default_factory=dict)
    """Number of a file, by device and inode."""
    _bodies: dict[tuple[str, int], Body | None] = field(default_factory=dict)
    """By digest and file; None if it could not be read."""
    _added: set[str] = field(default_factory=set)

    def read(self, top: int, context: ReadContext) -> None:
        """Read all repositories below the root directory."""
        context.builder.layouts = self.files
        self._walk((), top, context)

    def _walk(self, parts: Sequence[str], folder: int, context: ReadContext) -> None:
        names, others = folders(folder)
        if parts and layout.OCI_LAYOUT in others and _INDEX in others and _BLOBS in names:
            if self.holds("/".join(parts)):
                self._repository("/".join(parts), folder, context)
        elif parts:
            context.strays(folder, others, disturbing=(_INDEX, layout.OCI_LAYOUT))
        elif layout.OCI_LAYOUT in others:
            words = "an OCI layout itself, and no folder of a registry's repositories"
            context.gap("", Reason.UNSUPPORTED, words)
        if len(parts) == layout.DEEPEST:
            detail = "folders nested deeper than any repository's name"
            context.gap("", Reason.TOO_LARGE, detail)
            return
        for name in names:
            if not name.endswith(_UNVISITED) and (parts or not name.startswith("_")):
                context.folder(name, folder, partial(self._walk, (*parts, name)))
            elif name not in _UNVISITED:
                context.folder(name, folder, partial(_unvisited, name))

    def _repository(self, name: str, folder: int, context: ReadContext) -> None:
        here = _Layout(self, context)
        context.folder(_BLOBS, folder, here.list_files)
        here.read_index(folder)
        context.folder(_UPLOADS, folder, partial(_uploads, name))
        context.builder.close(shown(name), Folder.LAYERS | Folder.MANIFESTS | Folder.TAGS)

    def number(self, seen: os.stat_result) -> int:
        """Return the number of a file, the same for all its hard links."""
        return self._numbers.setdefault((seen.st_dev, seen.st_ino), len(self._numbers))

    def body(self, digest: str, number: int, folder: int, context: ReadContext) -> Body | None:
        """Return the parsed manifest of a file; None, with a gap, if it cannot be parsed."""
        if (digest, number) not in self._bodies:
            with context.errors_as_gaps():
                self._bodies[digest, number] = None
                self._bodies[digest, number] = _body(digest, folder, context)
        found = self._bodies[digest, number]
        if found is not None and not found.is_cut and digest not in self._added:
            self._added.add(digest)
            context.builder.manifests.add(digest, found)
            if found.has_subject:
                self.files.referrers.texts([digest])
        return found


@dataclass(slots=True)
class _Layout:
    """The repository that is read."""

    reader: LayoutReader
    context: ReadContext
    there: dict[str, int] = field(default_factory=dict)
    """Number of each digest's file."""

    def list_files(self, folder: int, context: ReadContext) -> None:
        """Add the files of its folder `blobs`."""
        algorithms, others = folders(folder)
        context.strays(folder, others, disturbing="/")
        for algorithm in algorithms:
            context.folder(algorithm, folder, partial(self._algorithm, algorithm))

    def _algorithm(self, algorithm: str, folder: int, context: ReadContext) -> None:
        inner, found = folders(folder)
        for name in inner:
            context.gap(name, Reason.UNSUPPORTED, "not where a registry puts it")
        named = [name for name in found if layout.is_digest(f"{algorithm}:{name}")]
        for name in found if len(named) < len(found) else ():
            if not layout.is_digest(f"{algorithm}:{name}"):
                context.gap(name, Reason.UNSUPPORTED, "a name that no registry gives")
        files = [(name, seen) for name in named if (seen := _regular(name, folder, context))]
        self._add(algorithm, files, context)

    def _add(
        self, algorithm: str, files: Sequence[tuple[str, os.stat_result]], context: ReadContext
    ) -> None:
        names = [name for name, _ in files]
        sizes, times = [s.st_size for _, s in files], [s.st_mtime_ns for _, s in files]
        numbers = [self.reader.number(seen) for _, seen in files]
        context.builder.blobs(algorithm, names, sizes, times)
        context.builder.layers.add(algorithm, names)
        self.reader.files.sizes.extend(sizes)
        self.reader.files.modified.extend(times)
        self.reader.files.files.extend(numbers)
        self.there |= {f"{algorithm}:{name}": at for name, at in zip(names, numbers, strict=True)}

    def read_index(self, folder: int) -> None:
        """Add the entries and tags of its `index.json`, and read the manifests below them."""
        entries = self._entries(folder)
        with opened(_BLOBS, folder, self.context.path) as blobs:
            if blobs is not None:
                self._follow([(each.digest, each.media_type) for each in entries], blobs)
        for digest in dict.fromkeys(each.digest for each in entries):
            algorithm, _, encoded = digest.partition(":")
            absent = {} if digest in self.there else {0: Unlinked.ABSENT}
            self.context.builder.revisions.add(algorithm, [encoded], absent)
        for each in entries:
            if (tag := (each.annotations or {}).get(_NAME)) is not None:
                self.context.builder.tags.add(shown(tag), each.digest)

    def _entries(self, folder: int) -> list[_LayoutEntry]:
        """Read its `index.json`, with retries: it may be in the middle of a write."""
        while True:
            try:
                found = _decode(content(_INDEX, folder, _LONGEST) or b"").manifests or []
            except (OSError, msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                if not self.context.retries.wait():
                    self.context.gap(_INDEX, Reason.UNREADABLE, str(error)[:200])
                    return []
                continue
            for each in found:
                if not layout.is_digest(each.digest):
                    self.context.gap(_INDEX, Reason.UNREADABLE, "an entry that names no digest")
                    return []
                if each.media_type not in _KINDS:
                    words = "an entry of an unknown media type, which its collector removes"
                    self.context.gap(_INDEX, Reason.UNSUPPORTED, words)
            return found

    def _follow(self, pending: list[tuple[str, str]], blobs: int) -> None:
        """Read manifests and everything that they list, each once, as the collector does."""
        followed: set[str] = set()
        while pending:
            digest, kind = pending.pop()
            if digest in followed or not self._arrived(digest, blobs):
                continue
            followed.add(digest)
            path = digest.replace(":", "/", 1)
            here = self.context.below(f"{_BLOBS}/{path}")
            if kind not in _KINDS:
                if _hides_manifest(path, blobs):
                    here.gap("", Reason.UNSUPPORTED, f"a manifest, listed as {kind[:80]}")
                continue
            found = self.reader.body(digest, self.there[digest], blobs, here)
            if found is None:
                continue
            if found.is_cut:
                self.reader.files.stuck.add(self.context.builder.closed)
            elif _KINDS[kind] is not found.is_index and any(found.references):
                here.gap("", Reason.UNSUPPORTED, f"listed as {kind}, which it is not")
            if found.is_index:
                pending += zip(found.references, found.kinds, strict=True)
            else:
                for each in found.references:
                    self._arrived(each, blobs)

    def _arrived(self, digest: str, blobs: int) -> bool:
        """Does a digest have a file, listed or new since?"""
        if digest not in self.there and layout.is_digest(digest):
            algorithm, _, encoded = digest.partition(":")
            with opened(algorithm, blobs, self.context.path) as folder:
                seen = None if folder is None else _regular(encoded, folder, self.context)
                if seen is not None:
                    self._add(algorithm, [(encoded, seen)], self.context)
        return digest in self.there


def _body(digest: str, folder: int, context: ReadContext) -> Body | None:
    text = content(digest.replace(":", "/", 1), folder, body.LARGEST)
    if text is None or len(text) > body.LARGEST:
        context.gap("", Reason.TOO_LARGE, "no file, or one larger than any manifest")
        return None
    algorithm, _, encoded = digest.partition(":")
    if hashlib.new(algorithm, text, usedforsecurity=False).hexdigest() != encoded:
        context.gap("", Reason.MALFORMED, "its bytes are not those that the digest names")
    try:
        found = body.read(text)
    except body.Unreadable as error:
        context.gap("", Reason.UNREADABLE, f"not a plain manifest: {error}")
        return None
    if found.fault_3 and not found.is_cut:
        context.gap("", Reason.UNSUPPORTED, found.fault_3)
        return None
    return found


def _hides_manifest(path: str, blobs: int) -> bool:
    """Is a file a manifest, though its entry has another media type? zot sweeps its references."""
    text = content(path, blobs, body.LARGEST) or b""
    try:
        return text.startswith(b"{") and any(body.read(text).references)
    except body.Unreadable:
        return False


def _regular(name: str, folder: int, context: ReadContext) -> os.stat_result | None:
    """Return the status of a regular file; anything else is a gap."""
    with context.below(name).errors_as_gaps():
        seen = os.stat(name, dir_fd=folder, follow_symlinks=False)
        if stat.S_ISREG(seen.st_mode):
            return seen
        context.gap(name, Reason.UNREADABLE, "no regular file, not followed")
    return None


def _unvisited(name: str, folder: int, context: ReadContext) -> None:
    """Add a gap for a repository that zot itself skips because of its name."""
    if layout.OCI_LAYOUT in folders(folder)[1]:
        words = f"zot neither lists nor collects a repository whose name ends as {name} does"
        context.gap("", Reason.UNSUPPORTED, words)


def _uploads(repository: str, folder: int, context: ReadContext) -> None:
    for name in folders(folder)[1]:
        if (seen := _regular(name, folder, context)) is not None:
            upload = Upload(shown(repository), shown(name), seen.st_size, seen.st_mtime_ns)
            context.builder.uploads.append(upload)
