"""Files that people write: read without waiting, as YAML or JSON, with the line of each value."""

import errno
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from typing import Any, Final

import yaml

from exporter.oci.digest import Malformed, quoted, without_credentials

Path = tuple[str | int, ...]
"""Where in a document: keys and positions from its root."""

_FLAGS: Final = os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC
"""Without O_NONBLOCK, opening a named pipe waits for somebody who writes into it."""
_DEEPEST: Final = 16
_LONGEST: Final = 40
"""Characters of a number: PyYAML takes `1:59:59…` and `0xfff…` of any length."""
_TOO_MUCH: Final = "too deeply nested, or too many values"
_TAG: Final = "tag:yaml.org,2002:"
_NUMBERS: Final = frozenset({f"{_TAG}int", f"{_TAG}float", f"{_TAG}bool", f"{_TAG}null"})
_STATED: Final = frozenset({*_NUMBERS, f"{_TAG}str"})
"""The tags that a text may write out."""

_UNREADABLE: Final = (ValueError, LookupError, ArithmeticError, AttributeError, TypeError)
"""Exceptions of PyYAML at a text that is not of its tag: `!!int ""` is an IndexError."""


def read_regular(path: FilePath, most: int) -> bytes:
    """Return the first `most` bytes of a file.

    Raises `OSError` for what cannot be read or is no regular file, `ValueError` for a path that no
    system takes.
    """
    descriptor = os.open(path, _FLAGS)
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "not a file", str(path))
    with os.fdopen(descriptor, "rb") as file:
        return file.read(most)


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that is wrong in a document."""

    path: Path
    line: int
    """From one; zero where no single line is to blame."""
    text: str
    """The fault and the way out, in a few words."""

    def __str__(self) -> str:
        """Return `line 4: registries[0].interval: must be a duration`."""
        parts = (f"line {self.line}" if self.line else "", spell(self.path), self.text)
        return ": ".join(part for part in parts if part)


@dataclass(frozen=True, slots=True)
class Document:
    """A document as plain values (`dict`, `tuple`, `str`, numbers), and the line of each."""

    value: Any
    lines: Mapping[Path, int]
    faults: tuple[Fault, ...]
    """Faults of the document itself: duplicate keys, tags, aliases."""

    def fault(self, path: Path, text: str) -> Fault:
        """Blame a place: its own line, or that of the nearest thing around it."""
        around = (path[:length] for length in range(len(path), -1, -1))
        return Fault(path, next((self.lines[at] for at in around if at in self.lines), 0), text)


def spell(path: Path) -> str:
    """Write a path as a person would: `registries[0].tags.latest`."""
    parts = (f"[{step}]" if isinstance(step, int) else f".{_key(step)}" for step in path)
    return "".join(parts).removeprefix(".")


def read_document(body: bytes, *, most: int) -> Document:
    """Read one document of at most `most` values; raise `Malformed` naming the line otherwise.

    Aliases are refused, so that no text can stand for more than its own length.
    """
    try:
        return _DocumentReader(body.decode(), most).document()
    except UnicodeDecodeError as error:
        line = body.count(b"\n", 0, error.start) + 1
        raise Malformed(f"line {line}: not UTF-8 text") from error
    except yaml.reader.ReaderError as error:
        line = body.decode()[: error.position].count("\n") + 1
        raise Malformed(f"line {line}: a control character, so not a text file") from error
    except yaml.MarkedYAMLError as error:
        mark, problem = error.problem_mark or error.context_mark, error.problem or error.context
        line = mark.line + 1 if mark else 1
        if "nesting depth" in str(problem):  # libyaml's own bound, from PyYAML 6.0.4 on
            raise Malformed(f"line {line}: {_TOO_MUCH}") from error
        raise Malformed(f"line {line}: not YAML: {problem}") from error


@dataclass
class _DocumentReader:
    """One pass over a text's events; the depth and the count of values are bounded."""

    text: str
    most: int
    lines: dict[Path, int] = field(default_factory=dict)
    faults: list[Fault] = field(default_factory=list)

    def document(self) -> Document:
        """Read all of it; an empty text is the value None."""
        self._loader: Any = yaml.CSafeLoader(self.text)
        self._next()
        value = None
        if self._loader.check_event(yaml.DocumentStartEvent):
            self._next()
            value = self._value(self._next(), ())
            self._next()
        if not self._loader.check_event(yaml.StreamEndEvent):
            line = self._next().start_mark.line + 1
            raise Malformed(f"line {line}: a second document begins; one file holds one")
        return Document(value, self.lines, tuple(self.faults))

    def _next(self) -> Any:
        return self._loader.get_event()

    def _value(self, event: Any, path: Path) -> object:
        line = event.start_mark.line + 1
        self.lines.setdefault(path, line)
        if len(path) > _DEEPEST or len(self.lines) > self.most:
            raise Malformed(f"line {line}: {_TOO_MUCH}")
        if isinstance(event, yaml.AliasEvent):
            return self._refuse(path, "an alias (*name); write it out")
        if isinstance(event, yaml.ScalarEvent):
            return self._scalar(event, path)
        if event.tag is not None:
            self._refuse_tag(path, event.tag)
        return self._items(path) if isinstance(event, yaml.SequenceStartEvent) else self._keys(path)

    def _items(self, path: Path) -> tuple[object, ...]:
        items: list[object] = []
        while not isinstance(event := self._next(), yaml.SequenceEndEvent):
            items.append(self._value(event, (*path, len(items))))
        return tuple(items)

    def _keys(self, path: Path) -> dict[str, object]:
        found: dict[str, object] = {}
        while not isinstance(event := self._next(), yaml.MappingEndEvent):
            key, line = self._key(event), event.start_mark.line + 1
            at = (*path, key)
            if key in found:
                self.faults.append(Fault(at, line, f"given twice, first on line {self.lines[at]}"))
            self.lines.setdefault(at, line)
            found[key] = self._value(self._next(), at)
        return found

    def _key(self, event: Any) -> str:
        """Read a key as the text that stands there: `on` is no truth value, `1` no number."""
        if isinstance(event, yaml.ScalarEvent):
            return str(event.value)
        raise Malformed(f"line {event.start_mark.line + 1}: a key is not text")

    def _scalar(self, event: Any, path: Path) -> object:
        if event.tag is not None and event.tag not in _STATED:
            return self._refuse_tag(path, event.tag)
        tag = event.tag or self._loader.resolve(yaml.ScalarNode, event.value, event.implicit)
        if tag not in _NUMBERS:
            return event.value  # dates too: nothing here is one
        try:
            if len(event.value) <= _LONGEST:
                return self._loader.construct_object(yaml.ScalarNode(tag, event.value))
        except _UNREADABLE:
            pass
        return self._refuse(path, "not the number or truth value that it claims to be")

    def _refuse_tag(self, path: Path, tag: str) -> object:
        return self._refuse(path, f"a tag ({quoted(tag, 40)}); omit it")

    def _refuse(self, path: Path, text: str) -> object:
        self.faults.append(Fault(path, self.lines[path], text))
        return None


def _key(step: str) -> str:
    """Show a key that could disturb a terminal or a log only in quotes, and never at length."""
    step = without_credentials(step)
    return step if len(step) <= 80 and step.isascii() and step.isprintable() else repr(step[:40])  # noqa: PLR2004 - a line's length
