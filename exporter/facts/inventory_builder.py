"""Builds an inventory: takes names as they come, and numbers them once at the end."""

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

import numpy as np

from exporter.facts.digests import (
    ABSENT,
    Column,
    Marks,
    Numbers,
    Rows,
    SortedRows,
    gather,
    number,
    rows_of,
    unpacked,
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
    Times,
    Unlinked,
    Upload,
    parts_of,
)

if TYPE_CHECKING:
    from exporter.facts.body import Body, Outline

_LOOSE: Final = 1 << 16
"""Digests that are kept whole until they are numbered, at least."""
_SHARE: Final = 4
"""Digests that are numbered, for each one that is kept whole: to number more goes through all."""
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

    def usual(self) -> tuple[Numbers, set[str]]:
        """Return what links name as their paths do: numbers of digests, and all other texts."""
        paths, differing = self.paths, self.differing
        if not differing:
            return paths.numbers, paths.odd
        regular = np.delete(np.arange(paths.length), list(paths.exceptions))
        numbers = paths.numbers[~np.isin(regular, list(differing))]
        odd = (text for at, text in paths.exceptions.items() if at not in differing)
        return numbers, {text for text in odd if isinstance(text, str)}


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


class BlobBuilder:
    """Takes blobs that have a `data` file, and keeps what is known of each by its number."""

    __slots__ = ("_came", "modified", "new", "odd", "sizes")

    def __init__(self) -> None:
        self.new = Column()
        """Those that came since the last numbering."""
        self._came = array("q"), array("q")
        self.sizes: Bytes = np.zeros(0, np.int64)
        """Bytes by digest, `ABSENT` without a blob; empty as long as there is none."""
        self.modified: Times = np.zeros(0, np.int64)
        self.odd: dict[str, tuple[int, int]] = {}
        """Those that have no sha256 digest."""

    def add(
        self, algorithm: str, names: Sequence[str], sizes: Iterable[int], modified: Iterable[int]
    ) -> None:
        """Add some: bytes, and nanoseconds since the epoch."""
        self.new.encoded(algorithm, names)
        self._came[0].extend(sizes)
        self._came[1].extend(modified)

    @property
    def waiting(self) -> int:
        """How many came that are not kept by number yet?"""
        return len(self._came[0])

    def settle(self, count: int, moved: Numbers | None) -> None:
        """Keep what came by number: `count` digests have one, `moved` is what `gather` returned."""
        if moved is not None and len(self.sizes):
            self.sizes = _spread(self.sizes, moved, count, ABSENT)
            self.modified = _spread(self.modified, moved, count, 0)
        (sizes, modified), self._came = self._came, (array("q"), array("q"))
        new, self.new = self.new, Column()
        for at, text in new.exceptions.items():
            self.odd[str(text)] = sizes[at], modified[at]
        if len(numbers := new.numbers):
            if not len(self.sizes):
                self.sizes, self.modified = (
                    np.full(count, ABSENT, np.int64),
                    np.zeros(count, np.int64),
                )
            odd = list(new.exceptions)
            self.sizes[numbers] = np.delete(np.array(sizes, np.int64), odd)
            self.modified[numbers] = np.delete(np.array(modified, np.int64), odd)

    def found(self, count: int, odd: Numbers) -> tuple[Bytes, Times]:
        """Return sizes and times of `count` digests by number; `odd`: numbers of `self.odd`."""
        sizes, modified = self.sizes, self.modified
        if len(sizes) < count:
            old = np.arange(len(sizes), dtype=np.int32)
            sizes, modified = _spread(sizes, old, count, ABSENT), _spread(modified, old, count, 0)
            for number, known in zip(odd.tolist(), self.odd.values(), strict=True):
                sizes[number], modified[number] = known
        return sizes, modified


