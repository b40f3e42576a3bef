"""Names in a JSON list, parsed as its bytes arrive: no page is held as a whole.

Source: RFC 8259. The libraries at hand need a whole document, or crash at a long number.
"""

import asyncio
import codecs
import json
import re
from collections.abc import Callable, Container, Iterator
from enum import Enum, auto
from typing import Final, Generic, NamedTuple, TypeVar

from exporter.oci.digest import Malformed
from exporter.ports import Full

Name = TypeVar("Name", bound=str)

_LONGEST: Final = 64 * 2**10
"""Characters of a token."""
_DEEPEST: Final = 8
"""Levels of nesting that are read."""
_SPACE: Final = re.compile(r"[ \t\n\r]*+")
_TOKEN: Final = re.compile(
    r"(?P<mark>[{}\[\],:])"
    r'|(?P<string>"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+")'
    r"|-?+(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?+[0-9]++)?+(?=[^-+.0-9eE])"
    r"|true|false|null"
)
"""A number ends before another token: it may continue in the next chunk."""
_UNFINISHED: Final = re.compile(
    r'"(?:[^"\\\x00-\x1f]|\\[^\x00-\x1f])*+\\?+\Z|[a-z]{1,4}\Z|[-+.0-9eE]++\Z'
)
_OPEN: Final = {"{": "}", "[": "]"}

_PIECE: Final = 16 * 2**10
"""Bytes that are parsed before other tasks run: some milliseconds."""
_NAMED: Final = 100
"""Invalid entries that are kept for messages."""
_SHOWN: Final = 80
"""Characters of each."""
_MOST_REFUSED: Final = 10_000
"""Maximum invalid entries, or values beside the list; beyond it is no list of names."""


class TokenKind(Enum):
    """The kind of a token."""

    BEGIN = auto()
    """`{` or `[`."""
    END = auto()
    KEY = auto()
    STRING = auto()
    OTHER = auto()
    """A number, or one of `true`, `false` and `null`."""


class JsonToken(NamedTuple):
    """One token with a value: no comma and no colon."""

    kind: TokenKind
    text: str
    """A string without quotes and escapes; any other token as it is."""
    depth: int
    """Levels of objects and lists around it."""


