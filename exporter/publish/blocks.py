"""The blocks that every answer is written in.

`render` has a printer of all of them for each place where people read: a terminal, a ticket, a
page. Texts may be whatever others wrote: printers make them harmless.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import Enum
from typing import Final, Literal, TypeAlias, TypeVar


class Tone(Enum):
    """How loud a text is; the loudest first."""

    BAD = "bad"
    UNSURE = "unsure"
    GOOD = "good"
    QUIET = "quiet"
    PLAIN = "plain"


_LOUDEST: Final = tuple(Tone)


@dataclass(frozen=True, slots=True)
class Cell:
    """A short text and its tone."""

    text: str
    tone: Tone = Tone.PLAIN


@dataclass(frozen=True, slots=True)
class Code:
    """Something to copy: a digest, a command."""

    text: str


@dataclass(frozen=True, slots=True)
class PageLink:
    """A text that links to another page. Printers without pages print the text."""

    text: str
    path: str
    """Quoted, and relative to the page."""


Span: TypeAlias = str | Cell | Code | PageLink
AnySpan = TypeVar("AnySpan", bound=Span | tuple[Span, ...])
Text: TypeAlias = tuple[Span, ...]
"""Spans that are printed one after the other; spaces between them are their own."""


@dataclass(frozen=True, slots=True)
class Heading:
    """A heading: of a whole answer (1), or of one part of it (2)."""

    text: Text
    level: Literal[1, 2] = 2


@dataclass(frozen=True, slots=True)
class Line:
    """One line, or a paragraph."""

    text: Text


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a list, with the items below it."""

    text: Text
    below: "tuple[Item, ...]" = ()


@dataclass(frozen=True, slots=True)
class List:
    """A bulleted list."""

    items: tuple[Item, ...]


@dataclass(frozen=True, slots=True)
class TableColumn:
    """The head of a column, and what a printer may do where it lacks room."""

    name: str
    fits: Literal["whole", "cut", "folded"] = "whole"
    """`cut`: its texts may lose their middle. `folded`: the last of these columns become one, which
    shows the loudest of their cells; they stand side by side."""
    right: bool = False
    """Whether its texts end below each other, as numbers do."""


@dataclass(frozen=True, slots=True)
class Table:
    """A table with a head; the first column that may be cut, else the first, names the row."""

    columns: tuple[TableColumn, ...]
    rows: tuple[tuple[Span | Text, ...], ...]

    @property
    def foldable(self) -> int:
        """Number of columns that may be folded."""
        return sum(each.fits == "folded" for each in self.columns)

    def folded(self, kept: int) -> "Table":
        """Return the table with so many of the columns that may be folded, and one of the rest."""
        hidden = self.foldable - kept
        if hidden <= 0:
            return self
        first = next(at for at, each in enumerate(self.columns) if each.fits == "folded") + kept
        last = first + hidden
        more = TableColumn(f"+{hidden} more", "folded")
        return replace(
            self,
            columns=(*self.columns[:first], more, *self.columns[last:]),
            rows=tuple((*row[:first], loudest(row[first:last]), *row[last:]) for row in self.rows),
        )


@dataclass(frozen=True, slots=True)
class TreeNode:
    """One node of a tree."""

    label: str
    cell: Cell
    code: str = ""
    size: str = ""
    notes: tuple[Cell, ...] = ()
    below: "tuple[TreeNode, ...]" = ()
    path: str = ""
    """The path of the page about its code: quoted, and relative to the page."""


@dataclass(frozen=True, slots=True)
class Tree:
    """A tree, by its root."""

    root: TreeNode


@dataclass(frozen=True, slots=True)
class Command:
    """A command to type, and what it is for."""

    purpose: str
    command: str


Block: TypeAlias = Heading | Line | List | Table | Tree | Command


def line(*spans: Span) -> Line:
    """Return a line of these spans."""
    return Line(spans)


def heading(*spans: Span, level: Literal[1, 2] = 2) -> Heading:
    """Return a heading of these spans."""
    return Heading(spans, level)


def item(*spans: Span, below: Iterable[Item] = ()) -> Item:
    """Return an item of these spans, with the items below it."""
    return Item(spans, tuple(below))


def listed(
    entries: Iterable[str | Item], most: int | None = None, *, uncounted: int = 0
) -> tuple[Item, ...]:
    """Return entries as items: at most so many, and how many more there are.

    `uncounted` is how many there are beside the entries.
    """
    every = tuple(entries)
    shown = every if most is None else every[:most]
    rest = len(every) - len(shown) + uncounted
    more = (item(f"… and {rest:,} more"),) if rest else ()
    return (*(each if isinstance(each, Item) else item(each) for each in shown), *more)


def section(head: str, items: tuple[Item, ...]) -> Iterator[Block]:
    """Yield a heading and a list; nothing where there is no item."""
    if items:
        yield heading(head)
        yield List(items)


def loudest(cells: Iterable[AnySpan]) -> AnySpan:
    """Return the cell that must not be overlooked."""
    return min(cells, key=lambda each: _LOUDEST.index(tone(each)))


def tone(cell: Span | Text) -> Tone:
    """Return the tone of a cell: of its first span, where it has several."""
    first = cell[0] if isinstance(cell, tuple) and cell else cell
    return first.tone if isinstance(first, Cell) else Tone.PLAIN


def spans(cell: Span | Text) -> Text:
    """Return the spans of a cell."""
    return cell if isinstance(cell, tuple) else (cell,)


def bare(cell: Span | Text) -> str:
    """Return the text of a cell alone."""
    return "".join(each if isinstance(each, str) else each.text for each in spans(cell))
