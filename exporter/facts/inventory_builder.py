"""Builds an inventory: takes names as they come, and numbers them once at the end."""

from array import array
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from exporter.facts.digests import (
    ABSENT,
    Column,
    Digests,
    Numbers,
    SortedRows,
    find,
    gathered,
    number,
    rows_of,
)
from exporter.facts.gap import Gap
from exporter.facts.inventory import (
    Bytes,
    Driver,
    Folder,
    Graph,
    Inventory,
    Layouts,
    Links,
    Strays,
    Tags,
    Unlinked,
    Upload,
)

if TYPE_CHECKING:
    from exporter.facts.body import Body, Outline

_LOOSE: Final = 1 << 16
"""Digests that are kept whole until they are numbered; more where more are numbered already."""
Target = str | Unlinked
"""The digest that a link names, or why it names none."""


class LinkBuilder:
    """Takes the links of one kind."""

    __slots__ = ("differing", "ends", "paths")

    def __init__(self) -> None:
        self.paths = Column()
        self.differing: dict[int, Target] = {}
        """By position: targets that are not what the path says."""
        self.ends: list[int] = [0]

    def add(
        self, algorithm: str, names: Sequence[str], differing: Mapping[int, Target] | None = None
    ) -> None:
        """Add links of the current repository in the order of their names.

        `differing` holds, by position among the names, what a link's file names where that is not
        what its path says.
        """
        begin = self.paths.length
        self.paths.encoded(algorithm, names)
        self.paths.settle()
        for position, target in (differing or {}).items():
            self.differing[begin + position] = target

    def close(self) -> None:
        """End the current repository."""
        self.ends.append(self.paths.length)

    def exceptions(self) -> Column:
        """Return the differing targets, in order, as a column."""
        column = Column()
        for target in self.differing.values():
            _add_target(column, target)
        return column


@dataclass(slots=True)
class LayoutBuilder:
    """Takes the files of zot's repositories, one for each layer link."""

    sizes: "array[int]" = field(default_factory=lambda: array("q"))
    modified: "array[int]" = field(default_factory=lambda: array("q"))
    files: "array[int]" = field(default_factory=lambda: array("q"))
    referrers: Column = field(default_factory=Column)
    stuck: set[int] = field(default_factory=set)

    def layouts(self, referrers: Numbers) -> Layouts:
        """Return the files, given the numbers of the referrers."""
        sizes, modified, files = (
            np.array(each, np.int64) for each in (self.sizes, self.modified, self.files)
        )
        return Layouts(sizes, modified, files, referrers, frozenset(self.stuck))


class InventoryBuilder:
    """Takes blobs, repositories and manifests in any order; repositories in the order of a walk."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._blobs = Column()
        self._known: SortedRows | None = None
        self._sizes = array("q")
        self._sized: tuple[Digests, Bytes] | None = None
        self._modified = array("q")
        self._names: list[str] = []
        self._folders: list[Folder] = []
        self.revisions = LinkBuilder()
        self.layers = LinkBuilder()
        self.tags = TagBuilder()
        self.manifests = ManifestBuilder()
        self.uploads: list[Upload] = []
        self.gaps: list[Gap] = []
        self.strays = Strays()
        self.has_repositories = True
        self.has_blobs = True
        self.misplaced = ""
        self.layouts: LayoutBuilder | None = None
        """Only of zot's storage."""

    @property
    def closed(self) -> int:
        """How many repositories were closed so far."""
        return len(self._names)

    def blobs(
        self, algorithm: str, names: Sequence[str], sizes: Iterable[int], modified: Iterable[int]
    ) -> None:
        """Add blobs that have a `data` file: bytes, and nanoseconds since the epoch."""
        self._sized = None
        self._blobs.encoded(algorithm, names)
        self._sizes.extend(sizes)
        self._modified.extend(modified)

    def settle(self) -> None:
        """Number what was added, so that it, and all that repeats it, takes less memory."""
        columns = self._columns()
        self._known, moved = gathered(columns, self._known)
        for column in columns:
            column.know(self._known, moved)

    def sizes(self, packed: bytes) -> list[int]:
        """Return the sizes, in bytes, of blobs that were added; `ABSENT` where that is not sure."""
        if self._sized is None:
            digests, (blobs,) = number([self._blobs], self._known)
            sizes = np.full(len(digests) + 1, ABSENT, np.int64)  # the last is of what is not there
            sizes[blobs] = self._sizes
            self._sized = digests, sizes
        digests, sizes = self._sized
        found: list[int] = sizes[find(digests.packed, rows_of(packed))].tolist()
        return found

    def close(self, name: str, folders: Folder) -> None:
        """End the current repository and name it."""
        self._names.append(name)
        self._folders.append(folders)
        self.revisions.close()
        self.layers.close()
        self.tags.close()
        loose = self.layers.paths.loose + self.manifests.targets.loose
        if loose > max(_LOOSE, len(self._known.rows) if self._known else 0):
            self.settle()

    def stray(self, size: int) -> None:
        """Count a file that no registry writes."""
        self.strays = Strays(self.strays.files + 1, self.strays.size + size)

    def inventory(self) -> Inventory:
        """Number everything and return the whole."""
        self._sized = None
        digests, columns = number(self._columns(), self._known)
        *columns, referrers = columns
        blobs, revisions, revised, layers, layered, current, history, manifests, targets = columns
        sizes = np.full(len(digests), -1, np.int64)
        sizes[blobs] = self._sizes
        modified = np.zeros(len(digests), np.int64)
        modified[blobs] = self._modified
        return Inventory(
            driver=self._driver,
            digests=digests,
            sizes=sizes,
            modified=modified,
            repositories=tuple(self._names),
            folders=np.array(self._folders, np.uint8),
            revisions=_links(self.revisions, revisions, revised),
            layers=_links(self.layers, layers, layered),
            tags=self.tags.numbered(current, history),
            graph=self.manifests.graph(len(digests), manifests, targets),
            faults={int(manifests[row]): each for row, each in self.manifests.faults.items()},
            uploads=tuple(self.uploads),
            strays=self.strays,
            has_repositories=self.has_repositories,
            has_blobs=self.has_blobs,
            misplaced=self.misplaced,
            gaps=tuple(self.gaps),
            layouts=self.layouts.layouts(referrers) if self.layouts else None,
        )

    def _columns(self) -> list[Column]:
        links = (self.revisions, self.layers)
        pairs = [column for each in links for column in (each.paths, each.exceptions())]
        tags = [self.tags.current, self.tags.history]
        referrers = self.layouts.referrers if self.layouts else Column()
        manifests = [self.manifests.digests, self.manifests.targets]
        return [self._blobs, *pairs, *tags, *manifests, referrers]


