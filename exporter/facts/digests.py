"""Numbers for digests, in the order of the digests' texts."""

import hashlib
import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Self, TypeVar

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
"""Digests by their numbers."""
Marks = NDArray[np.bool_]
Rows = NDArray[np.bytes_]
"""Packed sha256 digests; NumPy orders such texts by their bytes."""
Heads = NDArray[np.uint64]
"""The first eight bytes of packed digests, in the order of the digests."""
Halves = NDArray[np.int64]

Sortable = TypeVar("Sortable", NDArray[np.bytes_], NDArray[np.int32])

ABSENT: Final = -1
"""The number of nothing: no file, no digest of that name."""

_PREFIX: Final = "sha256:"
_ENCODED: Final = 64
_HALVES: Final = struct.Struct(">qq")
DIGEST_BYTES: Final = 32
"""Bytes of a packed sha256 digest."""
_STRIDE: Final = 1 << 17
"""Rows looked up at a time: bounds the memory that sorting the needles takes."""
_MANY: Final = 16
"""Rows for each needle until it takes longer to note their heads than to compare them whole."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Every digest that was seen: sha256 packed and sorted, all other texts behind them, sorted."""

    packed: Rows
    """Ascending, each once."""
    others: tuple[str, ...]
    """sha512, and texts in manifests that are no digests at all: collectors mark those too."""

    def __len__(self) -> int:
        return len(self.packed) + len(self.others)

    def text(self, number: int) -> str:
        """Return the digest that a number stands for."""
        if number < len(self.packed):
            return _PREFIX + self.packed[number : number + 1].tobytes().hex()
        return self.others[number - len(self.packed)]

    def number(self, text: str) -> int:
        """Return the number of a digest, or `ABSENT`."""
        row = pack_texts([text])
        if row is not None:
            return int(find(self.packed, rows_of(row))[0])
        at = bisect_left(self.others, text)
        return at + len(self.packed) if self.others[at : at + 1] == (text,) else ABSENT


def pack(encoded: Sequence[str]) -> bytes | None:
    """Pack sha256 digests' hexadecimal parts; None where one of them is not exactly that."""
    joined = "".join(encoded)
    if any(length != _ENCODED for length in set(map(len, encoded))):
        return None
    try:
        packed = bytes.fromhex(joined)
    except ValueError:
        return None
    return packed if packed.hex() == joined else None  # upper case and blanks are no digest


def pack_texts(texts: Sequence[str]) -> bytes | None:
    """Pack sha256 digests; None where one of the texts is none."""
    if not all(text.startswith(_PREFIX) for text in texts):
        return None
    return pack([text[len(_PREFIX) :] for text in texts])


def unpacked(packed: bytes) -> tuple[str, ...]:
    """Return the sha256 digests that were packed."""
    encoded = packed.hex()
    starts = range(0, len(encoded), _ENCODED)
    return tuple(f"{_PREFIX}{encoded[at : at + _ENCODED]}" for at in starts)


def rows_of(packed: bytes | bytearray) -> Rows:
    """Return packed sha256 digests as an array."""
    return np.frombuffer(packed, f"S{DIGEST_BYTES}")


def split(rows: Rows) -> list[bytes]:
    """Return packed sha256 digests one by one; NumPy would drop zeros at their ends."""
    packed = rows.tobytes()
    return [packed[at : at + DIGEST_BYTES] for at in range(0, len(packed), DIGEST_BYTES)]