class InventoryBuilder:
    """Takes blobs, repositories and manifests in any order; repositories in the order of a walk."""

    def __init__(self, driver: Driver) -> None:
        self._driver = driver
        self._known = SortedRows.empty()
        self._blobs = BlobBuilder()
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
        self._blobs.add(algorithm, names, sizes, modified)
        self._settle_many(self._blobs.waiting)

    def settle(self) -> None:
        """Number what was added, so that it, and all that repeats it, takes less memory."""
        moved = gather([self._blobs.new, *self._columns()], self._known)
        self._blobs.settle(len(self._known.rows), moved)

    def _settle_many(self, loose: int) -> None:
        if loose > max(_LOOSE, len(self._known.rows) // _SHARE):
            self.settle()

    def sizes(self, packed: bytes) -> list[int]:
        """Return the sizes, in bytes, of blobs that were added; `ABSENT` where that is not sure."""
        if self._blobs.waiting:
            self.settle()
        numbers = self._known.find(rows_of(packed))
        if not len(self._blobs.sizes):
            return [ABSENT] * len(numbers)
        found: list[int] = np.where(numbers == ABSENT, ABSENT, self._blobs.sizes[numbers]).tolist()
        return found

    def close(self, name: str, folders: Folder) -> None:
        """End the current repository and name it."""
        self._names.append(name)
        self._folders.append(folders)
        self.revisions.close()
        self.layers.close()
        self.tags.close()
        self._settle_many(max(self.layers.paths.loose, self.manifests.targets.loose))

    def linked(self) -> Iterator[str]:
        """Yield the digests that links name, sorted; none that comes after the first is taken."""
        self.settle()
        yield from _texts(self._known.rows, *self._marked(self._linked()))

    def unlisted(self) -> Iterator[str]:
        """Yield the digests that links or manifests name and that have no blob, likewise."""
        self.settle()
        targets = self.manifests.targets
        marks, odd = self._marked([*self._linked(), (targets.numbers, targets.odd)])
        marks[: len(self._blobs.sizes)] &= self._blobs.sizes < 0
        yield from _texts(self._known.rows, marks, odd - self._blobs.odd.keys())

    def _linked(self) -> Iterator[tuple[Numbers, set[str]]]:
        for links in (self.revisions, self.layers):
            yield links.usual()
            differing = links.exceptions()
            differing.know(self._known, None)
            yield differing.numbers, differing.odd

    def _marked(self, named: Iterable[tuple[Numbers, set[str]]]) -> tuple[Marks, set[str]]:
        marks, odd = np.zeros(len(self._known.rows), bool), set[str]()
        for numbers, texts in named:
            marks[numbers] = True
            odd |= texts
        return marks, odd

    def stray(self, size: int) -> None:
        """Count a file that no registry writes."""
        self.strays = Strays(self.strays.files + 1, self.strays.size + size)

    def inventory(self) -> Inventory:
        """Number everything and return the whole. Call it once: the builder's memory goes over."""
        self.settle()
        odd = Column()
        odd.texts(self._blobs.odd)
        digests, columns = number([odd, *self._columns()], self._known)
        del self._known  # whoever added more would change numbers that the result holds
        odds, revisions, revised, layers, layered, current, history, manifests, targets, *rest = (
            columns
        )
        sizes, modified = self._blobs.found(len(digests), odds)
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
            layouts=self.layouts.layouts(rest[0]) if self.layouts else None,
        )

    def _columns(self) -> list[Column]:
        links = (self.revisions, self.layers)
        pairs = [column for each in links for column in (each.paths, each.exceptions())]
        tags = [self.tags.current, self.tags.history]
        referrers = [self.layouts.referrers] if self.layouts else []
        return [*pairs, *tags, self.manifests.digests, self.manifests.targets, *referrers]


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


def _texts(rows: Rows, marks: Marks, odd: set[str]) -> Iterator[str]:
    """Yield the digests of marked rows, and all other texts behind them."""
    for part in parts_of(len(marks)):
        yield from unpacked(rows[part][marks[part]].tobytes())
    yield from sorted(odd)


def _spread(values: Bytes, numbers: Numbers, count: int, rest: int) -> Bytes:
    """Return `count` values: `values` by their numbers, and `rest` everywhere else."""
    found = np.full(count, rest, np.int64)
    for part in parts_of(len(values)):
        found[numbers[part]] = values[part]
    return found
