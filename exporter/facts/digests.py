"""Which number stands for a digest? Numbers follow the order of the digests' texts."""

from __future__ import annotations

import hashlib
import struct
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

Numbers = NDArray[np.int32]
"""Digests by their numbers."""
Marks = NDArray[np.bool_]
Rows = NDArray[np.uint8]
Keys = NDArray[np.uint64]
Halves = NDArray[np.int64]

ABSENT: Final = -1
"""The number of nothing: no file, no digest of that name."""

_PREFIX: Final = "sha256:"
_ENCODED: Final = 64
_HALVES: Final = struct.Struct(">qq")
DIGEST_BYTES: Final = 32
"""Of a packed sha256 digest."""
_STRIDE: Final = 4_000_000
"""Rows looked up at a time: bounds the memory that sorting the needles takes."""


@dataclass(frozen=True, slots=True)
class Digests:
    """Every digest that was seen: sha256 packed and sorted, all other texts behind them, sorted."""

    packed: Rows
    """Thirty-two bytes a row, ascending, each once."""
    keys: Keys
    """The first eight bytes of each row as a number: what look-ups search."""
    others: tuple[str, ...]
    """sha512, and texts in manifests that are no digests at all: collectors mark those too."""

    def __len__(self) -> int:
        """How many numbers are given out."""
        return len(self.packed) + len(self.others)

    def text(self, number: int) -> str:
        """Return the digest that a number stands for."""
        if number < len(self.packed):
            return f"{_PREFIX}{self.packed[number].tobytes().hex()}"
        return self.others[number - len(self.packed)]

    def number(self, text: str) -> int:
        """Return the number of a digest, or `ABSENT`."""
        row = pack_texts([text])
        if row is not None:
            return int(find(self.packed, self.keys, np.frombuffer(row, np.uint8).reshape(1, -1))[0])
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


class Column:
    """Digests as they come, to be numbered once all are known. Texts of any kind are welcome."""

    __slots__ = ("_pending", "exceptions", "length", "packed")

    def __init__(self) -> None:
        """Begin with nothing."""
        self.packed = bytearray()
        self.exceptions: dict[int, str | int] = {}
        """By position: a text that is no sha256 digest, or a number below zero."""
        self.length = 0
        self._pending: list[str] = []

    def encoded(self, algorithm: str, names: Sequence[str]) -> None:
        """Add digests of one algorithm by their hexadecimal parts."""
        packed = pack(names) if algorithm == "sha256" else None
        if packed is None:
            self.texts([f"{algorithm}:{name}" for name in names])
            return
        self.settle()
        self.packed += packed
        self.length += len(names)

    def texts(self, texts: Iterable[str]) -> None:
        """Add digests, or any other text that a manifest has in a digest's place."""
        self._pending.extend(texts)
        if len(self._pending) >= 1 << 16:
            self.settle()

    def rows_of(self, packed: bytes) -> None:
        """Add sha256 digests that are packed already."""
        if self._pending:
            self.settle()
        self.packed += packed
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
            self.packed += packed
            self.length += len(texts)
            return
        for text in texts:
            self._settle_one(text)

    def _settle_one(self, text: str) -> None:
        packed = pack_texts([text])
        if packed is None:
            self.exceptions[self.length] = text
        else:
            self.packed += packed
        self.length += 1

    def rows(self) -> Rows:
        """Return the sha256 digests among the entries, in order, thirty-two bytes a row."""
        self.settle()
        return np.frombuffer(self.packed, np.uint8).reshape(-1, DIGEST_BYTES)


def number(columns: Sequence[Column]) -> tuple[Digests, list[Numbers]]:
    """Number all digests of some columns, the first of which holds most of them."""
    rows = [column.rows() for column in columns]
    packed = _distinct(rows[0])
    keys = _keys(packed)
    found = [find(packed, keys, part) for part in rows]
    missing = [part[at == ABSENT] for part, at in zip(rows, found, strict=True)]
    if any(map(len, missing)):
        packed = _distinct(np.concatenate([packed, *missing]))
        keys = _keys(packed)
        found = [find(packed, keys, part) for part in rows]
    texts = {text for each in columns for text in each.exceptions.values() if isinstance(text, str)}
    digests = Digests(packed, keys, tuple(sorted(texts)))
    behind = {text: at + len(packed) for at, text in enumerate(digests.others)}
    return digests, [
        _numbers(column, numbers, behind) for column, numbers in zip(columns, found, strict=True)
    ]


