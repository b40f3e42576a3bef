"""The names in a JSON list, taken out as its bytes arrive: a page is never held as a whole."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Container
from typing import Final, Generic, TypeVar

from exporter.oci.digest import Malformed
from exporter.ports import Full
from exporter.sources.registry.json_tokens import JsonToken, JsonTokenizer, TokenKind

Name = TypeVar("Name", bound=str)

_PIECE: Final = 16 * 2**10
"""Bytes that are parsed before others get their turn: some milliseconds."""
_NAMED: Final = 100
"""Refused entries that are kept, to be shown."""
_SHOWN: Final = 80
"""Characters of each."""
_MOST_REFUSED: Final = 10_000
"""Entries that are no names, or values beside the list, past which it is no list of names."""


class NameReader(Generic[Name]):
    """Takes the list under one key of a JSON object; implements `exporter.ports.Sink`.

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
        self._tokens = JsonTokenizer()
        self._fault = ""
        self._beside = 0
        self._at = ""
        """The key under way."""
        self._listed = self._inside = False

    async def take(self, chunk: bytes) -> None:
        """Parse some bytes. Raises `Full` once there are more names than may be taken."""
        for at in range(0, len(chunk), _PIECE):
            self._parse(chunk[at : at + _PIECE])
            if self._fault or self.cut:
                raise Full
            await asyncio.sleep(0)

    def end(self) -> None:
        """Raise `Malformed` where what came is no such list."""
        if not self._fault and not self.cut:
            self._parse(b"", last=True)
        if self._fault or not (self._listed or self.cut):
            raise Malformed(self._fault or f"{self._key} is missing")

    def _parse(self, piece: bytes, *, last: bool = False) -> None:
        try:
            for token in self._tokens.feed(piece, last=last):
                if self._inside and token.kind is TokenKind.STRING:
                    self._add(token.text)
                else:
                    self._note(token)
                if self.cut:
                    return
        except Malformed as error:
            self._fault = str(error)

    def _note(self, token: JsonToken) -> None:
        """Follow where the list begins and ends. Raises `Malformed`."""
        self._beside += 1
        if self._beside > _MOST_REFUSED:
            raise Malformed("too much data outside its list")
        if token.depth == 0:
            if token.kind is not TokenKind.END and token.text != "{":
                raise Malformed("not a JSON object")
        elif self._inside:
            if token.kind is not TokenKind.END:
                raise Malformed("an entry is not a string")
            self._inside = False
        elif token.depth == 1:
            self._note_field(token)

    def _note_field(self, token: JsonToken) -> None:
        if token.kind is TokenKind.KEY:
            self._at = token.text
            if self._at == self._key:
                if self._listed:
                    raise Malformed(f"duplicate key {self._key}")
                self._listed = True
        elif self._at == self._key and token.kind is not TokenKind.END:
            self._inside = token.kind is TokenKind.BEGIN and token.text == "["
            if not self._inside and token != JsonToken(TokenKind.OTHER, "null", 1):
                raise Malformed(f"{self._key} is not a list")

    def _add(self, entry: str) -> None:
        self.count += 1
        try:
            name = self._check(entry)
        except Malformed as error:
            self.last = ""
            self.refusals += 1
            if len(self.refused) < _NAMED:
                self.refused.append((entry[:_SHOWN], str(error)))
            if self.refusals > _MOST_REFUSED:
                raise Malformed(f"more than {_MOST_REFUSED:,} entries are not names") from error
            return
        self.last = name
        if name in self._known or name in self.found:
            return
        if len(self.found) >= self._most:
            self.cut = True
            return
        self.found[name] = None
