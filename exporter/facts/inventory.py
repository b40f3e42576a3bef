"""The inventory of a registry's storage: blobs, links, tags and uploads as arrays of numbers."""

from collections.abc import Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from enum import IntEnum, IntFlag, StrEnum
from typing import Final

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import ABSENT, Digests, Marks, Numbers, distinct
from exporter.facts.gap import Gap, Reason
from exporter.facts.snapshot import Sealed
from exporter.oci.digest import Digest, Malformed
from exporter.oci.reference import Repository, Tag

Bytes = NDArray[np.int64]
Times = NDArray[np.int64]
Starts = NDArray[np.int64]


_AT_ONCE: Final = 1 << 16


def parts_of(count: int) -> Iterator[slice]:
    """Yield slices that cover `count` values: arrays made of one slice take little memory."""
    return (slice(start, start + _AT_ONCE) for start in range(0, count, _AT_ONCE))


class Driver(StrEnum):
    """Where the files are, by the name that the registry gives its storage driver."""

    FILESYSTEM = "filesystem"
    S3 = "s3aws"
    GCS = "gcs"
    AZURE = "azure"

    @property
    def keeps_folders(self) -> bool:
        """Can a folder be there and be empty? Object stores know keys only."""
        return self is Driver.FILESYSTEM


class Folder(IntFlag):
    """Which folders of a repository are there: collectors behave differently where one is not."""

    LAYERS = 1
    MANIFESTS = 2
    REVISIONS = 4
    TAGS = 8


class Unlinked(IntEnum):
    """Why a link names no digest; the numbers stand where a digest's number would."""

    ABSENT = ABSENT
    """The folder is there, the link is not: what an API DELETE leaves on a filesystem."""
    FORMAT = -2
    ALGORITHM = -3
    LENGTH = -4

    @property
    def message(self) -> str:
        """The collector's message about it (opencontainers/go-digest, `digest.go`)."""
        return {
            Unlinked.FORMAT: "invalid checksum digest format",
            Unlinked.ALGORITHM: "unsupported digest algorithm",
            Unlinked.LENGTH: "invalid checksum digest length",
        }.get(self, "")


@dataclass(frozen=True, slots=True)
class Links:
    """Link files of one kind, repository by repository, each in the order of its path."""

    starts: Starts
    """Where each repository's links begin; one more entry marks the end of the last."""
    paths: Numbers
    """The digest that the path names."""
    targets: Numbers
    """The digest that the file names, nearly always the same; or one of `Unlinked`."""

    def of(self, repository: int) -> slice:
        """Return where a repository's links are."""
        return slice(int(self.starts[repository]), int(self.starts[repository + 1]))


@dataclass(frozen=True, slots=True)
class Tags:
    """Tags, repository by repository, sorted; and every digest that each ever pointed to."""

    starts: Starts
    names: tuple[str, ...]
    current: Numbers
    """The manifest that `current/link` names; or one of `Unlinked`."""
    history_starts: Starts
    """Where each tag's history begins, and the end of the last."""
    history: Numbers
    """The digests below `index/`; they protect nothing."""

    def of(self, repository: int) -> slice:
        """Return where a repository's tags are."""
        return slice(int(self.starts[repository]), int(self.starts[repository + 1]))

    def named(self, repository: int) -> tuple[str, ...]:
        """Return the names of a repository's tags."""
        return self.names[self.of(repository)]

    def pointing(self, repository: int) -> Iterator[tuple[str, int]]:
        """Yield each tag of a repository with the manifest that it names; or with an `Unlinked`."""
        return zip(self.named(repository), self.current[self.of(repository)].tolist(), strict=True)


