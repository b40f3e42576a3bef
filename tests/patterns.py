"""Which regular expressions does the exporter have, how is each used, and what is its worst input?

All of it is found by looking: a pattern that is added is in the list.
"""

from __future__ import annotations

import ast
import importlib
import pkgutil
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from re import _constants as code  # type: ignore[attr-defined]
from re import _parser as parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final

import exporter

if TYPE_CHECKING:
    from types import ModuleType

ROOT: Final = Path(exporter.__file__).parent
METHODS: Final = frozenset({"match", "fullmatch", "search", "finditer", "findall"})
"""Those that no other type has; `sub` and `split` count where a pattern is named."""
NAMED: Final = METHODS | {"sub", "subn", "split"}
_CALLS: Final = NAMED | {"compile"}
_POOL: Final = "a0A-_./:@=+~ \t\n\"'\\,;()[]{}<>#*?!%&|\x1b\x00é"
"""Characters from which those are taken that a class does not exclude."""
_MANY: Final = 64
"""Repeats that may be more are worth an attack."""


@dataclass(frozen=True)
class Found:
    """One pattern, where it stands, and the methods it is used with."""

    name: str
    pattern: re.Pattern[Any]
    methods: tuple[str, ...]


def modules() -> Iterator[ModuleType]:
    """Every module of the exporter; those that cannot be imported here must have no pattern."""
    for each in pkgutil.walk_packages([str(ROOT)], "exporter."):
        if each.name == "exporter.__main__":
            continue
        try:
            yield importlib.import_module(each.name)
        except ModuleNotFoundError:
            path = ROOT.parent / f"{each.name.replace('.', '/')}.py"
            assert "import re\n" not in path.read_text(), f"{path}: not looked into"


def found() -> list[Found]:
    """Every pattern that a module has, once."""
    known: dict[tuple[object, int], Found] = {}
    uses = {path: _uses(ast.parse(path.read_text())) for path in ROOT.rglob("*.py")}
    for module in modules():
        for name, value in vars(module).items():
            for at, pattern in _patterns(value):
                methods = _methods(name, Path(str(module.__file__)), uses)
                key = (pattern.pattern, pattern.flags)
                first = known.get(key)
                before = first.methods if first else ()
                label = first.name if first else f"{module.__name__}.{name}{at}"
                known[key] = Found(label, pattern, tuple(sorted({*before, *methods})))
    return sorted(known.values(), key=lambda each: each.name)


def _patterns(value: object, at: str = "") -> Iterator[tuple[str, re.Pattern[Any]]]:
    if isinstance(value, re.Pattern):
        yield at, value
    elif isinstance(value, Mapping):
        for key, each in value.items():
            yield from _patterns(each, f"{at}[{getattr(key, '__name__', key)}]")
    elif isinstance(value, tuple | list | set | frozenset):
        for number, each in enumerate(value):
            yield from _patterns(each, f"{at}[{number}]")


def _uses(tree: ast.Module) -> dict[str, set[str]]:
    """By name, the methods called on it; by `` those called on anything without a known name."""
    used: dict[str, set[str]] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and node.attr in NAMED:
            owner = node.value.id if isinstance(node.value, ast.Name) else ""
            used.setdefault(owner, set()).add(node.attr)
    return used


def _methods(name: str, path: Path, uses: Mapping[Path, dict[str, set[str]]]) -> set[str]:
    """How a pattern of a module is used: by its name, or else by every call that might be one."""
    named = {method for used in uses.values() for method in used.get(name, ())}
    here = uses.get(path, {})
    if named:
        return named
    others = {each for owner, used in here.items() if owner != "re" for each in used}
    return (others & METHODS) or {"search", "fullmatch"}


def uncompiled() -> list[str]:
    """Calls of `re` within functions: what they are given is in no list, and is compiled anew."""
    calls = []
    for path in sorted(ROOT.rglob("*.py")):
        tree = ast.parse(path.read_text())
        bodies = (node for node in ast.walk(tree) if isinstance(node, _FUNCTIONS))
        calls += [
            f"{path.relative_to(ROOT.parent)}:{node.lineno}"
            for body in bodies
            for node in ast.walk(body)
            if _is_call_of_re(node)
        ]
    return sorted(set(calls))