def find(packed: Rows, keys: Keys, needles: Rows) -> Numbers:
    """Return the position of each needle among sorted rows, `ABSENT` for those not there.

    Needles are sorted first: a binary search with random needles costs sixty times as much.
    """
    found = np.full(len(needles), ABSENT, np.int32)
    for start in range(0, len(needles) if len(packed) else 0, _STRIDE):
        part = needles[start : start + _STRIDE]
        wanted = _keys(part)
        order = np.argsort(wanted)
        at = np.searchsorted(keys, wanted[order])
        at[at == len(packed)] = 0
        hit = _same(packed[at], part[order])
        found[start + order[hit]] = at[hit]
        lost = order[~hit & (keys[at] == wanted[order])]
        if len(lost):
            found[start + lost] = _find_twins(packed, part[lost])
    return found


def _same(some: Rows, others: Rows) -> Marks:
    """Compare rows, eight bytes at a time: much quicker than a look at every byte."""
    mine, theirs = (np.ascontiguousarray(each).view(np.uint64) for each in (some, others))
    same: Marks = mine[:, 0] == theirs[:, 0]
    for column in range(1, DIGEST_BYTES // 8):
        same &= mine[:, column] == theirs[:, column]
    return same


def _find_twins(packed: Rows, needles: Rows) -> Numbers:
    """Return the positions of needles that share their first eight bytes with other rows.

    By all thirty-two bytes: made-up digests may share any number of the first ones, so a look at
    each row that shares eight would take the square of their number.
    """
    texts = _texts(needles)
    order = np.argsort(texts)
    at = np.searchsorted(_texts(packed), texts[order])
    at[at == len(packed)] = 0
    found = np.full(len(needles), ABSENT, np.int32)
    hit = _same(packed[at], needles[order])
    found[order[hit]] = at[hit]
    return found


class Sizes:
    """How large is the blob of a digest? Asked of a column, and what goes with each entry."""

    def __init__(self, column: Column, sizes: Sequence[int]) -> None:
        """Sort a column's sha256 digests by their first eight bytes."""
        self._rows = column.rows()
        self._order = np.argsort(_keys(self._rows))
        self._keys = _keys(self._rows)[self._order]
        regular = np.ones(column.length, bool)
        regular[list(column.exceptions)] = False
        self._sizes = np.asarray(sizes, np.int64)[regular]

    def of(self, packed: bytes) -> list[int]:
        """Return the sizes, in bytes, of some digests' blobs; `ABSENT` where none can be told."""
        needles = np.frombuffer(packed, np.uint8).reshape(-1, DIGEST_BYTES)
        if not len(self._rows):
            return [ABSENT] * len(needles)
        at = np.searchsorted(self._keys, _keys(needles))
        place = self._order[np.minimum(at, len(self._rows) - 1)]
        # Of digests that share their first eight bytes the first is found; the others are not told.
        sizes: list[int] = np.where(
            _same(self._rows[place], needles), self._sizes[place], ABSENT
        ).tolist()
        return sizes


def _texts(rows: Rows) -> NDArray[np.bytes_]:
    """View rows as texts, which NumPy orders as it orders the rows' bytes."""
    texts: NDArray[np.bytes_] = np.ascontiguousarray(rows).view(f"S{DIGEST_BYTES}")[:, 0]
    return texts


def _keys(rows: Rows) -> Keys:
    """Read the first eight bytes of each row as a big-endian number."""
    return np.ascontiguousarray(rows).view(">u8")[:, 0].astype(np.uint64)


def _distinct(rows: Rows) -> Rows:
    """Sort rows and drop repeats; by their first eight bytes, and by all where those are equal.

    `np.unique` is a hundred times slower than a sort and a look at the neighbour.
    """
    keys = _keys(rows)
    order = np.argsort(keys)
    keys = keys[order]
    result = rows[order]
    twins = keys[1:] == keys[:-1]
    same = (result[1:] == result[:-1]).all(axis=1) if twins.any() else twins
    if (twins & ~same).any():
        result = np.sort(_texts(result)).view(np.uint8).reshape(-1, DIGEST_BYTES)
        same = (result[1:] == result[:-1]).all(axis=1)
    fresh: Marks = np.concatenate([np.ones(min(len(result), 1), bool), ~same])
    distinct: Rows = result[fresh]
    return distinct


def _numbers(column: Column, found: Numbers, behind: dict[str, int]) -> Numbers:
    """Put the numbers of a column's exceptions back between those of its sha256 digests."""
    if not column.exceptions:
        return found
    numbers = np.empty(column.length, np.int32)
    places = np.fromiter(column.exceptions, np.int64, len(column.exceptions))
    regular = np.ones(column.length, bool)
    regular[places] = False
    numbers[regular] = found
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
    halves = np.ascontiguousarray(digests.packed[:, :16]).view(">i8").astype(np.int64)
    both = np.concatenate([halves.reshape(-1, 2), others])
    return both[:, 0], both[:, 1]