@dataclass(frozen=True, slots=True)
class Graph:
    """Manifests and their references, by number.

    A million manifests over twenty million blobs fit into a gigabyte.
    """

    rows: Numbers
    """By digest: its row among the manifests, or below zero for anything else."""
    starts: NDArray[np.int64]
    """Where each row's references begin; one more entry marks the end of the last."""
    targets: Numbers
    """All references, in the order written, repeats and all."""
    indexes: Marks
    """By row: does it list manifests rather than layers?"""

    def links(self, manifests: Numbers) -> Numbers:
        """Return what some manifests refer to, one after the other, in order."""
        rows = self.rows[manifests]
        rows = rows[rows >= 0]
        first = self.starts[rows]
        counts = self.starts[rows + 1] - first
        ends = np.cumsum(counts)
        total = int(ends[-1]) if len(ends) else 0
        found: Numbers = self.targets[np.arange(total) + np.repeat(first - (ends - counts), counts)]
        return found

    def listed(self, manifests: Numbers) -> tuple[NDArray[np.int64], Numbers]:
        """Return what the indexes among some manifests list, each with its index's position."""
        indexes = np.flatnonzero(self.rows[manifests] >= 0)
        indexes = indexes[self.indexes[self.rows[manifests[indexes]]]]
        rows = self.rows[manifests[indexes]]
        counts = self.starts[rows + 1] - self.starts[rows]
        return np.repeat(indexes, counts), self.links(manifests[indexes])

    def reached(self, roots: Numbers) -> Numbers:
        """Return everything that is reachable from a few roots, themselves included, sorted."""
        found = frontier = distinct(roots[roots >= 0])
        while len(frontier):
            links = self.links(frontier)
            frontier = np.setdiff1d(links[links >= 0], found)
            found = np.union1d(found, frontier)
        return found.astype(np.int32)

    def reach(self, roots: Numbers) -> Marks:
        """Mark everything that is reachable from roots, themselves included."""
        marked = np.zeros(len(self.rows), bool)
        frontier = roots[roots >= 0]
        while len(frontier):
            marked[frontier] = True
            found = [self._unmarked(frontier[part], marked) for part in parts_of(len(frontier))]
            frontier = distinct(np.concatenate(found))
        return marked

    def _unmarked(self, manifests: Numbers, marked: Marks) -> Numbers:
        found = self.links(manifests)
        return distinct(found[~marked[found]])


@dataclass(frozen=True, slots=True)
class Upload:
    """An upload that was begun and neither finished nor purged."""

    repository: str
    identifier: str
    size: int
    """Bytes."""
    modified: int
    """When it was last written to: nanoseconds since the epoch."""


@dataclass(frozen=True, slots=True)
class Strays:
    """Files that no registry writes, or leaves: counted, never judged."""

    files: int = 0
    size: int = 0
    """Bytes."""


@dataclass(frozen=True, slots=True)
class Layouts:
    """Facts about zot's storage: each repository has files of its own, one entry per layer link.

    A repository's layer links are its files, and its revisions are the entries of its `index.json`;
    one without a file is `Unlinked.ABSENT`.
    """

    sizes: Bytes
    modified: Times
    files: NDArray[np.int64]
    """The same number where deduplication made one file of several: they share their bytes."""
    referrers: Numbers
    """Manifests that have a subject: zot keeps them without a tag."""
    stuck: frozenset[int]
    """Repositories with a manifest that does not parse: its collector gives up there."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """The result of one reading of a registry's storage."""

    driver: Driver
    digests: Digests
    sizes: Bytes
    """By digest: the size of its blob in bytes; below zero if there is none."""
    modified: Times
    """When each blob was last written: nanoseconds since the epoch."""
    repositories: tuple[str, ...]
    folders: NDArray[np.uint8]
    """By repository: the `Folder`s that it has."""
    revisions: Links
    layers: Links
    tags: Tags
    graph: Graph
    """The references of every manifest that a revision names."""
    faults: Mapping[int, tuple[str, str]]
    """By a manifest's number: why the collectors of distribution 2 and 3 cannot read it."""
    uploads: tuple[Upload, ...] = ()
    strays: Strays = Strays()
    has_repositories: bool = True
    """Is the folder `repositories` there?"""
    has_blobs: bool = True
    """Is the folder `blobs` there?"""
    misplaced: str = ""
    """Why a collector cannot tell the digest of a file called `data`; empty where there is none."""
    gaps: tuple[Gap, ...] = ()
    taken_at: float | None = None
    """When it was listed, in seconds since the epoch; None where that was just now."""
    partial: bool = False
    """Were some repositories left out on purpose, and all blobs that the others do not link?"""
    layouts: Layouts | None = None
    """Only of zot's storage; None for distribution's."""

    @property
    def blind(self) -> tuple[Gap, ...]:
        """The gaps of what was not read at all; malformed content does not count."""
        return tuple(gap for gap in self.gaps if gap.reason is not Reason.MALFORMED)

    def has(self, repository: int, folder: Folder) -> bool:
        """Has a repository this folder?"""
        return bool(self.folders[repository] & folder)

    @property
    def stored(self) -> Marks:
        """Which digests have a blob?"""
        return self.sizes >= 0

    def seals(self, wanted: Collection[Repository]) -> dict[Repository, Sealed]:
        """Return a seal for each wanted repository in it: a storage knows every tag.

        Ask an inventory without blindness only.
        """
        return {
            Repository(name): self._seal(number)
            for number, name in enumerate(self.repositories)
            if name in wanted
        }

    def _seal(self, repository: int) -> Sealed:
        found: dict[Digest, tuple[Tag, ...]] = {}
        for name, manifest in self.tags.pointing(repository):
            with suppress(Malformed):
                if manifest >= 0:
                    digest = Digest.parse(self.digests.text(manifest))
                    found[digest] = (*found.get(digest, ()), Tag(name))
        return Sealed(found)