class SortedRows:
    """Packed sha256 digests, ascending, each once; found by their heads, and compared whole."""

    __slots__ = ("heads", "rows")

    def __init__(self, rows: Rows) -> None:
        self.rows = rows
        self.heads = _heads(rows)

    @classmethod
    def empty(cls) -> Self:
        """Return none, to be joined by others."""
        return cls(np.empty(0, f"S{DIGEST_BYTES}"))

    def find(self, needles: Rows) -> Numbers:
        """Return the position of each needle, `ABSENT` for those not there.

        Needles are sorted first: a binary search with random needles costs sixty times as much.
        """
        found = np.full(len(needles), ABSENT, np.int32)
        for start in range(0, len(needles) if len(self.rows) else 0, _STRIDE):
            part = needles[start : start + _STRIDE]
            heads = _heads(part)
            order = np.argsort(heads)
            heads = heads[order]
            at = np.searchsorted(self.heads, heads)
            at[at == len(self.rows)] = 0
            hit = self.rows[at] == part[order]
            found[start + order[hit]] = at[hit]
            # Whoever wants to can make two digests that begin alike.
            alike = order[~hit & (self.heads[at] == heads)]
            if len(alike):
                found[start + alike] = _find(self.rows, part[alike])
        return found

    def join(self, others: Rows) -> Numbers:
        """Insert others, ascending, none of them here yet; return where each old one is now.

        In place, from the end: a copy would take as much memory again as a registry's digests do.
        """
        at = np.searchsorted(self.rows, others)
        behind = np.cumsum(np.bincount(at, minlength=len(self.rows) + 1), dtype=np.int32)
        moved: Numbers = np.arange(len(self.rows), dtype=np.int32) + behind[:-1]
        del behind
        self.heads = _NO_HEADS
        end, stop = len(self.rows), len(others)
        self._lengthen(stop)
        while stop:
            begin = max(0, end - _STRIDE)
            first = int(np.searchsorted(at, begin, "right")) if begin else 0
            block = np.insert(self.rows[begin:end], at[first:stop] - begin, others[first:stop])
            self.rows[begin + first : end + stop] = block
            end, stop = begin, first
        self.heads = _heads(self.rows)
        return moved

    def _lengthen(self, count: int) -> None:
        """Make room behind them: in place, unless somebody else holds them or traces calls."""
        try:
            self.rows.resize(len(self.rows) + count)
        except ValueError:
            self.rows = np.concatenate([self.rows, np.empty(count, self.rows.dtype)])


