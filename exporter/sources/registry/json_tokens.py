"""JSON read token by token while its bytes arrive: nothing is held but the token under way.

Source: RFC 8259. The libraries at hand read a whole document, or end the process at a long number.
"""

from __future__ import annotations

import codecs
import json
import re
from collections.abc import Iterator
from enum import Enum, auto
from typing import Final, NamedTuple

from exporter.oci.digest import Malformed

LONGEST: Final = 64 * 2**10
"""Characters of a token, and of the space between two."""
DEEPEST: Final = 8
"""Levels of nesting that are read."""

_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_TOKEN: Final = re.compile(
    r"(?P<mark>[{}\[\],:])"
    r'|(?P<string>"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+")'
    r"|(?P<number>-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+)"
    r"|(?P<word>true|false|null)"
)
_OPEN_NUMBER: Final = re.compile(r"[-+.0-9eE]++\Z")
"""A number that may go on in the next piece."""
_UNFINISHED: Final = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+\\?+\Z|[a-z]{1,4}\Z|[-+.0-9eE]++\Z'
)
_OPEN: Final = {"{": "}", "[": "]"}


class TokenKind(Enum):
    """What a token is."""

    BEGIN = auto()
    """`{` or `[`."""
    END = auto()
    KEY = auto()
    STRING = auto()
    OTHER = auto()
    """A number, or one of `true`, `false` and `null`."""


class JsonToken(NamedTuple):
    """A token that says something: no comma and no colon."""

    kind: TokenKind
    text: str
    """A string without its quotes and escapes; anything else as it stands."""
    depth: int
    """Objects and lists around it."""


class JsonTokenizer:
    """One document. Feed it bytes, and take the tokens that are complete."""

    def __init__(self) -> None:
        """Begin."""
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""
        self._around: list[str] = []
        """The marks that end what is open."""
        self._wanted = "value"
        """`value`, `item` (or the end of a list), `key`, `first key` (or the end of an object),
        `colon`, `comma` (or an end), or `nothing` more."""

    def feed(self, piece: bytes, *, last: bool = False) -> Iterator[JsonToken]:
        """Yield the tokens that a piece completes. Raises `Malformed` for what is no JSON."""
        try:
            text = self._rest + self._decoder.decode(piece, last)
        except UnicodeDecodeError as error:
            raise Malformed("not UTF-8") from error
        at = 0
        while True:
            at = _skipped(text, at)
            found = _TOKEN.match(text, at)
            if found is None or (not last and _OPEN_NUMBER.match(text, at)):
                break
            at = found.end()
            token = self._taken(found)
            if token is not None:
                yield token
        self._rest = text[at:]
        if self._rest and (last or not (found or _UNFINISHED.match(self._rest))):
            raise Malformed("not JSON")
        if len(self._rest) > LONGEST:
            raise Malformed("a value is too long for a name")
        if last and self._wanted != "nothing":
            raise Malformed("not JSON, or truncated")

    def _taken(self, found: re.Match[str]) -> JsonToken | None:
        text = found[0]
        if text in (",", ":"):
            self._separate(text)
            return None
        depth = len(self._around)
        if text in "}]":
            self._close(text)
            return JsonToken(TokenKind.END, text, depth - 1)
        if self._wanted in ("key", "first key"):
            if found["string"] is None:
                raise Malformed("not JSON")
            self._wanted = "colon"
            return JsonToken(TokenKind.KEY, _unquoted(text), depth)
        if self._wanted not in ("value", "item"):
            raise Malformed("not JSON")
        if text in _OPEN:
            self._around.append(_OPEN[text])
            self._wanted = "first key" if text == "{" else "item"
            if len(self._around) > DEEPEST:
                raise Malformed("nested too deeply")
            return JsonToken(TokenKind.BEGIN, text, depth)
        self._end_value()
        if found["string"] is not None:
            return JsonToken(TokenKind.STRING, _unquoted(text), depth)
        return JsonToken(TokenKind.OTHER, text, depth)

    def _separate(self, mark: str) -> None:
        if mark == ":" and self._wanted == "colon":
            self._wanted = "value"
        elif mark == "," and self._wanted == "comma":
            self._wanted = "key" if self._around[-1] == "}" else "value"
        else:
            raise Malformed("not JSON")

    def _close(self, mark: str) -> None:
        empty = {"item": "]", "first key": "}"}.get(self._wanted)
        if (
            not self._around
            or self._around[-1] != mark
            or not (self._wanted == "comma" or empty == mark)
        ):
            raise Malformed("not JSON")
        self._around.pop()
        self._end_value()

    def _end_value(self) -> None:
        self._wanted = "comma" if self._around else "nothing"


def _skipped(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    end = space.end() if space else at
    if end - at > LONGEST:
        raise Malformed("too much whitespace")
    return end


def _unquoted(text: str) -> str:
    """Return a string's content. Raises `Malformed` for an escape that is none."""
    if "\\" not in text:
        return text[1:-1]
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise Malformed("not JSON") from error