@dataclass(slots=True)
class TagBuilder:
    """Takes the tags of repositories, in the order of their names."""

    names: list[str] = field(default_factory=list)
    ends: list[int] = field(default_factory=lambda: [0])
    current: Column = field(default_factory=Column)
    history: Column = field(default_factory=Column)
    history_ends: list[int] = field(default_factory=lambda: [0])

    def add(self, name: str, current: Target, history: Sequence[str] = ()) -> None:
        """Add a tag of the current repository."""
        self.names.append(name)
        _add_target(self.current, current)
        self.history.texts(history)
        self.history_ends.append(self.history_ends[-1] + len(history))

    def close(self) -> None:
        """End the current repository."""
        self.ends.append(len(self.names))

    def numbered(self, current: Numbers, history: Numbers) -> Tags:
        """Return the tags, given the numbers of both columns."""
        starts, history_starts = np.array(self.ends), np.array(self.history_ends)
        return Tags(starts, tuple(self.names), current, history_starts, history)


@dataclass(slots=True)
class ManifestBuilder:
    """Takes what manifests refer to, each digest once."""

    digests: Column = field(default_factory=Column)
    targets: Column = field(default_factory=Column)
    counts: list[int] = field(default_factory=list)
    indexes: list[bool] = field(default_factory=list)
    faults: dict[int, tuple[str, str]] = field(default_factory=dict)

    def add(self, digest: str, body: "Body") -> None:
        """Add a manifest that was read."""
        if body.fault_2 or body.fault_3:
            self.faults[len(self.counts)] = (body.fault_2, body.fault_3)
        self.digests.texts((digest,))
        self.targets.texts(body.references)
        self.counts.append(len(body.references))
        self.indexes.append(body.is_index)

    def add_outlines(self, found: "Mapping[str, Outline]") -> None:
        """Add manifests that were read before."""
        self.digests.texts(found)
        self.targets.add_packed(b"".join([each.packed for each in found.values()]))
        self.counts.extend(map(len, found.values()))
        self.indexes.extend(each.is_index for each in found.values())

    def graph(self, size: int, manifests: Numbers, targets: Numbers) -> Graph:
        """Return the graph of so many digests, given the numbers of both columns."""
        rows = np.full(size, -1, np.int32)
        rows[manifests] = np.arange(len(manifests), dtype=np.int32)
        starts = np.cumsum([0, *self.counts], dtype=np.int64)
        return Graph(rows, starts, targets, np.array(self.indexes, bool))


def _add_target(column: Column, target: Target) -> None:
    if isinstance(target, Unlinked):
        column.mark(int(target))
    else:
        column.texts((target,))


def _links(links: LinkBuilder, paths: Numbers, differing: Numbers) -> Links:
    """Targets are what the paths say, but for the few that differ."""
    targets = paths.copy() if links.differing else paths
    targets[list(links.differing)] = differing
    return Links(np.array(links.ends, np.int64), paths, targets)