_FUNCTIONS: Final = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda)


def _is_call_of_re(node: ast.AST) -> bool:
    func = node.func if isinstance(node, ast.Call) else None
    if not isinstance(func, ast.Attribute) or func.attr not in _CALLS:
        return False
    return isinstance(func.value, ast.Name) and func.value.id == "re"


@dataclass(frozen=True)
class Attack:
    """An input that grows: what comes first, what is repeated, and what ends it."""

    before: str
    pump: str
    after: str

    def text(self, size: int) -> str:
        """The input, of about this many characters."""
        return self.before + self.pump * max(1, size // len(self.pump)) + self.after


def attacks(pattern: re.Pattern[Any]) -> list[Attack]:
    """Inputs on which a pattern that is not linear shows it, derived from its parse tree."""
    text = pattern.pattern
    source = text.decode("latin-1") if isinstance(text, bytes) else text
    tree = parser.parse(
        source, pattern.flags & ~re.UNICODE if isinstance(text, bytes) else pattern.flags
    )
    begun = {*_fragments(tree), *_samples(tree)}
    pumps = {*_characters(tree), *begun, *(f"{each} " for each in begun)}
    ends = ("", "\x00", *_refused(tree))
    made = [Attack("", pump, end) for pump in pumps if pump for end in ends]
    for before, body in _repeats(tree, ""):
        for pump in {*_samples(body), *_characters(body)}:
            made += [Attack(before, pump, end) for end in (*ends, "\n") if pump]
    made += [Attack(before, pump, "") for before, pump in _windows(tree, "") if pump]
    return list(dict.fromkeys(made))


def _parts(item: tuple[Any, Any]) -> Iterator[Iterable[Any]]:
    """The sequences within one item of a parse tree."""
    kind, value = item
    if kind in _REPEATS:
        yield value[2]
    elif kind is code.SUBPATTERN:
        yield value[3]
    elif kind is code.ATOMIC_GROUP:
        yield value
    elif kind in (code.ASSERT, code.ASSERT_NOT):
        yield value[1]
    elif kind is code.BRANCH:
        yield from value[1]
    elif kind is code.GROUPREF_EXISTS:
        yield from (each for each in value[1:] if each)


_REPEATS: Final = (code.MAX_REPEAT, code.MIN_REPEAT, code.POSSESSIVE_REPEAT)


def _characters(tree: Iterable[Any]) -> set[str]:
    """A few characters of every class and literal anywhere below."""
    chars: set[str] = set()
    for item in tree:
        chars |= set(_of(item))
        for part in _parts(item):
            chars |= _characters(part)
    return chars


def _refused(tree: Iterable[Any], most: int = 3) -> list[str]:
    """A few characters that some class leaves out: what lets a match fail at the very end."""
    found: list[str] = []
    for kind, value in tree:
        if kind is code.NOT_LITERAL:
            found.append(chr(value))
        elif kind is code.IN and value[0][0] is code.NEGATE:
            found += [chr(about) for name, about in value if name is code.LITERAL]
        for part in _parts((kind, value)):
            found += _refused(part)
    return list(dict.fromkeys(found))[:most]


def _fragments(tree: Iterable[Any]) -> set[str]:
    """How every sequence anywhere below may begin: what almost matches, over and over."""
    items = list(tree)
    begun = {_sample(items[:end]) for end in range(1, len(items) + 1)}
    for item in items:
        for part in _parts(item):
            begun |= _fragments(part)
    return begun


def _repeats(tree: Iterable[Any], before: str) -> Iterator[tuple[str, list[Any]]]:
    """Every part that may be repeated often, with an example of all that stands before it."""
    items = list(tree)
    for at, item in enumerate(items):
        led = before + _sample(items[:at])
        if item[0] in _REPEATS and item[1][1] > _MANY:
            yield led, list(item[1][2])
        for part in _parts(item):
            yield from _repeats(part, led)


def _windows(tree: Iterable[Any], before: str) -> Iterator[tuple[str, str]]:
    """Up to three neighbours of every sequence, behind an example of what stands before them.

    Letters of one word count as one: `.*/repositories/` is two neighbours.
    """
    words = _words(tree)
    for at in range(len(words)):
        led = before + _sample(item for word in words[:at] for item in word)
        for end in range(at + 1, min(at + _NEIGHBOURS, len(words)) + 1):
            yield led, _sample(item for word in words[at:end] for item in word)
        for part in _parts(words[at][0]):
            yield from _windows(part, led)


_NEIGHBOURS: Final = 3


def _words(tree: Iterable[Any]) -> list[list[Any]]:
    words: list[list[Any]] = []
    for item in tree:
        if item[0] is code.LITERAL and words and words[-1][-1][0] is code.LITERAL:
            words[-1].append(item)
        else:
            words.append([item])
    return words


def _sample(tree: Iterable[Any]) -> str:
    return next(iter(_samples(tree)), "")


def _samples(tree: Iterable[Any], most: int = 6) -> list[str]:
    """Texts that a sequence matches: the plainest, then one part of it varied at a time."""
    choices = [_choices(item) for item in tree]
    plain = [each[0] for each in choices]
    made = ["".join(plain)]
    for at, each in enumerate(choices):
        made += ["".join((*plain[:at], other, *plain[at + 1 :])) for other in each[1:]]
    return list(dict.fromkeys(made))[:most]


def _choices(item: tuple[Any, Any]) -> list[str]:
    kind, value = item
    if kind in _REPEATS:
        least, most, body = value
        inside = _samples(body)
        times = dict.fromkeys((max(least, min(1, most)), least, min(most, least + 2)))
        return [inside[0] * each for each in times] + [each * max(least, 1) for each in inside[1:]]
    if kind is code.BRANCH:
        return [text for each in value[1] for text in _samples(each, 2)] or [""]
    if kind in (code.SUBPATTERN, code.ATOMIC_GROUP):
        return _samples(value[3] if kind is code.SUBPATTERN else value)
    if kind is code.AT and value is code.AT_BOUNDARY:
        return [" "]
    return _of(item) or [""]


def _of(item: tuple[Any, Any]) -> list[str]:
    """A few characters that one item of a parse tree takes."""
    kind, value = item
    if kind is code.LITERAL:
        return [chr(value)]
    if kind in (code.ANY, code.NOT_LITERAL, code.IN):
        return _of_class(item)
    return []


def _of_class(item: tuple[Any, Any]) -> list[str]:
    kind, value = item
    if kind is code.ANY:
        return ["a", " ", '"']
    if kind is code.NOT_LITERAL:
        return [each for each in _POOL if ord(each) != value][:3]
    negated = value[0][0] is code.NEGATE
    listed = [each for each in value if each[0] is not code.NEGATE]
    if negated:
        return [each for each in _POOL if not any(_takes(one, each) for one in listed)][:4]
    ends = [chr(end) for name, about in listed for end in _ends(name, about)]
    pool = [each for each in _POOL if any(_takes(one, each) for one in listed)]
    return list(dict.fromkeys((*ends, *pool)))[:8]


def _ends(name: Any, about: Any) -> tuple[int, ...]:
    if name is code.LITERAL:
        return (about,)
    return (about[0],) if name is code.RANGE else ()


def _takes(one: tuple[Any, Any], char: str) -> bool:
    name, about = one
    if name is code.LITERAL:
        return bool(ord(char) == about)
    if name is code.RANGE:
        return bool(about[0] <= ord(char) <= about[1])
    inside = {
        code.CATEGORY_SPACE: str.isspace,
        code.CATEGORY_DIGIT: str.isdecimal,
        code.CATEGORY_WORD: lambda each: each.isalnum() or each == "_",
    }
    outside = {
        code.CATEGORY_NOT_SPACE: code.CATEGORY_SPACE,
        code.CATEGORY_NOT_DIGIT: code.CATEGORY_DIGIT,
        code.CATEGORY_NOT_WORD: code.CATEGORY_WORD,
    }
    if about in outside:
        return not inside[outside[about]](char)
    return bool(inside[about](char))
