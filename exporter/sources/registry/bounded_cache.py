"""A cache that is bounded in values and bytes: the oldest are forgotten."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, Generic, TypeVar

MOST: Final = 4096
"""Values: a registry may have very many repositories."""
MOST_BYTES: Final = 16 * 2**20
"""Bytes of all of them."""

Name = TypeVar("Name")
Value = TypeVar("Value")


class BoundedCache(Generic[Name, Value]):
    """Values by name, so many and so large at most; the newest is always kept."""

    def __init__(self, size: Callable[[Name, Value], int]) -> None:
        """`size` returns the bytes of a value and its name."""
        self._size = size
        self._values: dict[Name, Value] = {}
        self._bytes = 0

    def __contains__(self, name: Name) -> bool:
        """Is there a value of this name?"""
        return name in self._values

    def get(self, name: Name) -> Value | None:
        """Return the value of a name, None where there is none."""
        return self._values.get(name)

    def keep(self, name: Name, value: Value) -> None:
        """Keep a value, and forget the oldest where there are too many, or too many bytes."""
        self.forget(name)
        self._values[name] = value
        self._bytes += self._size(name, value)
        while len(self._values) > MOST or (self._bytes > MOST_BYTES and len(self._values) > 1):
            self.forget(next(iter(self._values)))

    def forget(self, name: Name) -> None:
        """Forget a value, where there is one of this name."""
        if name in self._values:
            self._bytes -= self._size(name, self._values.pop(name))