class JsonTokenizer:
    """Incremental reader of one JSON document: `feed` it bytes, and read the complete tokens."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")()
        self._rest = ""
        self._around: list[str] = []
        """Closing marks of the open levels."""
        self._wanted = "value"
        """`value`, `item` (or the end of a list), `key`, `first key` (or the end of an object),
        `colon`, `comma` (or an end), or `nothing` more."""

    def feed(self, piece: bytes, *, last: bool = False) -> Iterator[JsonToken]:
        """Yield the tokens that a chunk completes. Raises `Malformed` for invalid JSON."""
        try:
            text = self._rest + self._decoder.decode(piece, last) + " " * last
        except UnicodeDecodeError as error:
            raise Malformed("not UTF-8") from error
        at = _skipped(text, 0)
        while found := _TOKEN.match(text, at):
            at = _skipped(text, found.end())
            if token := self._taken(found[0], is_string=found["string"] is not None):
                yield token
        self._rest = text[at:]
        if self._rest and (last or not _UNFINISHED.match(self._rest)):
            raise Malformed("not JSON")
        if len(self._rest) > _LONGEST:
            raise Malformed("a value is too long for a name")
        if last and self._wanted != "nothing":
            raise Malformed("not JSON, or truncated")

    def _taken(self, text: str, *, is_string: bool) -> JsonToken | None:
        depth, wanted = len(self._around), self._wanted
        if text in "}]" and self._may_close(text):
            self._around.pop()
            self._end_value()
            return JsonToken(TokenKind.END, text, depth - 1)
        if text == ":" and wanted == "colon":
            self._wanted = "value"
            return None
        if text == "," and wanted == "comma":
            self._wanted = "key" if self._around[-1] == "}" else "value"
            return None
        if is_string and wanted in ("key", "first key"):
            self._wanted = "colon"
            return JsonToken(TokenKind.KEY, _unquoted(text), depth)
        if text in ",:}]" or wanted not in ("value", "item"):
            raise Malformed("not JSON")
        if text in _OPEN:
            self._around.append(_OPEN[text])
            self._wanted = "first key" if text == "{" else "item"
            if len(self._around) > _DEEPEST:
                raise Malformed("nested too deeply")
            return JsonToken(TokenKind.BEGIN, text, depth)
        self._end_value()
        if is_string:
            return JsonToken(TokenKind.STRING, _unquoted(text), depth)
        return JsonToken(TokenKind.OTHER, text, depth)

    def _may_close(self, mark: str) -> bool:
        empty = {"item": "]", "first key": "}"}.get(self._wanted)
        return self._around[-1:] == [mark] and (self._wanted == "comma" or empty == mark)

    def _end_value(self) -> None:
        self._wanted = "comma" if self._around else "nothing"


def _skipped(text: str, at: int) -> int:
    space = _SPACE.match(text, at)
    return space.end() if space else at


def _unquoted(text: str) -> str:
    """Return the content of a string. Raises `Malformed` for an invalid escape."""
    if "\\" not in text:
        return text[1:-1]
    try:
        return str(json.loads(text))
    except ValueError as error:
        raise Malformed("not JSON") from error


class NameCollector(Generic[Name]):
    """Collector of names, each once, validated by their grammar.

    Invalid entries are counted, and some are kept; known names are skipped.
    """

    def __init__(self, check: Callable[[str], Name], most: int, known: Container[str] = ()) -> None:
        """Collect at most `most` names that are not in `known`; `check` raises `Malformed`."""
        self._check, self._most, self._known = check, most, known
        self.begin()

    def begin(self) -> None:
        """Drop all names."""
        self.found: dict[Name, None] = {}
        """The new names, in order."""
        self.refused: list[tuple[str, str]] = []
        """The first invalid entries, shortened, with the reason for each."""
        self.refusals = 0
        """Number of invalid entries."""
        self.count = 0
        """Number of entries, valid or not."""
        self.last = ""
        """The last entry, if it is a name."""
        self.cut = False
        """Are there more new names than `most`?"""

    def add(self, entry: str) -> None:
        """Add an entry. Raises `Malformed` beyond the maximum of invalid ones."""
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
        if name not in self._known and name not in self.found:
            self.cut = len(self.found) >= self._most
            if not self.cut:
                self.found[name] = None


class NameReader(NameCollector[Name]):
    """Reader of the list under one key of a JSON object; implements `exporter.ports.Sink`.

    Raises `Full` beyond `most` new names.
    """

    def __init__(
        self, key: str, check: Callable[[str], Name], most: int, known: Container[str] = ()
    ) -> None:
        """Collect at most `most` names that are not in `known`; `check` raises `Malformed`."""
        self._key = key
        super().__init__(check, most, known)

    def begin(self) -> None:
        """Drop everything: the list is read from its beginning."""
        super().begin()
        self._tokens = JsonTokenizer()
        self._fault = ""
        self._beside = 0
        self._at = ""
        """The current key."""
        self._listed = self._inside = False

    async def take(self, chunk: bytes) -> None:
        """Parse some bytes. Raises `Full` beyond `most` new names."""
        for at in range(0, len(chunk), _PIECE):
            self._parse(chunk[at : at + _PIECE])
            if self._fault or self.cut:
                raise Full
            await asyncio.sleep(0)

    def end(self) -> None:
        """Raise `Malformed` if the document has no such list."""
        if not self._fault and not self.cut:
            self._parse(b"", last=True)
        if self._fault or not (self._listed or self.cut):
            raise Malformed(self._fault or f"{self._key} is missing")

    def _parse(self, piece: bytes, *, last: bool = False) -> None:
        try:
            for token in self._tokens.feed(piece, last=last):
                if self._inside and token.kind is TokenKind.STRING:
                    self.add(token.text)
                else:
                    self._note(token)
                if self.cut:
                    return
        except Malformed as error:
            self._fault = str(error)

    def _note(self, token: JsonToken) -> None:
        """Track the beginning and the end of the list. Raises `Malformed`."""
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
