"""The names in a JSON list, taken out as its bytes arrive: a page is never held as a whole."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Final, Generic, TypeVar

import ijson

from exporter.oci.digest import Malformed
from exporter.sources import Full

if TYPE_CHECKING:
    from collections.abc import Callable, Container

Name = TypeVar("Name", bound=str)

_PIECE: Final = 32 * 2**10
"""Bytes that are parsed before others get their turn: some milliseconds."""
_SILENT: Final = 64 * 2**10
"""Bytes without the end of any value: no name is that long, and the parser would hold them all."""
_DEEPEST: Final = 8
"""Levels of nesting; a list has two."""
_NAMED: Final = 100
"""Refused entries that are kept, to be shown."""
_SHOWN: Final = 80
"""Characters of each."""
_MOST_REFUSED: Final = 10_000
"""Entries that are no names, past which it is no list of names."""


class Names(Generic[Name]):
    """Takes the list under one key of a JSON object; implements `exporter.sources.Sink`.

    Each entry is checked against its grammar as it comes. What is no name is counted, and some of
    it is kept; what is known already costs nothing. Past `most` new names it raises `Full`.
    """

    def __init__(
        self, key: str, check: Callable[[str], Name], most: int, known: Container[str] = ()
    ) -> None:
        """Take at most `most` names that `known` does not hold; `check` raises `Malformed`."""
        self._key, self._check, self._most, self._known = key, check, most, known
        self.begin()

    def begin(self) -> None:
        """Forget what came: the list is read from its beginning."""
        self.found: dict[Name, None] = {}
        """The new names, in their order, each once."""
        self.refused: list[tuple[str, str]] = []
        """The first entries that are no names, shortened, and why each is none."""
        self.refusals = 0
        """How many entries are no names."""
        self.count = 0
        """Entries that came, whatever they are."""
        self.last = ""
        """The last entry, where it is a name."""
        self.cut = False
        """Are there more new names than may be taken?"""
        self._fault = ""
        self._depth, self._inside, self._listed = 0, False, False
        self._at = ""
        self._silent = 0
        self._events: Any = ijson.sendable_list()
        self._parser: Any = ijson.basic_parse_coro(self._events)

    async def take(self, chunk: bytes) -> None:
        """Parse some bytes. Raises `Full` once there are more names than may be taken."""
        for at in range(0, len(chunk), _PIECE):
            if self._fault:
                raise Full
            self._parse(chunk[at : at + _PIECE])
            if self.cut:
                raise Full
            await asyncio.sleep(0)

    def end(self) -> None:
        """Raise `Malformed` where what came is no such list."""
        if not self._fault and not self.cut:
            self._attempt(self._parser.close)
        if self._fault or not (self._listed or self.cut):
            raise Malformed(self._fault or f"it has no {self._key}")

    def _parse(self, piece: bytes) -> None:
        self._attempt(lambda: self._parser.send(piece))
        events, self._silent = list(self._events), self._silent + len(piece)
        del self._events[:]
        if events:
            self._silent = 0
        elif self._silent > _SILENT:
            self._fault = "one value is longer than any name"
        for kind, value in events:
            if self.cut or self._fault:
                return
            self._note(kind, value)

    def _attempt(self, act: Callable[[], object]) -> None:
        try:
            act()
        except Exception:  # noqa: BLE001 - the parser's C code raises what Python's own types do
            self._fault = self._fault or "it is not JSON"

    def _note(self, kind: str, value: object) -> None:
        if kind in ("start_map", "start_array"):
            self._open(kind)
        elif kind in ("end_map", "end_array"):
            self._depth -= 1
            self._inside = self._inside and self._depth > 1
        elif kind == "map_key" and self._depth == 1:
            self._enter(str(value))
        elif self._inside:
            self._add(kind, value)
        elif self._depth <= 1 and self._at == self._key and kind != "null":
            self._fault = f"its {self._key} are no list"

    def _open(self, kind: str) -> None:
        if self._inside:
            self._fault = "an entry is no name"
        self._depth += 1
        if self._depth > _DEEPEST:
            self._fault = "it is nested too deep"
        if self._depth == 1 and kind != "start_map":
            self._fault = "it is no object"
        if self._at == self._key and self._depth == 2:  # noqa: PLR2004 - the list in its object
            self._inside = kind == "start_array"
            if not self._inside:
                self._fault = f"its {self._key} are no list"

    def _enter(self, key: str) -> None:
        self._at = key
        if key == self._key:
            if self._listed:
                self._fault = f"it has {self._key} twice"
            self._listed = True

    def _add(self, kind: str, value: object) -> None:
        if kind != "string" or not isinstance(value, str):
            self._fault = "an entry is no name"
            return
        self.count += 1
        try:
            name = self._check(value)
        except Malformed as error:
            self.last = ""
            self.refusals += 1
            if len(self.refused) < _NAMED:
                self.refused.append((value[:_SHOWN], str(error)))
            if self.refusals > _MOST_REFUSED:
                self._fault = f"more than {_MOST_REFUSED:,} entries are no names"
            return
        self.last = name
        if name in self._known or name in self.found:
            return
        if len(self.found) >= self._most:
            self.cut = True
            return
        self.found[name] = None