def _heads(rows: Rows) -> Heads:
    return rows.view(">u8").reshape(-1, DIGEST_BYTES // 8)[:, 0].astype(np.uint64)


_NO_HEADS: Final = np.zeros(0, np.uint64)


class Column:
    """Digests as they come, to be numbered once all are known. Texts of any kind are welcome."""

    __slots__ = ("_known", "_numbers", "_pending", "exceptions", "length", "packed")

    def __init__(self) -> None:
        self.packed = bytearray()
        """The sha256 digests, but for those of `know`."""
        self.exceptions: dict[int, str | int] = {}
        """By position: a text that is no sha256 digest, or a number below zero."""
        self.length = 0
        self._pending: list[str] = []
        self._known: SortedRows | None = None
        self._numbers = array("i")

    def know(self, digests: SortedRows, moved: Numbers | None) -> None:
        """Hold the number of each sha256 digest that is among these in its place.

        All that this column has must be among them. `moved` holds the new position of each digest
        that was among them before, None if none has moved.
        """
        found = digests.find(self.rows())
        if self._known is None:
            self._numbers.frombytes(found.tobytes())
        else:
            numbers = np.frombuffer(self._numbers, np.int32)
            if moved is not None and len(moved):
                _move(numbers, moved)
            numbers[np.flatnonzero(numbers == ABSENT)] = found
        self._known, self.packed = digests, bytearray()

    @property
    def loose(self) -> int:
        """How many digests take 32 bytes, since they are not among those of `know`?"""
        return len(self.packed) // DIGEST_BYTES

    @property
    def numbers(self) -> Numbers:
        """The numbers of the sha256 digests among the entries, once all are known; not a copy."""
        return np.frombuffer(self._numbers, np.int32)

    @property
    def odd(self) -> set[str]:
        """The texts that are no sha256 digests."""
        return {text for text in self.exceptions.values() if isinstance(text, str)}

    def _add(self, rows: Rows) -> None:
        if self._known is not None:
            found = self._known.find(rows)
            self._numbers.frombytes(found.tobytes())
            rows = rows[found == ABSENT]
        self.packed += rows.tobytes()

    def encoded(self, algorithm: str, names: Sequence[str]) -> None:
        """Add digests of one algorithm by their hexadecimal parts."""
        packed = pack(names) if algorithm == "sha256" else None
        if packed is None:
            self.texts([f"{algorithm}:{name}" for name in names])
            return
        self.settle()
        self._add(rows_of(packed))
        self.length += len(names)

    def texts(self, texts: Iterable[str]) -> None:
        """Add digests, or any other text that a manifest has in a digest's place."""
        self._pending.extend(texts)
        if len(self._pending) >= 1 << 16:
            self.settle()

    def add_packed(self, packed: bytes) -> None:
        """Add sha256 digests that are packed already."""
        if self._pending:
            self.settle()
        self._add(rows_of(packed))
        self.length += len(packed) // DIGEST_BYTES

    def mark(self, number: int) -> None:
        """Add an entry that has no digest: a number below zero says why."""
        self.settle()
        self.exceptions[self.length] = number
        self.length += 1

    def settle(self) -> None:
        """Pack what came as text."""
        texts, self._pending = self._pending, []
        packed = pack_texts(texts)
        if packed is not None:
            self._add(rows_of(packed))
            self.length += len(texts)
            return
        usual = list[bytes]()
        for text in texts:
            packed = pack_texts([text])
            if packed is None:
                self.exceptions[self.length] = text
            else:
                usual.append(packed)
            self.length += 1
        self._add(rows_of(b"".join(usual)))

    def rows(self) -> Rows:
        """Return the sha256 digests among the entries, in order, but for those of `know`."""
        self.settle()
        return rows_of(self.packed)


def _move(numbers: Numbers, moved: Numbers) -> None:
    """Put the new position in place of each old one, some at a time."""
    for start in range(0, len(numbers), _STRIDE):
        part = numbers[start : start + _STRIDE]
        np.copyto(part, moved[part], where=part != ABSENT)


def gather(columns: Sequence[Column], known: SortedRows) -> Numbers | None:
    """Insert the new sha256 digests of columns into `known`, and number those of each column.

    `known` must be the digests of all earlier calls for these columns. Return the new position of
    each digest that it had, None if none has moved.
    """
    moved = _inserted([column.rows() for column in columns], known)
    for column in columns:
        column.know(known, moved)
    return moved


def _inserted(waiting: Sequence[Rows], known: SortedRows) -> Numbers | None:
    moved: Numbers | None = None
    for rows in waiting:
        missing = rows[known.find(rows) == ABSENT]
        if len(missing):
            later = known.join(distinct(missing))
            moved = later if moved is None else later[moved]
    return moved


def number(
    columns: Sequence[Column], known: SortedRows | None = None
) -> tuple[Digests, list[Numbers]]:
    """Number all digests of some columns. Nothing may be added to a column afterwards."""
    known = known or SortedRows.empty()
    gather(columns, known)
    others = tuple(sorted({text for each in columns for text in each.odd}))
    behind = {text: at + len(known.rows) for at, text in enumerate(others)}
    return Digests(known.rows, others), [_numbers(column, behind) for column in columns]


def find(packed: Rows, needles: Rows) -> Numbers:
    """Return the position of each needle among sorted rows, `ABSENT` for those not there."""
    many = len(needles) * _MANY >= len(packed)
    return SortedRows(packed).find(needles) if many else _find(packed, needles)


def _find(packed: Rows, needles: Rows) -> Numbers:
    order = np.argsort(needles)
    ordered = needles[order]
    at = np.searchsorted(packed, ordered)
    at[at == len(packed)] = 0
    hit = packed[at] == ordered
    found = np.full(len(needles), ABSENT, np.int32)
    found[order[hit]] = at[hit]
    return found


def distinct(values: Sortable) -> Sortable:
    """Sort values and drop repeats; much quicker than `np.unique` on many."""
    ordered = np.sort(values)
    fresh = np.ones(len(ordered), bool)
    np.not_equal(ordered[1:], ordered[:-1], out=fresh[1:])
    return ordered if fresh.all() else ordered[fresh]


def _numbers(column: Column, behind: dict[str, int]) -> Numbers:
    """Return the numbers of a column's sha256 digests, with those of its exceptions between."""
    if not column.exceptions:
        return column.numbers
    numbers = np.empty(column.length, np.int32)
    places = np.fromiter(column.exceptions, np.int64, len(column.exceptions))
    regular = np.ones(column.length, bool)
    regular[places] = False
    numbers[regular] = column.numbers
    numbers[places] = [
        each if isinstance(each, int) else behind[each] for each in column.exceptions.values()
    ]
    return numbers


def join_key(text: str) -> tuple[int, int]:
    """Return a digest's key: the first sixteen bytes of a sha256, as two signed numbers.

    Any other text is hashed first. A hundred and twenty-eight bits of sha256: nobody has ever made
    two texts that agree in so many.
    """
    packed = pack_texts([text]) or hashlib.sha256(text.encode("utf-8", "surrogatepass")).digest()
    high, low = _HALVES.unpack_from(packed)
    return high, low


def join_keys(digests: Digests) -> tuple[Halves, Halves]:
    """Return the keys of all digests, by their numbers."""
    others = np.array([join_key(text) for text in digests.others], np.int64).reshape(-1, 2)
    halves = digests.packed.view(">i8").reshape(-1, 4)[:, :2].astype(np.int64)
    both = np.concatenate([halves, others])
    return both[:, 0], both[:, 1]
