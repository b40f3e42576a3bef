"""Sightings of a whole registry, 33 bytes each: healthy content has no object of its own."""

from array import array
from bisect import bisect_left
from collections import Counter
from collections.abc import Callable, ItemsView, Iterable, Iterator, Mapping, Sequence, ValuesView
from dataclasses import replace
from types import MappingProxyType
from typing import Final, TypeVar, overload
from weakref import ref

import numpy as np
from numpy.typing import NDArray

from exporter.facts.digests import ABSENT, Marks, Rows, find, rows_of, split
from exporter.facts.proof import Sighting, State
from exporter.oci.digest import PACKED, Digest
from exporter.oci.reference import Place, Repository

T = TypeVar("T")

_WAITING: Final = 1 << 14
"""New sightings that are kept as objects until they are packed."""
_WORTH: Final = 4
"""A repository is packed again once a quarter as many sightings wait as are packed."""
_BYTE: Final = 256
_NEAR: Final = 4
"""The logarithm of how many digests are searched for one."""
_PREFIX: Final = 4
"""Leading bytes of a digest that the search compares first."""
_SHA256: Final = 71
"""Characters of such a digest; the few others are kept unpacked."""


class _Part:
    """Sightings of one repository, in the order of their packed digests."""

    __slots__ = ("_bits", "_starts", "codes", "digests")

    def __init__(self, found: Mapping[bytes, int]) -> None:
        keys = sorted(found)
        codes = [found[key] for key in keys]
        self.digests = b"".join(keys)
        self.codes = bytes(codes) if max(codes, default=0) < _BYTE else array("I", codes)
        self._bits = min(max(0, len(keys).bit_length() - _NEAR), 8 * _PREFIX)
        rest = 8 * _PREFIX - self._bits
        prefixes = ((slot << rest).to_bytes(_PREFIX) for slot in range(1 << self._bits))
        self._starts = array("I", (*(bisect_left(keys, each) for each in prefixes), len(keys)))

    @property
    def numbers(self) -> NDArray[np.integer]:
        """The numbers of the sightings, as an array."""
        kind = np.uint8 if isinstance(self.codes, bytes) else np.uint32
        return np.frombuffer(self.codes, kind)

    def code(self, packed: bytes) -> int | None:
        """Return the number of a digest's sighting."""
        slot = int.from_bytes(packed[:_PREFIX]) >> (8 * _PREFIX - self._bits)
        at, end = self._starts[slot] * PACKED, self._starts[slot + 1] * PACKED
        while (at := self.digests.find(packed, at, end)) >= 0:
            if at % PACKED == 0:
                return self.codes[at // PACKED]
            at += 1
        return None

    def share(self, other: "_Part") -> None:
        """Keep equal digests once."""
        if self.digests == other.digests:
            self.digests = other.digests
            self._starts = other._starts  # noqa: SLF001 - of its own class

    def found(self) -> dict[bytes, int]:
        """Return it as it was made."""
        starts = range(0, len(self.digests), PACKED)
        return dict(zip((self.digests[at : at + PACKED] for at in starts), self.codes, strict=True))


def _stands(now: Sighting | None, then: Sighting | None) -> bool:
    """Is something as present as it was, whatever proves it?"""
    if now is None or then is None or now.state is not State.PRESENT:
        return False
    return replace(then, proof=now.proof, seen_at=now.seen_at) == now


def _none() -> None:
    """There is nothing before."""


class Sightings(Mapping[Place, Sighting]):
    """The sighting of each place. Those of a snapshot do not change any more.

    Few sightings differ from each other, so a place holds the number of one. New ones are held as
    objects first, and packed many at once.
    """

    __slots__ = (
        "__weakref__",
        "_before",
        "_kinds",
        "_numbers",
        "_others",
        "_parts",
        "_recent",
        "_waiting",
    )

    def __init__(
        self,
        known: Mapping[Place, Sighting] = MappingProxyType({}),
        parts: Mapping[Repository, _Part] = MappingProxyType({}),
        kinds: Iterable[Sighting] = (),
        before: "Sightings | None" = None,
    ) -> None:
        """Begin with what is known, and with repositories that are packed already.

        Digests that those of an audit `before` keep as well are kept once: nearly all.
        """
        self._before: Callable[[], Sightings | None] = ref(before) if before else _none
        self._parts = dict(parts)
        self._others: dict[Place, Sighting] = {}
        """By places of sha512 digests."""
        self._kinds = list(kinds)
        self._numbers = {seen: number for number, seen in enumerate(self._kinds)}
        self._recent: dict[Repository, dict[bytes, int]] = {}
        self._waiting = 0
        self.update(known)

    def __setitem__(self, place: Place, seen: Sighting) -> None:
        """Note the sighting of a place."""
        repository, digest = place
        if len(digest) != _SHA256:
            self._others[place] = seen
            return
        self._recent.setdefault(repository, {})[digest.packed] = self._number(seen)
        self._count(1)

    def update(self, found: Mapping[Place, Sighting] | Iterable[tuple[Place, Sighting]]) -> None:
        """Note the sightings of several places."""
        for place, seen in found.items() if isinstance(found, Mapping) else found:
            self[place] = seen

    def setdefault(self, place: Place, seen: Sighting) -> None:
        """Note the sighting of a place without one."""
        if place not in self:
            self[place] = seen

    def copy(self) -> "Sightings":
        """Return the same, to be changed without changing these."""
        return self.within(lambda _: True)

    def within(self, holds: Callable[[Repository], bool]) -> "Sightings":
        """Return those of some repositories."""
        self.settle()
        others = {place: seen for place, seen in self._others.items() if holds(place[0])}
        parts = {at: part for at, part in self._parts.items() if holds(at)}
        return Sightings(others, parts, self._kinds, self._before())

    def amended(self, changes: Mapping[Place, Sighting]) -> "Sightings":
        """Return them with some changed or added."""
        found = self.copy()
        found.update(changes)
        found.settle()
        return found

    def add_packed(self, repository: Repository, keys: Iterable[bytes], seen: Sighting) -> None:
        """Note one sighting for several packed digests of a repository."""
        number = self._number(seen)
        short = [key for key in keys if len(key) == PACKED]
        self._recent.setdefault(repository, {}).update(dict.fromkeys(short, number))
        self._count(len(short))
        long = (Digest.of_packed(key) for key in keys if len(key) != PACKED)
        self._others.update(((repository, digest), seen) for digest in long)

    def changes(self, before: "Sightings", repository: Repository) -> dict[bytes, bool]:
        """Return the packed digests that have another sighting in one repository than before.

        Of each: is it present as before, and only proven in another way?
        """
        self.settle()
        part, last = self._parts.get(repository), before._parts.get(repository)  # noqa: SLF001 - of its own class
        packed = not (self._others or before._others)  # noqa: SLF001 - of its own class
        if part and last and packed and part.digests == last.digests:
            known = before._numbers  # noqa: SLF001 - of its own class
            same = np.array([known.get(kind, ABSENT) for kind in self._kinds], np.int64)
            other = same[part.numbers] != last.numbers
            rows = split(rows_of(part.digests)[other])
            pairs = zip(part.numbers[other].tolist(), last.numbers[other].tolist(), strict=True)
            new, old = self._kinds, before._kinds  # noqa: SLF001 - of its own class
            return {key: _stands(new[n], old[o]) for key, (n, o) in zip(rows, pairs, strict=True)}
        now, then = self.packed_of(repository), before.packed_of(repository)
        keys = (key for key in now.keys() | then.keys() if now.get(key) != then.get(key))
        return {key: _stands(now.get(key), then.get(key)) for key in keys}

    def _count(self, new: int) -> None:
        self._waiting += new
        if self._waiting >= _WAITING:
            self._pack(_WORTH)

    def settle(self) -> None:
        """Pack the sightings that wait."""
        if self._recent:
            self._pack(0)

    def _pack(self, worth: int) -> None:
        """Pack the sightings that wait, if they are more than one in so many of a repository."""
        recent, self._recent, self._waiting = self._recent, {}, 0
        before = self._before()
        for repository, found in recent.items():
            part = self._parts.get(repository)
            if part and len(found) * worth < len(part.codes) * bool(worth):
                self._recent[repository] = found
                continue
            packed = _Part({**part.found(), **found} if part else found)
            if before and (known := before._parts.get(repository)):  # noqa: SLF001 - of its own class
                packed.share(known)
            self._parts[repository] = packed

    def _number(self, seen: Sighting) -> int:
        number = self._numbers.setdefault(seen, len(self._kinds))
        if number == len(self._kinds):
            self._kinds.append(seen)
        return number

    def __getitem__(self, place: Place) -> Sighting:
        seen = self.get(place)
        if seen is None:
            raise KeyError(place)
        return seen

    @overload
    def get(self, place: Place, /) -> Sighting | None: ...

    @overload
    def get(self, place: Place, /, default: Sighting | T) -> Sighting | T: ...

    def get(self, place: Place, /, default: object = None) -> object:
        """Return the sighting of a place."""
        repository, digest = place
        if len(digest) != _SHA256:
            return self._others.get(place, default)
        key, part = digest.packed, self._parts.get(repository)
        code = self._recent[repository].get(key) if repository in self._recent else None
        if code is None and part is not None:
            code = part.code(key)
        return default if code is None else self._kinds[code]

    def __contains__(self, place: object) -> bool:
        return isinstance(place, tuple) and self.get(place) is not None

    def of(self, repository: Repository) -> Mapping[Digest, Sighting]:
        """Return the sightings of one repository, for many look-ups."""
        self.settle()
        others = {at[1]: seen for at, seen in self._others.items() if at[0] == repository}
        part = self._parts.get(repository)
        return dict(self._unpacked(part)) | others if part else others

    def _unpacked(self, part: _Part) -> Iterator[tuple[Digest, Sighting]]:
        kinds = map(self._kinds.__getitem__, part.codes)
        return zip(Digest.unpacked(part.digests), kinds, strict=True)

    @property
    def repositories(self) -> tuple[Repository, ...]:
        """The repositories with sightings."""
        self.settle()
        return tuple(dict.fromkeys((*self._parts, *(at for at, _ in self._others))))

    def packed(self) -> Iterator[tuple[Repository, dict[bytes, Sighting]]]:
        """Yield the sightings of each repository, by packed digests, in their order."""
        return ((repository, self.packed_of(repository)) for repository in self.repositories)

    def packed_of(self, repository: Repository) -> dict[bytes, Sighting]:
        """Return the sightings of one repository, by packed digests, in their order."""
        self.settle()
        part = self._parts.get(repository)
        codes = part.found() if part else {}
        others = {at[1].packed: seen for at, seen in self._others.items() if at[0] == repository}
        return {key: self._kinds[code] for key, code in codes.items()} | others

    def digests(self, repository: Repository) -> bytes:
        """Return the packed sha256 digests that were seen in one repository, ascending."""
        self.settle()
        part = self._parts.get(repository)
        return part.digests if part else b""

    def marked(
        self, repository: Repository, keys: Rows, holds: Callable[[Sighting], bool]
    ) -> Marks:
        """Mark the sha256 digests that have such a sighting in a repository."""
        marks = np.zeros(len(keys), bool)
        part, recent = self._parts.get(repository), self._recent.get(repository)
        for found in filter(None, (part, _Part(recent) if recent else None)):
            at = find(rows_of(found.digests), keys)
            kept = [code for code in set(found.codes) if holds(self._kinds[code])]
            there = at != ABSENT
            marks[there] = np.isin(found.numbers[at[there]], kept)
        return marks

    def having(self, holds: Callable[[Sighting], bool]) -> Iterator[tuple[Place, Sighting]]:
        """Yield the places that have such a sighting, without objects of the others."""
        self.settle()
        kept = [number for number, seen in enumerate(self._kinds) if holds(seen)]
        for repository, part in list(self._parts.items()) if kept else ():
            at = np.flatnonzero(np.isin(part.numbers, kept))
            digests = Digest.unpacked(rows_of(part.digests)[at].tobytes())
            for digest, number in zip(digests, part.numbers[at].tolist(), strict=True):
                yield (repository, digest), self._kinds[number]
        yield from ((place, seen) for place, seen in list(self._others.items()) if holds(seen))

    def numbered(self, repository: Repository) -> tuple[list[bytes], NDArray[np.integer]]:
        """Return what was seen in one repository, packed, and how: numbers of `different`.

        First sha256, ascending, as `digests` returns them.
        """
        self.settle()
        part = self._parts.get(repository)
        short = split(rows_of(part.digests)) if part else []
        long = {at[1].packed: seen for at, seen in self._others.items() if at[0] == repository}
        others = [self._number(seen) for seen in long.values()]
        codes = part.numbers if part else np.zeros(0, np.uint8)
        return [*short, *long], np.concatenate([codes, np.array(others, np.uint32)])

    @property
    def different(self) -> Sequence[Sighting]:
        """The sightings that differ from each other, by number: all that `numbered` returns."""
        self.settle()
        for seen in self._others.values():
            self._number(seen)
        return self._kinds

    @property
    def kinds(self) -> Counter[Sighting]:
        """How often each different sighting was made."""
        self.settle()
        found = Counter(self._others.values())
        for part in self._parts.values():
            for code, count in Counter(part.codes).items():
                found[self._kinds[code]] += count
        return found

    def __len__(self) -> int:
        self.settle()
        return len(self._others) + sum(len(part.codes) for part in self._parts.values())

    def __iter__(self) -> Iterator[Place]:
        return (place for place, _ in self.items())

    def items(self) -> ItemsView[Place, Sighting]:
        """Return the places with their sightings."""
        return _Items(self)

    def values(self) -> ValuesView[Sighting]:
        """Return the sightings, once for each place."""
        return _Values(self)

    def pairs(self) -> Iterator[tuple[Place, Sighting]]:
        """Yield the places with their sightings."""
        self.settle()
        for repository, part in list(self._parts.items()):
            for digest, seen in self._unpacked(part):
                yield (repository, digest), seen
        yield from list(self._others.items())

    def __repr__(self) -> str:
        """Return them as a mapping would."""
        return repr(dict(self.items()))


class _Items(ItemsView[Place, Sighting]):
    _mapping: Sightings

    def __iter__(self) -> Iterator[tuple[Place, Sighting]]:
        return self._mapping.pairs()


class _Values(ValuesView[Sighting]):
    _mapping: Sightings

    def __iter__(self) -> Iterator[Sighting]:
        return self._mapping.kinds.elements()
