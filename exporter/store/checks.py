"""Checks of decoded values, by their types: msgspec's text may be no valid name."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import fields, is_dataclass
from functools import cache, lru_cache, partial
from operator import attrgetter, itemgetter
from typing import Any, Final, get_args, get_origin, get_type_hints

from exporter.oci import reference
from exporter.oci.digest import Malformed
from exporter.oci.platform import Platform
from exporter.oci.reference import Reference, Repository, Tag

Check = Callable[[Any], object]
"""Raises `Malformed` for an invalid value."""

_LAST_SECOND: Final = 253_402_300_799
"""End of the year 9999: later times have no date."""
_LARGEST: Final = 2**63 - 1
_LONGEST_NAME: Final = 255


@cache
def check_of(kind: Any) -> Check | None:
    """Return the check of a type; None if any value is valid.

    All floats in facts are times, in seconds since the epoch; all integers are counts.
    """
    if kind in _LEAVES:
        return _LEAVES[kind]
    if is_dataclass(kind):
        return _of_dataclass(kind)
    inner = [check_of(each) for each in get_args(kind) if each is not Ellipsis]
    if not any(inner):
        return None
    origin = get_origin(kind)
    check_parts = _of_parts((itemgetter(at), check) for at, check in enumerate(inner))
    if origin is Mapping:
        return lambda mapping: _check_all(check_parts, mapping.items())
    if origin is tuple and Ellipsis not in get_args(kind):
        return check_parts
    (part,) = filter(None, inner)
    if origin in (tuple, frozenset, Sequence):
        return partial(_check_all, part)
    return lambda value: value is None or part(value)


def _of_dataclass(kind: Any) -> Check | None:
    hints = get_type_hints(kind)
    checks = {
        field.name: _NAMES.get((kind, field.name)) or check_of(hints[field.name])
        for field in fields(kind)
    }
    parts = [(attrgetter(name), check) for name, check in checks.items() if check]
    return _of_parts(parts) if parts else None


def _of_parts(parts: Iterable[tuple[Callable[[Any], Any], Check | None]]) -> Check:
    checked = [(get, check) for get, check in parts if check]

    def check_parts(value: object) -> None:
        for get, check in checked:
            check(get(value))

    return check_parts


def _check_all(check: Check, values: Iterable[object]) -> None:
    for value in values:
        check(value)


def _time(value: float) -> None:
    if not 0 <= value <= _LAST_SECOND:  # not a number is in no range
        raise Malformed(f"not a time: {value!r:.40}")


def _count(value: int) -> None:
    if not 0 <= value <= _LARGEST:
        raise Malformed(f"not a count: {value!r:.40}")


@lru_cache(1024)
def _platform(value: Platform) -> None:
    if Platform.of(value.os, value.architecture, value.variant) != value:
        raise Malformed(f"not a normalized platform: {str(value)[:140]!r}")


def _host(text: str) -> None:
    if reference.host(text) != text:
        raise Malformed(f"not a normalized registry host: {text[:140]!r}")


def check_registry(text: str) -> None:
    """Check a registry's name: any name that a configuration may give it."""
    if not text.isprintable() or not 0 < len(text) <= _LONGEST_NAME:
        raise Malformed(f"not a registry's name: {text[:140]!r}")


def check_address(text: str) -> None:
    """Check the address of a registry, which commands repeat."""
    scheme, _, host = text.partition("://")
    if text and scheme not in ("http", "https"):
        raise Malformed(f"not a registry's address: {text[:140]!r}")
    if text:
        reference.host(host)


_LEAVES: Final[Mapping[Any, Check]] = {
    Repository: lru_cache(1024)(reference.repository),
    Tag: reference.tag,
    Platform: _platform,
    float: _time,
    int: _count,
}
_NAMES: Final[Mapping[tuple[type, str], Check]] = {(Reference, "registry"): lru_cache(1024)(_host)}
"""Names whose type is plain text."""
